"""The Delta tables themselves: where each lies, opened once per process, and what its commits note."""

from functools import cache
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tasks.config import Settings
from tasks.errors import TableNotReadyError

FIRST_COMMIT = f"{0:020}.json"


def path_of(name: str, settings: Settings) -> Path:
    """Folder of a table, e.g. `gold.label_store` in <datamart>/gold/label_store."""
    layer, table = name.split(".")
    return settings.datamart / layer / table


def open_table(name: str, settings: Settings) -> DeltaTable:
    """The Delta table itself, at its newest version.

    Raises: TableNotReadyError when it does not exist.
    """
    path = path_of(name, settings)
    oldest = first_commit(path)
    if oldest is None:
        raise TableNotReadyError(
            f"{name} does not exist yet ({path}). Build it with: vintage run features --date D"
        )
    table = _opened(path, oldest.name, oldest.stat().st_mtime_ns)
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
        return DeltaTable(path, version=version)
    except (FileNotFoundError, DeltaError) as error:
        raise TableNotReadyError(
            f"Version {version} of {name} cannot be read ({path}): vacuumed, or of another table. "
            "Restore the datamart that the model was trained on."
        ) from error


def newest_note(name: str, key: str, settings: Settings) -> str | None:
    """What the newest commit of a table that has a note of this name says; None where none has.

    Most often that is the last commit; the whole log is read only where others have committed after it.
    """
    oldest = first_commit(path_of(name, settings))
    if oldest is None:
        return None
    version = open_table(name, settings).version()
    return _newest_note(path_of(name, settings), oldest.name, oldest.stat().st_mtime_ns, version, key)


def first_commit(path: Path) -> Path | None:
    """File of the oldest commit that is left of a table; None where there is no table."""
    first = _log_of(path) / FIRST_COMMIT
    return first if first.exists() else min(_log_of(path).glob("*.json"), default=None)


def _log_of(path: Path) -> Path:
    return path / "_delta_log"


@cache
def _opened(path: Path, _oldest: str, _created: int) -> DeltaTable:
    """One handle per table and process: reading what is new in a log is quicker than reading it all."""
    return DeltaTable(path)


@cache
def _newest_note(path: Path, oldest: str, created: int, _version: int, key: str) -> str | None:
    table = _opened(path, oldest, created)
    for limit in (1, None):
        noted = [commit[key] for commit in table.history(limit) if key in commit]
        if noted:
            return str(noted[0])
    return None
