"""Silver to gold.feature_store."""

from collections.abc import Sequence
from datetime import date

from tasks.config import Settings
from tasks.core.loan_features import build_features
from tasks.errors import NothingToDoError
from tasks.prefect import io_task
from tasks.storage import tables


@io_task
def build_feature_store(days: Sequence[date], settings: Settings) -> int:
    """Replace the partitions of `days` in gold.feature_store; return the row count.

    Errors: NothingToDoError when no loan starts on these days.
    """
    loans = tables.scan("silver.loans", settings, on=days)
    attributes, financials, clickstream = (
        tables.scan(f"silver.{name}", settings, until=max(days))
        for name in ("attributes", "financials", "clickstream")
    )
    features = build_features(loans, attributes, financials, clickstream, days=days)
    n_applications = tables.replace_partitions("gold.feature_store", features, days=days, settings=settings)
    if n_applications == 0:
        raise NothingToDoError(f"No application on {', '.join(map(str, days))}: no loan starts on that day.")
    return n_applications
