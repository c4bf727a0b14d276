"""Silver to gold.feature_store."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError, NothingToDoError
from tasks.features.application_features import describe_applications, keep_applications
from tasks.features.known_rows import keep_customers, scan_known, sum_histories, waiting_histories
from tasks.prefect import io_task
from tasks.store import tables
from tasks.store.streams import replace_by_stream


@io_task
def build_feature_store(days: Sequence[date], settings: Settings) -> int:
    """Replace the partitions of `days` in gold.feature_store; return the row count.

    Raises: NothingToDoError when no loan starts on these days; BadInputError for a loan_id that an
    application of another day has.
    """
    loans = tables.scan("silver.loans", settings, on=days)
    applications = keep_applications(loans, days=days).collect()
    sources, sums = scan_known(days, settings)
    if len(days) == 1:  # most customers applied on some day, and few on any one of them
        sources, sums = (keep_customers(rows, applications["customer_id"]) for rows in (sources, sums))
    features = describe_applications(applications, sources, sums=sums)
    _require_new_ids(features, days, settings)
    n_applications = tables.replace_partitions("gold.feature_store", features, days=days, settings=settings)
    if n_applications == 0:
        raise NothingToDoError(f"No application on {', '.join(map(str, days))}: no loan starts on that day.")
    return n_applications


def histories_to_sum(days: Sequence[date], settings: Settings) -> list[str]:
    """The histories for which there is something to do for `keep_sums`."""
    return waiting_histories(max(days), settings)


@io_task
def keep_sums(days: Sequence[date], settings: Settings) -> None:
    """Add up the histories of whole numbers of which many rows wait for it, up to the last of the days."""
    for history, day, buckets in sum_histories(histories_to_sum(days, settings), max(days), settings):
        replace_by_stream(f"state.{history}", buckets, day=day, settings=settings)


def _require_new_ids(features: pl.DataFrame, days: Sequence[date], settings: Settings) -> None:
    """Do nothing if no other application has the id of one of these: scores and labels are matched by it.

    Earlier months that came in and are not built yet may be under way in another worker: they count too.
    """
    keys = ["loan_id", "snapshot_date"]
    built = tables.snapshot_dates("gold.feature_store", settings)
    stored = tables.scan("gold.feature_store", settings).select(keys)
    same = pl.col("loan_id").is_in(features["loan_id"].implode())
    others = stored.filter(~pl.col("snapshot_date").is_in(list(days)), same)
    parts = [features.select(keys), others.collect()]
    waiting = {day for day in tables.snapshot_dates("silver.loans", settings) if day < max(days)}
    waiting -= {*built, *days}
    if waiting:
        loans = tables.scan("silver.loans", settings, on=waiting)
        parts.append(keep_applications(loans, days=sorted(waiting)).select(keys).filter(same).collect())
    known = pl.concat(parts).unique()
    twice = known.filter(pl.col("loan_id").is_duplicated()).sort(keys)
    if twice.height:
        loan_id, first, again = twice["loan_id"][0], *twice["snapshot_date"].head(2)
        raise BadInputError(
            f"The loan_id {loan_id} is that of an application of {first} and of one of {again}. No "
            "application of the month was published; ask the sender for an id of its own."
        )
