"""The first rows of each file of a folder, all text, and how the file is written."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tasks.errors import BadInputError
from tasks.ingestion.plain_copy import DELTA_LOG

HEAD = 64 << 10  # bytes that tell how a file is written
SEPARATORS = (",", ";", "\t", "|")
ENCODINGS = ("latin-1", "cp1252", "cp1250")  # of text that is not UTF-8, the usual one first
ENDINGS = (".csv", ".txt", ".tsv", ".parquet")


@dataclass(frozen=True)
class Sample:
    """One file: its name, how it is written, and its first `rows`, all text.

    `header` says whether its first line names the columns; if not they are called `column_1` and so on.
    """

    file: str
    rows: pl.DataFrame
    kind: str = "csv"
    separator: str = ","
    encoding: str = "utf-8"
    header: bool = True


def read_samples(folder: Path, *, n_rows: int) -> list[Sample]:
    """The first rows of each CSV, text and Parquet file and Delta table of a folder, by name.

    Raises: BadInputError when the folder holds none, or one cannot be read.
    """
    there = sorted(folder.glob("*"))
    files = [path for path in there if (path.is_file() and path.suffix.lower() in ENDINGS) or _is_delta(path)]
    if not files:
        raise BadInputError(
            f"{folder} holds no CSV, text or Parquet file and no Delta table. Name the folder of the "
            "lender's files with --data."
        )
    return [
        _read_frame(path, n_rows)
        if path.suffix == ".parquet" or _is_delta(path)
        else _read_text(path, n_rows)
        for path in files
    ]


def _is_delta(path: Path) -> bool:
    return (path / DELTA_LOG).is_dir()


def _read_frame(path: Path, n_rows: int) -> Sample:
    is_delta = _is_delta(path)
    rows = pl.scan_delta(path) if is_delta else pl.scan_parquet(path)
    texts = rows.head(n_rows).select(pl.all().cast(pl.String)).collect()
    return Sample(path.name, texts, kind="delta" if is_delta else "parquet")


def _read_text(path: Path, n_rows: int) -> Sample:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.lower().startswith(b"sep="):
        raise BadInputError(
            f"{path} begins with a line for spreadsheets, sep=, that is no row. Delete line 1."
        )
    encoding = _find_encoding(head)
    lines = head.decode(encoding, errors="replace").splitlines()[:-1] or [head.decode(encoding, "replace")]
    separator = _find_separator(lines)
    header = _names_columns(next(csv.reader(lines[:1], delimiter=separator), []))
    try:
        rows = pl.read_csv(
            path,
            separator=separator,
            has_header=header,
            infer_schema=False,
            n_rows=n_rows,
            encoding=encoding,
            truncate_ragged_lines=True,
            glob=False,
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise BadInputError(
            f"{path} cannot be read as a table of text ({reason}). Ask the sender."
        ) from error
    if header:
        rows = _named(rows, next(csv.reader(lines[:1], delimiter=separator), []))
    else:
        rows.columns = [f"column_{place}" for place in range(1, rows.width + 1)]
    return Sample(path.name, rows, separator=separator, encoding=encoding, header=header)


def _named(rows: pl.DataFrame, header: list[str]) -> pl.DataFrame:
    """The columns to which the header gives a name, such as no separators at the ends of lines give."""
    bare = [name for name, field in zip(rows.columns, header, strict=False) if not field.strip()]
    return rows.drop(bare).rename(str.strip)


def _find_encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return min(ENCODINGS, key=lambda encoding: _count_odd(head.decode(encoding, errors="replace")))
    return "utf-8"


def _count_odd(text: str) -> int:
    """How many of the signs that ASCII lacks are no letters; those that do not show count ten times."""
    odd = [sign for sign in text if not (sign.isascii() or sign.isalpha())]
    return sum(1 if sign.isprintable() else 10 for sign in odd)


def _find_separator(lines: list[str]) -> str:
    """The sign that parts most lines into the same number of fields, two or more."""
    best = (0.0, 0, SEPARATORS[0])
    for sign in SEPARATORS:
        counts = Counter(len(fields) for fields in csv.reader(lines, delimiter=sign))
        (n_fields, n_lines) = counts.most_common(1)[0]
        if n_fields > 1:
            best = max(best, (n_lines / len(lines), n_fields, sign), key=lambda one: one[:2])
    return best[2]


def _names_columns(fields: list[str]) -> bool:
    """Whether a first line names columns: all texts, each once, and no number or date among them."""
    stated = [field.strip() for field in fields if field.strip()]
    return len(set(stated)) == len(stated) and not any(field[0].isdigit() for field in stated)
