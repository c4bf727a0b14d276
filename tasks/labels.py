"""Silver to gold.label_store."""

from datetime import date

from tasks.config import Settings
from tasks.core.labels import label_defaults
from tasks.prefect import io_task
from tasks.storage import tables


@io_task
def build_labels(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.label_store; return its row count (0 before the first ripe cohort)."""
    tables.require("silver.loans", as_of, settings, flow="features")
    loans = tables.scan("silver.loans", settings, on=as_of)
    labels = label_defaults(loans, as_of=as_of, mob=settings.label_mob, dpd=settings.label_dpd)
    return tables.replace_partition("gold.label_store", labels, snapshot_date=as_of, settings=settings)
