"""The lender's declaration: found, read, checked."""

from functools import cache
from pathlib import Path

from tasks.errors import PolicyError
from tasks.lender.declaration import Lender
from tasks.place import Place, stamp_of
from tasks.toml_file import read_toml

NAME = "lender.toml"
REFERENCE = Path(__file__).parents[2] / "governance" / NAME


def find_declaration(data: Place, datamart: Place, named: Path | None = None) -> Place:
    """The file that declares the lender: the one named, else the data folder's, else governance/'s.

    Where the data are elsewhere, the tables tell by which declaration they were made.
    """
    if named is not None:
        return named
    places = (data / NAME, datamart / NAME)
    return next((place for place in places if place.is_file()), REFERENCE)


def read_lender(path: Place) -> Lender:
    """What the file declares.

    Raises: PolicyError that names the file, the line and the fix.
    """
    return _read(path, stamp_of(path))


@cache
def _read(path: Place, stamp: str | None) -> Lender:
    """What a file of that stamp says (None: there is none); a changed one is read again."""
    if stamp is None:
        raise PolicyError(
            f"{path} is missing. Write it as docs/lender.md tells, or name another with --lender."
        )
    return read_toml(path, Lender, what="lender")[0]
