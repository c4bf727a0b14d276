"""A source's files as one plain CSV file: commas, decimal points, UTF-8, names of columns in line 1.

What a lender sends otherwise, and declares so, is written anew once for each version of the files; all that
reads files then reads them in one way. Lines keep their order, so that a line is found where it was.
"""

import codecs
import csv
import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import polars as pl

from tasks.errors import BadInputError
from tasks.lender.columns import NUMBERS
from tasks.lender.declaration import LenderSource
from tasks.store.atomic_files import HIDDEN, new_folder

WITH_COMMA = re.compile(r"[-+]?\d*,\d+_*")
FIELDS = 1 << 20  # characters of one


def is_plain(declared: LenderSource, paths: Sequence[Path]) -> bool:
    """Whether the files are one that is written as plain CSV files are."""
    usual = (declared.format, declared.separator, declared.decimal, declared.header) == ("csv", ",", ".", ())
    return usual and len(paths) == 1 and codecs.lookup(declared.encoding).name == "utf-8"


def copy_plainly(declared: LenderSource, paths: Sequence[Path], home: Path) -> Path:
    """The plain copy of the files, in a folder of `home` named after their version; made where there is none.

    Raises: BadInputError for a file that cannot be read as it is declared.
    """
    versions = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]
    told = "\n".join([*versions, declared.model_dump_json(include=set(WRITING))])
    folder = home / hashlib.sha256(told.encode()).hexdigest()[:16]
    name = paths[0].name
    if not folder.is_dir():
        with (
            new_folder(folder, private=True) as work,
            (work / name).open("w", encoding="utf-8", newline="") as out,
        ):
            writer = csv.writer(out, lineterminator="\n")
            for place, path in enumerate(paths):
                writer.writerows(_read(path, declared, with_header=place == 0))
        for old in home.iterdir():
            if old != folder and not old.name.startswith(HIDDEN):
                shutil.rmtree(old, ignore_errors=True)
    return folder / name


WRITING = ("format", "separator", "decimal", "encoding", "header", "columns")


def _read(path: Path, declared: LenderSource, *, with_header: bool) -> Iterator[Sequence[str | None]]:
    """The rows of one file, the names of its columns first if they are asked for."""
    rows = iter(_read_frame(path) if declared.format == "parquet" else _read_text(path, declared))
    header = list(declared.header) or next(rows, [])
    if with_header:
        yield header
    if declared.decimal == ".":
        yield from rows
        return
    counted = {place for place, name in enumerate(header) if _is_number(str(name), declared)}
    for row in rows:
        yield [
            cell.replace(",", ".") if cell and place in counted and WITH_COMMA.fullmatch(cell) else cell
            for place, cell in enumerate(row)
        ]


def _is_number(name: str, declared: LenderSource) -> bool:
    column = declared.columns.get(name.strip())
    return column is not None and column.type in NUMBERS


def _read_text(path: Path, declared: LenderSource) -> Iterator[list[str]]:
    try:
        with path.open(encoding=_decoding(declared.encoding), newline="") as file:
            csv.field_size_limit(FIELDS)
            yield from csv.reader(file, delimiter=declared.separator)
    except (UnicodeError, csv.Error) as error:
        raise BadInputError(
            f"{path} cannot be read as {declared.encoding} text separated by {declared.separator!r} "
            f"({error}). Correct encoding and separator of {declared.name} in lender.toml, or ask the sender."
        ) from error


def _read_frame(path: Path) -> Iterable[Sequence[str | None]]:
    try:
        rows = pl.read_parquet(path).select(pl.all().cast(pl.String))
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise BadInputError(
            f"{path} is not Parquet ({reason}). Correct its format in lender.toml."
        ) from error
    return chain([rows.columns], rows.iter_rows())


def _decoding(encoding: str) -> str:
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
