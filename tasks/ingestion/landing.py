"""The lender's raw files as months: which a file has, how many rows of each, and the rows themselves.

A file is looked through once, when it is new or has changed. A run that asks for all of its months reads it
whole; one that asks for some splits it once into a file per month, so that it and later runs read only their
own. What was found and the split are kept under <datamart>/landing, or in the cache of this machine's user
where the datamart lies in an object store.
"""

import json
import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache
from hashlib import sha256
from math import ceil
from pathlib import Path

import polars as pl

from tasks.config import Settings, held_bytes
from tasks.errors import BadInputError
from tasks.ingestion.cleaning import is_application
from tasks.ingestion.csv_rows import (
    as_bad_input,
    columns_in,
    require_closed_quotes,
    require_paired_quotes,
    scan_rows,
)
from tasks.ingestion.date_spelling import ISO, add_month, find_spelling, in_iso, is_of_months
from tasks.ingestion.delivery_checks import MIN_ROWS, QUARANTINED
from tasks.ingestion.plain_copy import line_of_sender, name_of_sender, sender_of
from tasks.ingestion.raw_files import check_file, file_if_due, find_line, holds_quotes, raw_file
from tasks.lender.current import lender
from tasks.place import scratch_of
from tasks.schemas.catalog import TABLES
from tasks.schemas.deliveries import Volume
from tasks.schemas.source import RAW_DATE, Source
from tasks.store.atomic_files import HIDDEN, new_folder

LOG = logging.getLogger("vintage")
MONTH, FOUND, SPELLED, SPLIT, PIECES = "month", "found.parquet", "spelled.json", "months", "pieces"
WRITTEN = "written"  # a date as the file writes it
READING = 2  # a number that changes with what this code makes of a file: what older code found is not used
SAMPLED = 100  # one row of so many tells where the pieces of a large month begin
CELL_BYTES = 16  # of a text in memory, beside what it says
UNDATED = "__HIVE_DEFAULT_PARTITION__"  # how Polars names the part whose month is null


def read_months(
    source: Source, months: Sequence[date], settings: Settings, *, dated: bool = True
) -> pl.DataFrame:
    """Rows of the months as received, all text: the file's columns, `overflow`, `source_file`, the month.

    With `dated=False` the rows whose month cannot be told, once for each month as if they were of it.
    Raises: BadInputError for a file that is missing, cut off, unreadable or lacks a column.
    """
    path = file_if_due(source, settings)
    if path is None:
        return TABLES[f"bronze.{source.name}"].empty
    landed = _look_once(path, source, settings)
    held = set(_found(landed)[MONTH])
    if dated and held <= {*months, None}:
        rows = _scan_months(path, source, landed).filter(pl.col(MONTH).is_not_null())
        with as_bad_input(path):
            return rows.select(_as_received(path, source, landed, pl.col(MONTH))).collect()
    pieces = [TABLES[f"bronze.{source.name}"].empty]
    for month in months:
        if (month if dated else None) in held:
            piece = _split_once(path, source, landed) / f"{MONTH}={month if dated else UNDATED}"
            parts = sorted(piece.glob("*.parquet"))
            _require_short_fields(path, parts, month, settings)
            rows = pl.read_parquet(parts, hive_partitioning=False)
            rows.columns = _columns(landed, path, source)  # older code, which split it, may have named fewer
            if not dated:
                rows = rows.filter(pl.any_horizontal(pl.all().is_not_null()))  # a blank line is no row
            pieces.append(rows.select(_as_received(path, source, landed, pl.lit(month))))
    return pl.concat(pieces)


@cache
def _columns(_landed: Path, path: Path, source: Source) -> list[str]:
    """Names of the columns of this version of the file."""
    return columns_in(path, source)


def _require_short_fields(path: Path, parts: Sequence[Path], month: date, settings: Settings) -> None:
    """Do nothing if a month's own lines, not only the mean ones of the file, fit into memory."""
    size = sum(part.stat().st_size for part in parts)
    if size > held_bytes(settings.memory_gb):
        raise BadInputError(
            f"{sender_of(path)} has {size / 1e6:,.0f} MB of text in its rows of {month}, and to work on that "
            f"takes more than {settings.memory_gb:g} GB of memory. Nothing of it was taken in; ask the "
            "sender, or allow more with VINTAGE_MEMORY_GB if it is right."
        )


def _as_received(path: Path, source: Source, landed: Path, month: pl.Expr) -> list[pl.Expr]:
    """The columns of bronze; dates are written YYYY-MM-DD where the whole file writes them another way."""
    spelled = {name: in_iso(name, spelling) for name, spelling in _spelled(landed).items()}
    made = {**spelled, "source_file": pl.lit(name_of_sender(path)), "snapshot_date": month}
    return [made.get(name, pl.col(name)).alias(name) for name in source.raw_columns()]


@cache
def _spelled(landed: Path) -> dict[str, str]:
    """The spelling of each date column that the file does not write YYYY-MM-DD throughout."""
    spelled: dict[str, str] = json.loads((landed / SPELLED).read_text(encoding="utf-8"))
    return spelled


def count_rows(source: Source, settings: Settings) -> dict[date, Volume]:
    """How many rows the source's file has of each month, in order.

    Rows whose month cannot be told are not counted. A retired source whose file is missing has none.
    """
    path = file_if_due(source, settings)
    return {} if path is None else _counts(_look_once(path, source, settings))


@cache
def _counts(landed: Path) -> dict[date, Volume]:
    dated = _found(landed).filter(pl.col(MONTH).is_not_null())
    counts = dated.group_by(MONTH).agg(pl.col("n", "n_new").sum()).sort(MONTH)
    return {month: Volume(n, n_new) for month, n, n_new in counts.iter_rows()}


@cache
def _found(landed: Path) -> pl.DataFrame:
    return pl.read_parquet(landed / FOUND)


def weigh_months(source: Source, settings: Settings) -> dict[date, int]:
    """Bytes in memory of each month's rows once they are read, by the mean length of the file's lines."""
    path = file_if_due(source, settings)
    if path is None:
        return {}
    landed = _look_once(path, source, settings)
    n_rows = max(1, int(_found(landed)["n"].sum()))
    row = path.stat().st_size / n_rows + CELL_BYTES * len(source.raw_columns())
    return {month: int(row * volume.n) for month, volume in _counts(landed).items()}


def _look_once(path: Path, source: Source, settings: Settings) -> Path:
    """Folder of what was found in this version of the file; it is looked through where there is none."""
    status = path.stat()
    home = scratch_of(settings.datamart) / "landing" / source.name
    only = f"-{sha256(source.declared.only.encode()).hexdigest()[:8]}" if source.declared.only else ""
    landed = home / f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}-{READING}{only}"
    if not landed.is_dir():
        check_file(path, source)
        there = home.iterdir() if home.is_dir() else ()
        stale = [old for old in there if old != landed and not old.name.startswith(HIDDEN)]
        with new_folder(landed, private=True) as work:
            found, spelled = _look(path, source)
            found.write_parquet(work / FOUND)
            (work / SPELLED).write_text(json.dumps(spelled), encoding="utf-8")
        for old in stale:
            _warn_of_other_rows(path, old, landed)
            shutil.rmtree(old, ignore_errors=True)
    return landed


def _warn_of_other_rows(path: Path, old: Path, landed: Path) -> None:
    """Name the months of which the file has not as many rows as before: a run only looks at its own month."""
    before, now = (_counts(folder) if (folder / FOUND).exists() else {} for folder in (old, landed))
    other = sorted(month for month in before.keys() & now.keys() if before[month] != now[month])
    if other:
        LOG.warning(
            "%s has more or fewer rows than before of %s. What was taken in of these months stays, until: "
            "vintage backfill --flows features --start %s --end %s --restate",
            *(sender_of(path), ", ".join(map(str, other)), other[0], other[-1]),
        )


def _look(path: Path, source: Source) -> tuple[pl.DataFrame, dict[str, str]]:
    """What the file holds: each way a date is written, its month, n, n_new; and how its dates are spelled.

    Quotes must come in pairs.
    """
    rows, spelled = scan_rows(path, source), dict[str, str]()
    with as_bad_input(path):
        kinds = _count_kinds(rows, source).collect()
        for column in source.date_columns():
            written = kinds.group_by(column).agg(pl.col("n").sum())
            spelling = _find_spelling(path, source, written, column, known=spelled.values())
            spelled |= {column: spelling} if spelling else {}
        if holds_quotes(path):
            require_paired_quotes(path)
            require_closed_quotes(path, source, rows)
    found = add_month(_count_dates(kinds, source, spelled), RAW_DATE, spelled.get(RAW_DATE, ISO))
    _require_months(path, found)
    return found, spelled


def _count_kinds(rows: pl.LazyFrame, source: Source) -> pl.LazyFrame:
    """Rows of each way in which their dates, and months on book of a loan tape, are written together."""
    mob = source.in_bronze("installment_num") if source.is_tape else None
    return rows.group_by(*source.date_columns(), *([mob] if mob else [])).agg(n=pl.len().cast(pl.Int64))


def _count_dates(kinds: pl.DataFrame, source: Source, spelled: Mapping[str, str]) -> pl.DataFrame:
    """Rows and new loans, or applicants, of each way in which a date is written."""
    in_words = pl.col(RAW_DATE).alias(WRITTEN)
    read = kinds.with_columns(in_words, *(in_iso(name, how) for name, how in spelled.items()))
    n_new = pl.col("n").filter(is_application(source)).sum()
    return read.group_by(WRITTEN).agg(pl.col("n").sum(), n_new=n_new).rename({WRITTEN: RAW_DATE})


def _require_months(path: Path, found: pl.DataFrame) -> None:
    """Name the rows whose month cannot be told, which are counted in none; raise where they are many."""
    lost = found.filter(pl.col(MONTH).is_null() & pl.col(RAW_DATE).is_not_null()).sort(RAW_DATE)
    n, n_lost = int(found["n"].sum()), int(found.filter(pl.col(MONTH).is_null())["n"].sum())
    if not n_lost:
        return
    example = ""
    if lost.height:
        text = str(lost[RAW_DATE][0])
        example = f", such as {text!r} in {line_of_sender(path, find_line(path, text))}"
    what = f"{sender_of(path)} has {n_lost} rows whose month cannot be told{example}"
    if n_lost > QUARANTINED * n and n >= MIN_ROWS:
        raise BadInputError(f"{what}, of {n}. Nothing of it was taken in; ask the sender for the dates.")
    LOG.warning("%s. They are in quarantine and counted in no month; ask the sender for the dates.", what)


def _find_spelling(
    path: Path, source: Source, written: pl.DataFrame, column: str, *, known: Collection[str]
) -> str | None:
    """The spelling of a column; None where it is YYYY-MM-DD throughout. One not `known` yet is logged."""
    declared = source.declared.dates
    if declared in ("", ISO) and is_of_months(written[column]):
        return None
    spelling = declared or find_spelling(written, column, lender().lender.calendar)
    other = written.filter(pl.col(column) != in_iso(column, spelling)).sort(column)
    if other.is_empty():
        return None
    example = other.select(column, iso=in_iso(column, spelling)).row(0)
    if spelling not in (*known, declared):
        LOG.warning("%s writes its dates as %s: %s is read as %s.", sender_of(path), spelling, *example)
    return spelling


def _split_once(path: Path, source: Source, landed: Path) -> Path:
    """Folder with the file's rows in a folder per month; the file is split where there is none."""
    if not (landed / SPLIT).is_dir():
        with new_folder(landed / SPLIT) as work:
            by_month = pl.PartitionBy(work, key=MONTH, include_key=False)
            rows = _scan_months(path, source, landed)
            with as_bad_input(path):
                rows.sink_parquet(by_month, mkdir=True, compression="uncompressed", statistics=False)
    return landed / SPLIT


def split_in_pieces(
    source: Source, month: date, settings: Settings, *, n: int, stripped: bool = False
) -> list[Path]:
    """Folders with the month's rows as received, in `n` ranges of what the bronze table is sorted by.

    With `stripped`, by that without the blanks around it. They stay until `drop_pieces`.
    """
    path = raw_file(source, settings)
    landed = _look_once(path, source, settings)
    rows = pl.scan_parquet(_split_once(path, source, landed) / f"{MONTH}={month}" / "*.parquet")
    names = rows.collect_schema().names()
    rows = rows.rename(dict(zip(names, columns_in(path, source), strict=True)))
    rows = rows.select(_as_received(path, source, landed, pl.lit(month)))
    key = pl.col(source.raw_key()[0])
    key = key.str.strip_chars() if stripped else key
    sample = rows.select(key).gather_every(SAMPLED).drop_nulls().sort(key).collect()[:, 0]
    starts = sample.gather_every(max(1, len(sample) // n))[1:].unique().sort()
    number = pl.lit(starts).search_sorted(key, side="right").fill_null(0).alias(PIECES)
    home = landed / PIECES / ("stripped" if stripped else "received")
    shutil.rmtree(home, ignore_errors=True)  # of a run that was killed
    n_rows = rows.select(pl.len()).collect().item()
    for first in range(0, n_rows, ceil(n_rows / n)):
        part = rows.slice(first, ceil(n_rows / n)).with_columns(number).collect()
        for (piece,), its in part.partition_by(PIECES, as_dict=True, include_key=False).items():
            (home / f"{piece:06}").mkdir(parents=True, exist_ok=True)
            its.write_parquet(home / f"{piece:06}" / f"{first:012}.parquet", compression="uncompressed")
    return sorted(home.iterdir())


def scan_pieces(folders: Sequence[Path]) -> pl.LazyFrame:
    """The rows of pieces that `split_in_pieces` made."""
    files = [file for folder in folders for file in sorted(folder.glob("[0-9]*.parquet"))]
    return pl.scan_parquet(files, hive_partitioning=False)


def drop_pieces(settings: Settings) -> None:
    """Remove what `split_in_pieces` made."""
    for folder in (scratch_of(settings.datamart) / "landing").glob(f"*/*/{PIECES}"):
        shutil.rmtree(folder)


def _scan_months(path: Path, source: Source, landed: Path) -> pl.LazyFrame:
    """The file's rows with their month, null where it cannot be told."""
    # A join streams; replacing the values, or validating the join, would hold the whole file.
    months = _found(landed).lazy().select(RAW_DATE, MONTH)
    return scan_rows(path, source).join(months, on=RAW_DATE, how="left", maintain_order="left")
