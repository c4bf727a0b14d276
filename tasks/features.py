"""Silver to gold.feature_store."""

from datetime import date

from tasks.config import Settings
from tasks.core.loan_features import build_features
from tasks.errors import NothingToDoError
from tasks.prefect import io_task
from tasks.storage import tables


@io_task
def build_feature_store(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.feature_store; return its row count.

    Errors: NothingToDoError when the day has no application.
    """
    tables.require("silver.loans", as_of, settings, flow="features")
    silver = {
        name: tables.scan(f"silver.{name}", settings, until=as_of)
        for name in ("loans", "attributes", "financials", "clickstream")
    }
    features = build_features(**silver, as_of=as_of).collect()
    if features.is_empty():
        raise NothingToDoError(f"No application on {as_of}: no loan starts on that day.")
    return tables.replace_partition("gold.feature_store", features, snapshot_date=as_of, settings=settings)
