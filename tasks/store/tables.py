"""The Delta tables: the only code that reads or writes the datamart.

A table may be older than the code: a column that its files lack is read as null, one that the catalog does
not have is not read, and the next write gives the table the columns of the catalog.
"""

from collections.abc import Collection, Container, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from tasks.config import Settings
from tasks.errors import PassingError, TableNotReadyError, VintageError
from tasks.place import delta_options
from tasks.schemas.catalog import TABLES, Table, in_order
from tasks.schemas.feature_store import MEASURES_OF, join_histories
from tasks.store.commits import commit_days
from tasks.store.handles import is_table, open_table, open_version, path_of
from tasks.store.table_columns import missing_in, require_same_types
from tasks.store.turns import take_turns

# Layers with names, and with customers' histories: their folders are made for the owner alone.
PERSONAL = ("bronze", "silver", "quarantine", "state")
MAY_BE_EMPTIED = ("quarantine.", "gold.actions")
PROPERTIES = {
    "delta.enableExpiredLogCleanup": "false",  # model cards cite old versions, so the log keeps them
    "delta.dataSkippingNumIndexedCols": "0",  # days are found by partition; every commit reads these again
}


def create_missing(settings: Settings) -> None:
    """Create every table of the catalog that is not there yet, empty.

    Parallel first writes of one table would race; writes of different partitions of an existing one do not.
    """
    missing = [name for name in TABLES if not is_table(path_of(name, settings))]
    for layer in PERSONAL:
        (settings.datamart / layer).mkdir(mode=0o700, parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        for creating in [pool.submit(_create, name, settings) for name in missing]:
            creating.result()


def _create(name: str, settings: Settings) -> None:
    empty, path = TABLES[name].empty, path_of(name, settings)
    try:
        write_deltalake(
            str(path),
            empty,
            mode="ignore",
            partition_by=["snapshot_date"],
            configuration=PROPERTIES,
            storage_options=delta_options(path),
        )
    except DeltaError:
        if not is_table(path):  # else another run made the same table first
            raise


def scan(
    name: str,
    settings: Settings,
    *,
    until: date | None = None,
    on: Collection[date] | None = None,
    version: int | None = None,
) -> pl.LazyFrame:
    """Lazy rows of a table with snapshot_date up to `until`, or of the days `on`, now or as of a `version`.

    Raises: TableNotReadyError when the table does not exist, or not in this version any more; StorageError
    when a column is of another type.
    """
    delta = open_version(name, settings, version)
    require_same_types(name, delta)
    return _scan(delta, _days_between(delta, until, on), TABLES[name])


def scan_history(
    settings: Settings,
    *,
    until: date | None = None,
    on: Collection[date] | None = None,
    versions: Mapping[str, int] | None = None,
) -> pl.LazyFrame:
    """As `scan`, of all histories side by side, as of the `versions` of their tables.

    Keys:   customer_id, snapshot_date; the measures of a history that has no such row are null.
    """
    at = versions or {}
    return join_histories(
        {
            one: scan(name, settings, until=until, on=on, version=at.get(name))
            for one, name in ((one, f"silver.{one}") for one in MEASURES_OF)
        }
    )


def missing_columns(
    name: str,
    settings: Settings,
    *,
    until: date | None = None,
    on: Collection[date] | None = None,
    version: int | None = None,
) -> dict[date, set[str]]:
    """Columns of the catalog that the files of a day lack, by day in order; without the days that have all.

    The files tell: a column that is there and null throughout is not missing.
    Raises: as `scan`.
    """
    if version is None and not is_table(path_of(name, settings)):
        return {}
    delta = open_version(name, settings, version)
    return _missing(delta, _days_between(delta, until, on), TABLES[name])


def _missing(delta: DeltaTable, days: Container[date], table: Table) -> dict[date, set[str]]:
    """By day; all files of a day are of one write, so they have the same columns."""
    files = sorted(file for file in delta.file_uris() if _day_of(file) in days)
    return {_day_of(file): gone for file in files if (gone := missing_in(file, table))}


def _days_between(delta: DeltaTable, until: date | None, on: Collection[date] | None) -> set[date]:
    return {day for day in _days_of(delta) if (until is None or day <= until) and (on is None or day in on)}


def _scan(delta: DeltaTable, days: Container[date], table: Table) -> pl.LazyFrame:
    """Rows of the files of `days`.

    Polars' own Delta scan weighs the statistics of all files first, and looks for the encoded names that
    delta-rs gives, so that it finds none in a folder whose name holds a space.
    """
    files = [unquote(file) for file in delta.file_uris() if _day_of(file) in days]
    if not files:
        return table.empty.lazy()
    return pl.scan_parquet(
        files,
        schema=table.columns,
        hive_schema={"snapshot_date": pl.Date()},
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
    )


def _days_of(delta: DeltaTable) -> set[date]:
    return {_day_of(file) for file in delta.file_uris()}


def _day_of(file: str) -> date:
    """Day of the partition that a file is in: its folder is `snapshot_date=2023-01-01`."""
    return date.fromisoformat(file.rpartition("snapshot_date=")[2].partition("/")[0])


def read(name: str, settings: Settings, *, on: date | Collection[date]) -> pl.DataFrame:
    """Rows of one day or more, sorted by day and the table's key."""
    days = [on] if isinstance(on, date) else on
    return in_order(scan(name, settings, on=days).collect(), TABLES[name])


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
    if not is_table(path_of(name, settings)):
        return []
    return sorted(_days_of(open_table(name, settings)))


def version_of(name: str, settings: Settings) -> int:
    """Number of the table's newest Delta version."""
    return open_table(name, settings).version()


def replace_partitions(
    name: str,
    rows: pl.LazyFrame | pl.DataFrame,
    *,
    days: Sequence[date],
    settings: Settings,
    notes: Mapping[str, str] | None = None,
) -> int:
    """Replace the partitions of `days` by `rows` in a single Delta commit; return the number of rows.

    The commit carries the `notes` as its metadata.

    Rows that equal what is stored are not written again, so a re-run adds no version, unless stored rows lack
    a column. When another writer commits meanwhile the tables are read afresh and the write is tried again.
    Raises: VintageError when a day would lose all its rows (but in quarantine and actions), or a row is of
    another day; PassingError when another run wrote other rows of these days meanwhile; StorageError when a
    column is of another type.
    """
    table = TABLES[name]
    frame = in_order(_typed(rows, table), table)
    held = _days_held(frame)
    if not held <= set(days):
        raise VintageError(f"Rows for {name} are also of {min(held - set(days))}; nothing was written.")
    found = None
    for delta in take_turns(partial(open_table, name, settings), DeltaTable.version):
        require_same_types(name, delta)
        stored = _stored(delta, days, table)
        new_days = held if stored.is_empty() else _days_that_differ(frame, stored)
        differing = new_days | _missing(delta, days, table).keys()
        if not differing:
            return frame.height
        if found is not None and _days_that_differ(stored, found) & differing:
            break
        found = stored
        _require_not_emptied(name, _days_held(stored) - held)
        # Most often all of it is new, and needs no copy.
        new = frame if held <= differing else frame.filter(pl.col("snapshot_date").is_in(list(differing)))
        is_new = differing.isdisjoint(_days_of(delta))
        columns = table.columns.keys()
        if commit_days(delta, new, differing, columns=columns, is_new=is_new, notes=notes or {}):
            return frame.height
    raise PassingError(
        f"Another run wrote {name} for {', '.join(map(str, days))} at the same time, and won; this run wrote "
        "nothing over it. Wait until the other has ended, then run this one again."
    )


def _typed(rows: pl.LazyFrame | pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows with the table's columns and dtypes."""
    if isinstance(rows, pl.DataFrame) and rows.schema == table.columns:
        return rows
    return rows.lazy().select(pl.col(column).cast(kind) for column, kind in table.columns.items()).collect()


def _days_held(rows: pl.DataFrame) -> set[date]:
    return set(rows["snapshot_date"].unique()) if rows.height else set()


def _days_that_differ(rows: pl.DataFrame, others: pl.DataFrame) -> set[date]:
    """Days of which the two frames, both in order, do not hold the same rows."""
    if rows.equals(others):
        return set()
    if others.is_empty():
        return _days_held(rows)
    these, those = (frame.partition_by("snapshot_date", as_dict=True) for frame in (rows, others))
    same = {day for day in these.keys() & those.keys() if these[day].equals(those[day])}
    return {day for (day,) in (these.keys() | those.keys()) - same}


def _stored(delta: DeltaTable, days: Sequence[date], table: Table) -> pl.DataFrame:
    if _days_of(delta).isdisjoint(days):
        return table.empty
    return in_order(_scan(delta, days, table).collect(), table)


def _require_not_emptied(name: str, emptied: Set[date]) -> None:
    if emptied and not name.startswith(MAY_BE_EMPTIED):
        raise VintageError(
            f"The run found no row of {name} on {min(emptied)}, where it holds some. None were written: "
            "check the raw file for rows that have gone."
        )
