"""From the log of the scoring service to gold.decisions."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.decisions.log import Line, read_log
from tasks.prefect import io_task
from tasks.schemas.catalog import TABLES
from tasks.schemas.reasons import REASONS
from tasks.store import tables

TABLE = "gold.decisions"
SAME = (
    "request_id",
    "customer_id",
    "loan_id",
    "pd",
    "grade",
    "decision",
    "model_id",
    "policy",
    "policy_digest",
)


@io_task
def roll_decisions(settings: Settings) -> int:
    """Replace each day of gold.decisions by what the log holds of it; return the number of answers.

    Days that equal what is stored are not written again.
    Raises: ModelStoreError for a log whose chain is broken: nothing is written.
    """
    rows = to_rows(read_log(settings))
    days = rows["snapshot_date"].unique().sort().to_list()
    if days:
        tables.create_missing(settings)  # a datamart of older code has no such table
        tables.replace_partitions(TABLE, rows, days=days, settings=settings)
    return rows.height


def to_rows(lines: Sequence[Line]) -> pl.DataFrame:
    """Rows of gold.decisions."""
    return pl.DataFrame([_row(line) for line in lines], schema=TABLES[TABLE].columns)


def _row(line: Line) -> dict[str, Any]:
    said: Mapping[str, Any] = line["answer"]
    codes = [reason["code"] for reason in said["reasons"]]
    return {
        **{name: said[name] for name in SAME},
        **dict(zip(REASONS, [*codes, *[None] * len(REASONS)], strict=False)),
        "at": line["at"],
        "snapshot_date": date.fromisoformat(line["at"][:10]),
        "application_date": date.fromisoformat(said["application_date"]),
        "fallback": said["score_path"],
        "referred_because": "; ".join(said["referred_because"]) or None,
        "cutoff_pd": said["cutoff_pd"],
        "state_as_of": json.dumps(said["state_as_of"]),
        "asked": json.dumps(line["asked"]),
        "known": json.dumps(line["known"]),
    }
