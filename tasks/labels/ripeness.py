"""Which application months have their labels, and how many more a training waits for."""

from collections.abc import Sequence
from datetime import date

from tasks.config import Settings
from tasks.store import tables


def cohorts_missing(ripe: Sequence[date], trained_on: Sequence[date], *, first: int, every: int) -> int:
    """How many more cohorts must ripen before the next training; 0 or less when it is due.

    Needs:  ripe and trained_on are application months; trained_on is empty before the first training.
    """
    return (every if trained_on else first) - len(newly_ripe(ripe, trained_on))


def newly_ripe(ripe: Sequence[date], trained_on: Sequence[date]) -> set[date]:
    """The ripe cohorts that the last training did not learn from; an older one may get its labels late."""
    return set(ripe) - set(trained_on)


def ripe_cohorts(as_of: date, settings: Settings) -> list[date]:
    """Application months, in order, of which features and labels exist on `as_of`.

    A book that was taken in when it was already under way has labels of loans whose application it never saw.
    """
    labels = tables.scan("gold.label_store", settings, until=as_of).select("loan_start_date").unique()
    labelled = set(labels.collect().to_series())
    return [day for day in tables.snapshot_dates("gold.feature_store", settings) if day in labelled]
