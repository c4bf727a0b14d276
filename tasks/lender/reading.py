"""The lender's declaration: found, read, checked."""

from functools import cache
from pathlib import Path

from tasks.errors import PolicyError
from tasks.lender.declaration import Lender
from tasks.toml_file import read_toml

NAME = "lender.toml"
REFERENCE = Path(__file__).parents[2] / "governance" / NAME


def find_declaration(data: Path, named: Path | None = None) -> Path:
    """The file that declares the lender: the one named, else the data folder's, else governance/'s."""
    if named is not None:
        return named
    beside = data / NAME
    return beside if beside.is_file() else REFERENCE


def read_lender(path: Path) -> Lender:
    """What the file declares.

    Raises: PolicyError that names the file, the line and the fix.
    """
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _read(path: Path, changed: int) -> Lender:  # noqa: ARG001 - a changed file is read again
    if not path.is_file():
        raise PolicyError(
            f"{path} is missing. Write it as docs/lender.md tells, or name another with --lender."
        )
    return read_toml(path, Lender, what="lender")[0]
