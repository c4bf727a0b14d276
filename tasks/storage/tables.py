"""The Delta tables: the only code that reads or writes the datamart."""

from datetime import date
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake

from tasks.config import Settings
from tasks.errors import TableNotReadyError, VintageError
from tasks.schemas.catalog import TABLES


def path_of(name: str, settings: Settings) -> Path:
    """Folder of a table, e.g. `gold.label_store` in <datamart>/gold/label_store."""
    layer, table = name.split(".")
    return settings.datamart / layer / table


def create_missing(settings: Settings) -> None:
    """Create every table of the catalog that is not there yet, empty.

    Parallel first writes of one table would race; writes of different partitions of an existing one do not.
    """
    for name, table in TABLES.items():
        path = path_of(name, settings)
        if not DeltaTable.is_deltatable(str(path)):
            empty = pl.DataFrame(schema=table.columns)
            write_deltalake(path, empty, mode="ignore", partition_by=["snapshot_date"])


def scan(
    name: str,
    settings: Settings,
    *,
    until: date | None = None,
    on: date | None = None,
    version: int | None = None,
) -> pl.LazyFrame:
    """Lazy rows of a table with snapshot_date up to `until`, or of the one day `on`.

    Errors: TableNotReadyError when the table does not exist.
    """
    rows = pl.scan_delta(open_table(name, settings, version=version))
    if until is not None:
        rows = rows.filter(pl.col("snapshot_date") <= until)
    if on is not None:
        rows = rows.filter(pl.col("snapshot_date") == on)
    return rows


def read(name: str, settings: Settings, *, until: date | None = None, on: date | None = None) -> pl.DataFrame:
    """Rows of a table as `scan` gives them, collected and sorted by the table's key."""
    return scan(name, settings, until=until, on=on).collect().sort(TABLES[name].key)


def require(name: str, day: date, settings: Settings, *, flow: str) -> None:
    """Do nothing if a table has rows for `day`; else raise TableNotReadyError that names the flow to run."""
    days = snapshot_dates(name, settings)
    if day not in days:
        latest = max(days, default=None)
        raise TableNotReadyError(
            f"{name} has no rows for snapshot_date={day} (read {path_of(name, settings)}; "
            f"latest is {latest or 'none'}). Build it with: vintage run {flow} --date {day}"
        )


def snapshot_dates(name: str, settings: Settings) -> list[date]:
    """Days that have a partition, in order; empty when the table does not exist."""
    if not DeltaTable.is_deltatable(str(path_of(name, settings))):
        return []
    partitions = open_table(name, settings).partitions()
    return sorted(date.fromisoformat(str(p["snapshot_date"])) for p in partitions)


def version_of(name: str, settings: Settings) -> int:
    """Number of the table's newest Delta version."""
    return open_table(name, settings).version()


def replace_partition(
    name: str, rows: pl.LazyFrame | pl.DataFrame, *, snapshot_date: date, settings: Settings
) -> int:
    """Replace one partition by `rows` in a single Delta commit; return the number of rows.

    Rows that equal what is stored are not written again, so a re-run adds no version.
    Errors: VintageError when `rows` is empty and the partition is not, or when a row belongs elsewhere.
    """
    table = TABLES[name]
    frame = rows.lazy().select(*table.columns).cast(table.columns).collect().sort(table.key)  # pyright: ignore[reportArgumentType]
    stored = read(name, settings, on=snapshot_date)
    if frame.equals(stored):
        return frame.height
    _refuse_misplaced(name, frame, stored, snapshot_date)
    predicate = f"snapshot_date = '{snapshot_date}'"
    write_deltalake(path_of(name, settings), frame, mode="overwrite", predicate=predicate)
    return frame.height


def _refuse_misplaced(name: str, frame: pl.DataFrame, stored: pl.DataFrame, snapshot_date: date) -> None:
    elsewhere = frame.filter(pl.col("snapshot_date").ne_missing(snapshot_date)).height
    if elsewhere:
        raise VintageError(
            f"{elsewhere} rows for {name} are not of snapshot_date={snapshot_date}; nothing was written."
        )
    if frame.is_empty() and not name.startswith("quarantine."):
        raise VintageError(
            f"A run for {snapshot_date} found no rows for {name}, which holds {stored.height} for that day. "
            "Nothing was written; check the raw file for rows that have gone."
        )


def open_table(name: str, settings: Settings, *, version: int | None = None) -> DeltaTable:
    """The Delta table itself, at its newest or a given version.

    Errors: TableNotReadyError when it does not exist.
    """
    path = path_of(name, settings)
    if not DeltaTable.is_deltatable(str(path)):
        raise TableNotReadyError(
            f"{name} does not exist yet ({path}). Build it with: vintage run features --date D"
        )
    return DeltaTable(path, version=version)
