"""The lender's raw files, split once into one Parquet file per month so that a run reads only its own.

The split is kept under <datamart>/landing and made again when the file on disk changes.
"""

import csv
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.schemas.source import OVERFLOW, RAW_DATE, Source

MONTH = "month"


def raw_file(source: Source, settings: Settings) -> Path:
    """Path of the source's CSV file.

    Errors: BadInputError when none of its names is in the data folder.
    """
    for name in source.files:
        if (settings.data / name).is_file():
            return settings.data / name
    raise BadInputError(
        f"The file of {source.name} is missing: looked for {' or '.join(source.files)} in {settings.data}. "
        "Put it there, or name another folder with --data."
    )


def read_months(source: Source, months: Sequence[date], settings: Settings) -> pl.DataFrame:
    """Rows of the months as received, all text: the file's columns, `overflow` and `source_file`.

    Needs:  a readable file with the source's columns in its header.
    Errors: BadInputError for a missing, empty or misnamed file or column.
    """
    path = raw_file(source, settings)
    split = _split_once(path, source, settings)
    columns = source.raw_columns()
    pieces = [pl.LazyFrame(schema=columns)]
    for month in months:
        piece = split / f"{MONTH}={month:%Y-%m}"
        if piece.is_dir():
            rows = pl.scan_parquet(piece / "*.parquet", hive_partitioning=False)
            pieces.append(
                rows.with_columns(source_file=pl.lit(path.name), snapshot_date=pl.lit(month)).select(*columns)
            )
    return pl.concat(pieces).collect()


def months_in(source: Source, settings: Settings) -> list[date]:
    """Months that the source's file has rows for, in order."""
    split = _split_once(raw_file(source, settings), source, settings)
    names = (piece.name.removeprefix(f"{MONTH}=") for piece in split.iterdir())
    return sorted(date.fromisoformat(f"{name}-01") for name in names if name[:1].isdigit())


def _split_once(path: Path, source: Source, settings: Settings) -> Path:
    status = path.stat()
    home = settings.datamart / "landing" / source.name
    target = home / f"{path.stem}-{status.st_size}-{status.st_mtime_ns}"
    if not target.is_dir():
        header = _checked_header(path, source)
        home.mkdir(parents=True, exist_ok=True)
        stale = [old for old in home.iterdir() if not old.name.startswith("tmp")]
        work = Path(tempfile.mkdtemp(prefix="tmp", dir=home))
        _split(path, header, work)
        _publish(work, target)
        for old in stale:
            shutil.rmtree(old, ignore_errors=True)
    return target


def _publish(work: Path, target: Path) -> None:
    try:
        work.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(work)  # another process split the same file first


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
    rows.with_columns(_month_of(pl.col(RAW_DATE)).alias(MONTH)).sink_parquet(
        pl.PartitionBy(work, key=MONTH, include_key=False), mkdir=True, compression="lz4"
    )


def _month_of(day: pl.Expr) -> pl.Expr:
    """The month a raw date belongs to as `2024-03`, however it is written; `none` where it cannot be told."""
    year_first = day.str.extract_groups(r"^\s*(\d{4})[-/](\d{1,2})\b")
    year_last = day.str.extract_groups(r"^\s*\d{1,2}[-/](\d{1,2})[-/](\d{4})")
    months = [
        pl.format("{}-{}", groups.struct.field(year), groups.struct.field(month).str.zfill(2))
        for groups, year, month in ((year_first, "1", "2"), (year_last, "2", "1"))
    ]
    return pl.coalesce(*months, pl.lit("none"))


def _checked_header(path: Path, source: Source) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    missing = [name for name in source.columns if name not in header]
    if missing:
        raise BadInputError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"its header is {','.join(header) or 'empty'}. Ask the sender for the agreed columns."
        )
    return header
