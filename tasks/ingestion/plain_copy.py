"""A source's files as one plain CSV file: commas, decimal points, UTF-8, names of columns in line 1.

What a lender sends otherwise, and declares so, is written anew once for each version of the files; all that
reads files then reads them in one way. Lines keep their order, and a note tells which of the sender's files
and lines they were, so that messages name these.
"""

import codecs
import csv
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.errors import BadInputError
from tasks.ingestion.cleaning import GROUPED
from tasks.ingestion.raw_folder import sent_as
from tasks.lender.columns import NUMBERS
from tasks.lender.declaration import LenderSource
from tasks.store.atomic_files import HIDDEN, new_folder

FIELDS = CHUNK = 1 << 20  # characters of a field, bytes that are read at once
ORIGIN = "origin.json"
WRITING = ("format", "separator", "decimal", "encoding", "header", "columns")
DELTA_LOG = "_delta_log"
FRAMES = {"parquet": "Parquet", "delta": "a Delta table"}


class Origin(NamedTuple):
    """One of the sender's files: with which line of the copy it begins, and how much later that is."""

    file: str
    first: int
    shift: int
    unit: str = "line"


def is_plain(declared: LenderSource, paths: Sequence[Path]) -> bool:
    """Whether the files are one that is written as plain CSV files are."""
    usual = (declared.format, declared.separator, declared.decimal, declared.header) == ("csv", ",", "", ())
    return usual and len(paths) == 1 and codecs.lookup(declared.encoding).name == "utf-8"


def is_sent(path: Path, declared: LenderSource) -> bool:
    """Whether a file is there; of a Delta table, its folder."""
    return (path / DELTA_LOG).is_dir() if declared.format == "delta" else path.is_file()


def copy_plainly(declared: LenderSource, paths: Sequence[Path], home: Path) -> Path:
    """The plain copy of the files, in a folder of `home` named after their version; made where there is none.

    Raises: BadInputError for a file that cannot be read as it is declared.
    """
    versions = [_version(path) for path in paths]
    told = "\n".join([*versions, declared.model_dump_json(include=set(WRITING))])
    folder = home / hashlib.sha256(told.encode()).hexdigest()[:16]
    name = f"{paths[0].stem}.csv" if declared.format == "delta" else paths[0].name
    if not folder.is_dir():
        with new_folder(folder, private=True) as work:
            origins = _copy(declared, paths, work / name)
            (work / ORIGIN).write_text(json.dumps(origins), encoding="utf-8")
        for old in home.iterdir():
            if old != folder and not old.name.startswith(HIDDEN):
                shutil.rmtree(old, ignore_errors=True)
    return folder / name


def sender_of(path: Path) -> str:
    """The sender's file behind a file that is read, for messages; of several the first and their number."""
    return _in_words([origin.file for origin in _origins(path)] or [sent_as(path)])


def name_of_sender(path: Path) -> str:
    """The same without its folder."""
    return _in_words([Path(origin.file).name for origin in _origins(path)] or [path.name])


def _in_words(files: Sequence[str]) -> str:
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more of its kind"


def line_of_sender(path: Path, line: int) -> str:
    """Which line of the sender's file a line of `path` is, in words; of several files it names that one."""
    origins = [origin for origin in _origins(path) if origin.first <= line]
    if not origins:
        return f"line {line}"
    of_file = f" of {origins[-1].file}" if len(_origins(path)) > 1 else ""
    return f"{origins[-1].unit} {line - origins[-1].shift}{of_file}"


@cache
def _origins(path: Path) -> list[Origin]:
    """The sender's files of a plain copy; none of another file. A copy's folder is never written anew."""
    note = path.with_name(ORIGIN)
    return [Origin(*row) for row in json.loads(note.read_text(encoding="utf-8"))] if note.is_file() else []


def _version(path: Path) -> str:
    log = sorted((path / DELTA_LOG).glob("*")) if path.is_dir() else [path]
    return "\n".join(f"{one} {one.stat().st_size} {one.stat().st_mtime_ns}" for one in log)


def _copy(declared: LenderSource, paths: Sequence[Path], to: Path) -> list[Origin]:
    """Write the files to one, and say which of its lines are of which."""
    origins, n_lines, part = list[Origin](), 0, to.with_name("part")
    with to.open("wb") as out:
        for path in paths:
            in_frame = declared.format in FRAMES
            copy_one = _copy_frame if in_frame else _copy_text
            copy_one(path, declared, part, with_header=not n_lines)
            shift = max(n_lines, 1) if in_frame or declared.header else max(n_lines - 1, 0)
            origins.append(Origin(sent_as(path), n_lines + 1, shift, "row" if in_frame else "line"))
            with part.open("rb") as file:
                for chunk in iter(lambda: file.read(CHUNK), b""):
                    n_lines += chunk.count(b"\n")
                    out.write(chunk)
    part.unlink(missing_ok=True)
    return origins


def _copy_frame(path: Path, declared: LenderSource, to: Path, *, with_header: bool) -> None:
    try:
        rows = pl.scan_delta(path) if declared.format == "delta" else pl.scan_parquet(path, glob=False)
        texts = _with_points(rows, rows.collect_schema().names(), declared).select(pl.all().cast(pl.String))
        texts.sink_csv(to, include_header=with_header)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise BadInputError(
            f"{sent_as(path)} is not {FRAMES[declared.format]} ({reason}). Correct its format in lender.toml."
        ) from error


def _copy_text(path: Path, declared: LenderSource, to: Path, *, with_header: bool) -> None:
    """Write a text file plainly, by Polars where no field is quoted and no line has more than the first.

    The others are read row by row: Polars would lose the fields that are too many, and reads quotes that are
    not in pairs in a way of its own.
    """
    try:
        text = _as_utf8(path, declared.encoding, to.with_name("text"))
        with text.open(encoding="utf-8-sig", newline="") as file:
            csv.field_size_limit(FIELDS)
            header = next(csv.reader(file, delimiter=declared.separator), [])
        header = list(declared.header) or header
        if not (_is_simple(text, declared) and _sink(text, declared, header, to, with_header=with_header)):
            with to.open("w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerows(_read_rows(text, declared, header, with_header=with_header))
    except (UnicodeError, csv.Error) as error:
        raise BadInputError(
            f"{sent_as(path)} cannot be read as {declared.encoding} text separated by {declared.separator!r} "
            f"({error}). Correct encoding and separator of {declared.name} in lender.toml, or ask the sender."
        ) from error
    finally:
        to.with_name("text").unlink(missing_ok=True)


def _as_utf8(path: Path, encoding: str, copy: Path) -> Path:
    """The file, or the `copy` of one of another encoding in UTF-8."""
    if codecs.lookup(encoding).name == "utf-8":
        return path
    with (
        path.open(encoding=encoding, newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as out,
    ):
        shutil.copyfileobj(file, out)
    return copy


def _is_simple(path: Path, declared: LenderSource) -> bool:
    """Whether no field is quoted, and lines end as Polars knows it."""
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(CHUNK), b"")
        plain = all(b'"' not in chunk and chunk.count(b"\r") == chunk.count(b"\r\n") for chunk in chunks)
    return plain and len(declared.separator.encode()) == 1


def _sink(path: Path, declared: LenderSource, header: Sequence[str], to: Path, *, with_header: bool) -> bool:
    """Write the rows of a text file by Polars; whether that could be done."""
    try:
        rows = pl.scan_csv(
            path,
            has_header=False,
            separator=declared.separator,
            quote_char=None,
            infer_schema=False,
            skip_rows=0 if declared.header else 1,
            new_columns=[f"column {place}" for place in range(len(header))],
            glob=False,
        )
        names = rows.collect_schema().names()
        texts = _with_points(rows, header, declared).rename(dict(zip(names, header, strict=True)))
        texts.sink_csv(to, include_header=with_header)
    except (pl.exceptions.PolarsError, ValueError):  # also of names that are there twice, or too few
        return False
    return True


def _with_points(rows: pl.LazyFrame, header: Sequence[str], declared: LenderSource) -> pl.LazyFrame:
    """The rows with plain numbers in texts of columns of numbers, given the names of the columns."""
    if not declared.decimal:
        return rows
    kinds = rows.collect_schema().items()
    counted = [
        pl.col(name)
        for (name, kind), told in zip(kinds, header, strict=False)
        if kind == pl.String and _is_number(told, declared)
    ]
    pattern, separator = GROUPED[declared.decimal]
    return rows.with_columns(
        pl.when(text.str.contains(pattern))
        .then(text.str.replace_all(rf"(\d)({separator})(\d)", "${1}${3}").str.replace(",", ".", literal=True))
        .otherwise(text)
        for text in counted
    )


def _read_rows(
    path: Path, declared: LenderSource, header: Sequence[str], *, with_header: bool
) -> Iterator[Sequence[str]]:
    """The rows of a text file, the names of its columns first if they are asked for."""
    if with_header:
        yield header
    counted = [place for place, name in enumerate(header) if _is_number(name, declared)]
    pattern, separator = GROUPED.get(declared.decimal, ("", ""))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=declared.separator)
        if not declared.header:
            next(rows, None)
        for row in rows:
            for place in counted if declared.decimal else ():
                if place < len(row) and re.search(pattern, row[place]):
                    row[place] = re.sub(rf"(\d)({separator})(\d)", r"\1\3", row[place]).replace(",", ".")
            yield row


def _is_number(name: str, declared: LenderSource) -> bool:
    column = declared.columns.get(name.strip())
    return column is not None and column.type in NUMBERS
