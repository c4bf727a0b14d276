"""Raw files to bronze, bronze to silver and quarantine, for one month."""

from datetime import date

import polars as pl
from prefect.logging import get_logger

from tasks.config import Settings
from tasks.core.validation import check
from tasks.errors import BadInputError, NothingToDoError
from tasks.prefect import io_task
from tasks.schemas.catalog import SOURCES
from tasks.storage import landing, tables


@io_task
def ingest_month(as_of: date, settings: Settings) -> None:
    """Replace the `as_of` partitions of bronze: the month's rows of the four files, as received.

    Errors: BadInputError for a file that is missing or not what was agreed; NothingToDoError when the
    files hold no loan of the month.
    """
    tables.create_missing(settings)
    received = {name: landing.scan_month(source, as_of, settings) for name, source in SOURCES.items()}
    if received["loans"].limit(1).collect().is_empty():
        raise NothingToDoError(
            f"No rows of snapshot_date {as_of} in {landing.raw_file(SOURCES['loans'], settings)}."
        )
    for name, rows in received.items():
        frame = rows.collect()
        if not frame.is_empty():
            tables.replace_partition(f"bronze.{name}", frame, snapshot_date=as_of, settings=settings)


@io_task
def clean_month(as_of: date, settings: Settings) -> None:
    """Replace the `as_of` partitions of silver and quarantine from bronze, and record the counts."""
    deliveries: list[pl.DataFrame] = []
    for name, source in SOURCES.items():
        raw = tables.scan(f"bronze.{name}", settings, on=as_of).collect()
        if raw.is_empty():
            continue
        checked = check(source, raw, as_of)
        tables.replace_partition(f"silver.{name}", checked.good, snapshot_date=as_of, settings=settings)
        tables.replace_partition(
            f"quarantine.{name}", checked.quarantined, snapshot_date=as_of, settings=settings
        )
        deliveries.append(checked.delivery)
        if checked.quarantined.height:
            get_logger("vintage").warning(
                "%s %s: %d of %d rows set aside in quarantine.%s",
                as_of,
                name,
                checked.quarantined.height,
                raw.height,
                name,
            )
    tables.replace_partition(
        "bronze.deliveries", pl.concat(deliveries), snapshot_date=as_of, settings=settings
    )


def months_received(settings: Settings) -> list[date]:
    """Months that the loan file has rows for, in order.

    Errors: BadInputError when the file is missing or has no month.
    """
    source = SOURCES["loans"]
    months = landing.months_in(source, settings)
    if not months:
        raise BadInputError(
            f"{landing.raw_file(source, settings)} has no row with a date. Ask the sender again."
        )
    return months
