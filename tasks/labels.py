"""Silver to gold.label_store."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.core.labels import label_defaults
from tasks.prefect import io_task
from tasks.storage import restatements, tables
from tasks.storage.policy import read_policy

CLOSED_AS = {"no label": None, "good": 0, "bad": 1}


@io_task
def build_labels(days: Sequence[date], settings: Settings) -> int:
    """Replace the partitions of `days` in gold.label_store; return the row count (0: none ripe)."""
    loans = tables.scan("silver.loans", settings, on=days)
    closed = read_policy(settings.policy).policy.label.closed_before_ripe
    labels = label_defaults(
        loans, days=days, mob=settings.label_mob, dpd=settings.label_dpd, closed_as=CLOSED_AS[closed]
    )
    if settings.restate:
        _note_flips(labels.collect(), days, settings)
    return tables.replace_partitions("gold.label_store", labels, days=days, settings=settings)


def _note_flips(labels: pl.DataFrame, days: Sequence[date], settings: Settings) -> None:
    """Write a line of history for each day on which a restatement changes labels that exist."""
    for day in days:
        old = tables.read("gold.label_store", settings, on=day).select("loan_id", old="label")
        both = labels.filter(pl.col("snapshot_date") == day).join(old, on="loan_id", validate="1:1")
        flipped = both.filter(pl.col("label") != pl.col("old")).sort("loan_id")["loan_id"].to_list()
        if flipped:
            version = tables.version_of("gold.label_store", settings)
            entry = {"snapshot_date": str(day), "what": "labels", "flipped": flipped}
            restatements.note(settings, entry, versions={"gold.label_store": version})
