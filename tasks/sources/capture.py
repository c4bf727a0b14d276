"""What a source says of the newest applications today, kept: of these nobody knows yet how they go.

What a later delivery says of them is held against it. Kept are the columns that a model could use.
"""

import hashlib
import io
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import ModelStoreError, NothingToDoError, TableNotReadyError, UsageError
from tasks.governance.declarations import read_declared
from tasks.governance.source_log import note_decision, read_decisions
from tasks.place import Place
from tasks.schemas.feature_store import KEYS
from tasks.schemas.source_features import kind_of
from tasks.sources.applications import scan_applications
from tasks.sources.as_of_join import ROW_DAY
from tasks.sources.files import read_numbers
from tasks.sources.join import join_source
from tasks.store.atomic_files import write_whole


def capture(name: str, settings: Settings) -> tuple[date, int]:
    """Keep what a source says of the newest month's applications; return the month, and how many it knows.

    Raises: UsageError for one of the lender's own; TableNotReadyError before the first application;
            NothingToDoError for a month that was captured; BadInputError for files that cannot be used.
    """
    declared = read_declared(name, settings)
    if declared.own:
        raise UsageError(f"{name} is one of the lender's own files, which are kept as they come in.")
    rows = scan_applications(date.max, settings).select(KEYS).collect()
    if rows.is_empty():
        raise TableNotReadyError("There is no application to ask for. Begin with: vintage backfill")
    month: date = rows.select(pl.max("snapshot_date")).item()
    if str(month) in {line["month"] for line in _captures(name, settings)}:
        raise NothingToDoError(f"{name} was captured for {month} already; the next month can be.")
    applications = rows.filter(snapshot_date=month).sort("loan_id")
    said = join_source(applications, declared, settings)
    columns = read_numbers(said.drop(*KEYS, ROW_DAY))
    usable = columns.select(column for column in columns if kind_of(column) != "other")
    content = io.BytesIO()
    applications.select("loan_id", "snapshot_date").hstack(usable).write_parquet(content)
    path = _path(name, month, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue())
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    note_decision("capture", name, {"month": str(month), "sha256": digest}, settings)
    return month, int(said[ROW_DAY].count())


def captured_months(name: str, settings: Settings) -> int:
    """How many months of applications the source was captured for."""
    return len(_captures(name, settings))


def read_captured(name: str, settings: Settings) -> pl.DataFrame:
    """What was captured: loan_id, snapshot_date and the columns, a row per application of those months.

    Raises: ModelStoreError for a file that is not the one that was captured.
    """
    captured = [pl.DataFrame(schema={"loan_id": pl.String, "snapshot_date": pl.Date})]
    for line in _captures(name, settings):
        path = _path(name, date.fromisoformat(line["month"]), settings)
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != line["sha256"]:
            raise ModelStoreError(f"{path} is not what was captured of {name}. Restore it from a copy.")
        captured.append(pl.read_parquet(content))
    return pl.concat(captured, how="diagonal_relaxed")


def _captures(name: str, settings: Settings) -> list[dict[str, str]]:
    return [line for line in read_decisions(settings, source=name) if line["what"] == "capture"]


def _path(name: str, month: date, settings: Settings) -> Place:
    return settings.datamart / "sources" / "captured" / name / f"{month}.parquet"
