"""Which application months have their labels."""

from datetime import date

from tasks.config import Settings
from tasks.store import tables


def ripe_cohorts(as_of: date, settings: Settings) -> list[date]:
    """Application months, in order, of which features and labels exist on `as_of`.

    A book that was taken in when it was already under way has labels of loans whose application it never saw.
    """
    labels = tables.scan("gold.label_store", settings, until=as_of).select("loan_start_date").unique()
    labelled = set(labels.collect().to_series())
    return [day for day in tables.snapshot_dates("gold.feature_store", settings) if day in labelled]
