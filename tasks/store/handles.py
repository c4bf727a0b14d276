"""The Delta tables themselves: where each lies, opened once per process, and what its commits note."""

from functools import cache

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.place import Place, delta_options, stamp_of

FIRST_COMMIT = f"{0:020}.json"


def path_of(name: str, settings: Settings) -> Place:
    """Folder of a table, e.g. `gold.label_store` in <datamart>/gold/label_store."""
    layer, table = name.split(".")
    return settings.datamart / layer / table


def open_table(name: str, settings: Settings) -> DeltaTable:
    """The Delta table itself, at its newest version.

    Raises: TableNotReadyError when it does not exist.
    """
    path = path_of(name, settings)
    begun = _begun(path)
    if begun is None:
        raise TableNotReadyError(
            f"{name} does not exist yet ({path}). Build it with: vintage run features --date D"
        )
    table = _opened(path, begun)
    if (_log_of(path) / f"{table.version() + 1:020}.json").exists():
        table.update_incremental()
    return table


def open_version(name: str, settings: Settings, version: int | None) -> DeltaTable:
    """The Delta table at a version, or at its newest.

    Raises: TableNotReadyError when it does not exist, or not in this version any more.
    """
    path = path_of(name, settings)
    if version is None:
        return open_table(name, settings)
    try:
        return DeltaTable(str(path), version=version, storage_options=delta_options(path))
    except (FileNotFoundError, DeltaError) as error:
        raise TableNotReadyError(
            f"Version {version} of {name} cannot be read ({path}): vacuumed, or of another table. "
            "Restore the datamart that the model was trained on."
        ) from error


def newest_note(name: str, key: str, settings: Settings) -> str | None:
    """What the newest commit of a table that has a note of this name says; None where none has.

    Most often that is the last commit; the whole log is read only where others have committed after it.
    """
    path = path_of(name, settings)
    begun = _begun(path)
    if begun is None:
        return None
    return _newest_note(path, begun, open_table(name, settings).version(), key)


def files_of(name: str, settings: Settings) -> pl.DataFrame:
    """The files of a table at its newest version: snapshot_date, file (its name), n (rows), in this order."""
    actions = pl.DataFrame(open_table(name, settings).get_add_actions(flatten=True))
    if actions.is_empty():
        return pl.DataFrame(schema={"snapshot_date": pl.Date, "file": pl.String, "n": pl.Int64})
    named = pl.col("path").str.split("/").list.last()
    return actions.select(
        snapshot_date=pl.col("partition.snapshot_date"), file=named, n=pl.col("num_records")
    ).sort("snapshot_date", "file")


def is_table(path: Place) -> bool:
    """Whether there is a Delta table."""
    return _begun(path) is not None


def _begun(path: Place) -> str | None:
    """The name and the time of the oldest commit that is left of a table; None where there is no table."""
    first = _log_of(path) / FIRST_COMMIT
    stamp = stamp_of(first)
    if stamp is None:
        first = min(_log_of(path).glob("*.json"), default=None)
        stamp = stamp_of(first) if first else None
    return f"{first.name} {stamp}" if first and stamp is not None else None


def _log_of(path: Place) -> Place:
    return path / "_delta_log"


@cache
def _opened(path: Place, _begun: str) -> DeltaTable:
    """One handle per table and process: reading what is new in a log is quicker than reading it all."""
    return DeltaTable(str(path), storage_options=delta_options(path))


@cache
def _newest_note(path: Place, begun: str, _version: int, key: str) -> str | None:
    table = _opened(path, begun)
    for limit in (1, None):
        noted = [commit[key] for commit in table.history(limit) if key in commit]
        if noted:
            return str(noted[0])
    return None
