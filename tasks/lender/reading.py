"""The lender's declaration: found, read, checked."""

from functools import cache
from pathlib import Path

from tasks.errors import PolicyError
from tasks.lender.declaration import Lender
from tasks.toml_file import read_toml

NAME = "lender.toml"
REFERENCE = Path(__file__).parents[2] / "governance" / NAME


def find_declaration(data: Path, datamart: Path, named: Path | None = None) -> Path:
    """The file that declares the lender: the one named, else the data folder's, else governance/'s.

    Where the data are elsewhere, the tables tell by which declaration they were made.
    """
    if named is not None:
        return named
    places = (data / NAME, datamart / NAME)
    return next((place for place in places if place.is_file()), REFERENCE)


def read_lender(path: Path) -> Lender:
    """What the file declares.

    Raises: PolicyError that names the file, the line and the fix.
    """
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _read(path: Path, written: int) -> Lender:
    """What a file says that was written at that time (0: there is none); a changed one is read again."""
    if not written:
        raise PolicyError(
            f"{path} is missing. Write it as docs/lender.md tells, or name another with --lender."
        )
    return read_toml(path, Lender, what="lender")[0]
