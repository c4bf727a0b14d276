"""Whether a day has any application to make features of."""

from datetime import date

from tasks.config import Settings
from tasks.features.application_features import keep_applications
from tasks.store import tables


def lacks_applications(day: date, settings: Settings) -> bool:
    """Whether the loans of the day came in and none of them starts on it."""
    loans = tables.scan("silver.loans", settings, on=[day]).collect()
    return loans.height > 0 and keep_applications(loans.lazy(), days=[day]).collect().is_empty()
