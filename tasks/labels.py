"""Silver to gold.label_store."""

from collections.abc import Sequence
from datetime import date

from tasks.config import Settings
from tasks.core.labels import label_defaults
from tasks.prefect import io_task
from tasks.storage import tables


@io_task
def build_labels(days: Sequence[date], settings: Settings) -> int:
    """Replace the partitions of `days` in gold.label_store; return the row count (0: none ripe)."""
    loans = tables.scan("silver.loans", settings, on=days)
    labels = label_defaults(loans, days=days, mob=settings.label_mob, dpd=settings.label_dpd)
    return tables.replace_partitions("gold.label_store", labels, days=days, settings=settings)
