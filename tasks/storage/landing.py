"""The lender's raw files, split once into one Arrow file per month so that a run reads only its own.

The split is kept under <datamart>/landing and made again when the file on disk changes.
"""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.schemas.source import FIRST_YEAR, LAST_YEAR, OVERFLOW, RAW_DATE, Source
from tasks.storage.raw_files import check_file, holds_quotes, raw_file

MONTH, UNDATED, COUNTS = "month", "none", "counts.parquet"


def read_months(
    source: Source, months: Sequence[date], settings: Settings, *, dated: bool = True
) -> pl.DataFrame:
    """Rows of the months as received, all text: the file's columns, `overflow`, `source_file`, the month.

    With `dated=False` the rows whose month cannot be told, once for each month as if they were of it.
    Errors: BadInputError for a file that is missing, cut off, unreadable or lacks a column.
    """
    path = raw_file(source, settings)
    split = _split_once(path, source, settings)
    columns = source.raw_columns()
    pieces = [pl.DataFrame(schema=columns)]
    for month in months:
        piece = split / f"{MONTH}={f'{month:%Y-%m}' if dated else UNDATED}"
        if piece.is_dir():
            rows = pl.scan_ipc(piece / "*.ipc", hive_partitioning=False).collect()
            origin = {"source_file": pl.lit(path.name), "snapshot_date": pl.lit(month)}
            pieces.append(rows.with_columns(**origin).select(*columns))
    return pl.concat(pieces)


def count_rows(source: Source, settings: Settings) -> pl.DataFrame:
    """Rows of each month of the source's file: snapshot_date, n, n_new (loans: rows at MOB 0), in order.

    Rows whose month cannot be told are not counted.
    """
    return _read_counts(_split_once(raw_file(source, settings), source, settings))


@cache
def _read_counts(split: Path) -> pl.DataFrame:
    return pl.read_parquet(split / COUNTS)


def months_in(source: Source, settings: Settings) -> list[date]:
    """Months that the source's file has rows for, in order."""
    return count_rows(source, settings)["snapshot_date"].to_list()


def months_in_rows(sources: Iterable[Source], settings: Settings) -> dict[date, int]:
    """Rows of all the sources' files together, per month."""
    counts = pl.concat([count_rows(source, settings) for source in sources])
    return dict(counts.group_by("snapshot_date").agg(pl.col("n").sum()).iter_rows())


def _split_once(path: Path, source: Source, settings: Settings) -> Path:
    status = path.stat()
    home = settings.datamart / "landing" / source.name
    target = home / f"{path.stem}-{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
    if not target.is_dir():
        header = check_file(path, source)
        home.mkdir(parents=True, exist_ok=True)
        stale = [old for old in home.iterdir() if old != target and not old.name.startswith("tmp")]
        work = Path(tempfile.mkdtemp(prefix="tmp", dir=home))
        try:
            _split(path, header, work)
            _publish(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        for old in stale:
            shutil.rmtree(old, ignore_errors=True)
    return target


def _publish(work: Path, target: Path) -> None:
    try:
        work.rename(target)
    except OSError:
        if not target.is_dir():  # else another process split the same file first
            raise


def _split(path: Path, header: list[str], work: Path) -> None:
    schema = {RAW_DATE if name == "snapshot_date" else name: pl.String() for name in (*header, OVERFLOW)}
    rows = pl.scan_csv(
        path,
        has_header=False,
        skip_rows=1,
        schema=schema,
        missing_columns="insert",
        truncate_ragged_lines=True,
    )
    try:
        month = pl.col(RAW_DATE).map_batches(_month_of, return_dtype=pl.String(), is_elementwise=True)
        rows.with_columns(month.alias(MONTH)).sink_ipc(
            pl.PartitionBy(work, key=MONTH, include_key=False), mkdir=True
        )
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
        reason = str(error).splitlines()[0]
        raise BadInputError(
            f"{path} cannot be read as a CSV file ({reason}). Look for a quote that is never closed."
        ) from error
    if holds_quotes(path):
        _refuse_swallowed_lines(path, work)
    _count(work).write_parquet(work / COUNTS)


def _refuse_swallowed_lines(path: Path, work: Path) -> None:
    """A quote that is never closed makes one field of the lines after it: rows would vanish in it."""
    rows = _parts(work)
    if rows is None:
        return
    swallowed = pl.col(pl.String).str.contains(r"(?s)\n.*(CUS_0x|,.*,.*,)")
    if rows.select(pl.any_horizontal(swallowed.any())).collect().item():
        raise BadInputError(
            f"{path} has a quote that is never closed, so that a field swallows whole lines. "
            "Ask the sender to export it again with its quotes in pairs."
        )


def _count(work: Path) -> pl.DataFrame:
    schema = {"snapshot_date": pl.Date(), "n": pl.Int64(), "n_new": pl.Int64()}
    rows = _parts(work)
    if rows is None:
        return pl.DataFrame(schema=schema)
    columns = rows.collect_schema().names()
    at_start = pl.col("installment_num").str.strip_chars() == "0"
    new = at_start if "installment_num" in columns else pl.lit(value=True)
    counts = rows.filter(pl.col(MONTH) != UNDATED).group_by(MONTH).agg(n=pl.len(), n_new=new.sum())
    dated = counts.with_columns(snapshot_date=(pl.col(MONTH) + "-01").str.to_date("%Y-%m-%d"))
    return (
        dated.select(pl.col(name).cast(kind) for name, kind in schema.items()).sort("snapshot_date").collect()
    )


def _parts(work: Path) -> pl.LazyFrame | None:
    if not any(work.iterdir()):
        return None
    return pl.scan_ipc(work / "**/*.ipc", hive_partitioning=True, hive_schema={MONTH: pl.String()})


def _month_of(days: pl.Series) -> pl.Series:
    """The month a raw date belongs to as `2024-03`, however it is written; `none` where it cannot be told."""
    written = pl.DataFrame({"day": days.unique()})  # a file has few dates, so each is read once
    months = written.select("day", month=_read_month(pl.col("day")))
    both = days.to_frame("day").join(months, on="day", how="left", nulls_equal=True, maintain_order="left")
    return both["month"]


def _read_month(day: pl.Expr) -> pl.Expr:
    patterns = {
        r"^\s*(?<year>\d{4})[-/.](?<month>\d{1,2})\b": "year first",
        r"^\s*(?<year>\d{4})(?<month>\d{2})\d{2}\s*$": "no separator",
        r"^\s*\d{1,2}[-/.](?<month>0?[1-9]|1[0-2])[-/.](?<year>\d{4})": "day first",
        r"^\s*(?<month>\d{1,2})[-/.]\d{1,2}[-/.](?<year>\d{4})": "month first",
    }
    months = [_month_in(day.str.extract_groups(pattern)) for pattern in patterns]
    return pl.coalesce(*months, pl.lit(UNDATED))


def _month_in(groups: pl.Expr) -> pl.Expr:
    year, month = (groups.struct.field(part).cast(pl.Int32, strict=False) for part in ("year", "month"))
    known = year.is_between(FIRST_YEAR, LAST_YEAR) & month.is_between(1, 12)
    return pl.when(known).then(pl.format("{}-{}", year, month.cast(pl.String).str.zfill(2)))
