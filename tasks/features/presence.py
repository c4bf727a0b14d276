"""Which days have applications to make features of."""

from datetime import date

from tasks.config import Settings
from tasks.features.application_features import keep_applications
from tasks.store import tables


def has_no_applications(day: date, settings: Settings) -> bool:
    """Whether the loans of the day came in and none of them starts on it."""
    loans = tables.scan("silver.loans", settings, on=[day]).collect()
    return loans.height > 0 and keep_applications(loans.lazy(), days=[day]).collect().is_empty()


def find_unbuilt_months(until: date, settings: Settings) -> list[date]:
    """Months whose loans came in with applications, and whose features were not built, in order."""
    built = tables.snapshot_dates("gold.feature_store", settings)
    came = [day for day in tables.snapshot_dates("silver.loans", settings) if day <= until]
    return [day for day in came if day not in built and not has_no_applications(day, settings)]
