"""Silver to gold.label_store."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import VintageError
from tasks.governance.adopted_policy import read_policy
from tasks.labels.default_labels import CLOSED_AS, label_defaults
from tasks.prefect import io_task
from tasks.store import restatements, tables


@io_task
def build_labels(days: Sequence[date], settings: Settings) -> int:
    """Replace the partitions of `days` in gold.label_store; return the row count (0: none ripe).

    Raises: VintageError when labels that are there would change, unless the settings ask for a restatement.
    """
    loans = tables.scan("silver.loans", settings, on=days)
    closed = read_policy(settings.policy).policy.label.closed_before_ripe
    labels = label_defaults(
        loans, days=days, mob=settings.label_mob, dpd=settings.label_dpd, closed_as=CLOSED_AS[closed]
    ).collect()
    for day in sorted({*days} & {*tables.snapshot_dates("gold.label_store", settings)}):
        flipped = _find_flipped(labels, day, settings)
        if flipped and not settings.restate:
            raise VintageError(
                f"{len(flipped)} labels of {day} would change ({flipped[0]} the first), and the month is "
                f"published. Nothing was written; set back what was changed (closed_before_ripe in "
                f"{settings.policy}?), or take the new ones with: vintage run features --date {day} --restate"
            )
        if flipped:
            version = tables.version_of("gold.label_store", settings)
            entry = {"snapshot_date": str(day), "what": "labels", "flipped": flipped}
            restatements.note(settings, entry, versions={"gold.label_store": version})
    return tables.replace_partitions("gold.label_store", labels, days=days, settings=settings)


def _find_flipped(labels: pl.DataFrame, day: date, settings: Settings) -> list[str]:
    """Ids of the day's loans whose label is another than the one that is stored, in order."""
    old = tables.read("gold.label_store", settings, on=day).select("loan_id", old="label")
    now = labels.filter(pl.col("snapshot_date") == day)
    both = now.join(old, on="loan_id", how="inner", validate="1:1")
    return both.filter(pl.col("label") != pl.col("old")).sort("loan_id")["loan_id"].to_list()
