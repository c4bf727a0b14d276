"""Raw files to bronze, bronze to silver and quarantine."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import polars as pl
from prefect.logging import get_logger

from tasks.config import Settings
from tasks.core.validation import check
from tasks.errors import BadInputError, NothingToDoError
from tasks.prefect import io_task
from tasks.schemas.catalog import SOURCES
from tasks.schemas.source import Source
from tasks.storage import landing, tables


@io_task
def ingest(days: Sequence[date], settings: Settings) -> None:
    """Replace the partitions of `days` in bronze, silver and quarantine, and record what became of each row.

    Errors: BadInputError for a file that is missing or not what was agreed; NothingToDoError when the
    files hold no loan of these days.
    """
    tables.create_missing(settings)
    with ThreadPoolExecutor(len(SOURCES)) as pool:
        reads = {name: pool.submit(landing.read_months, s, days, settings) for name, s in SOURCES.items()}
        received = {name: reading.result() for name, reading in reads.items()}
        if received["loans"].is_empty():
            span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
            raise NothingToDoError(f"No rows of {span} in {landing.raw_file(SOURCES['loans'], settings)}.")
        written = [pool.submit(_take_in, SOURCES[name], raw, settings) for name, raw in received.items()]
        delivered = pl.concat([writing.result() for writing in written])
    days_received = sorted(set(delivered["snapshot_date"]))
    tables.replace_partitions("bronze.deliveries", delivered, days=days_received, settings=settings)


def _take_in(source: Source, raw: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Write one source's rows to bronze, silver and quarantine; return its rows of bronze.deliveries."""
    checked = check(source, raw)
    days = sorted(set(raw["snapshot_date"]))
    for layer, rows in (("bronze", raw), ("quarantine", checked.quarantined), ("silver", checked.good)):
        tables.replace_partitions(f"{layer}.{source.name}", rows, days=days, settings=settings)
    set_aside = checked.quarantined.height
    if set_aside:
        where = f"quarantine.{source.name}"
        get_logger("vintage").warning("%d of %d rows set aside in %s", set_aside, raw.height, where)
    return checked.delivery


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


def months_due(as_of: date, settings: Settings) -> list[date]:
    """`as_of`, and before it the earlier months that the files hold and the tables do not.

    An application's features need its customer's whole history, whatever order the months are run in.
    """
    held = {month for source in SOURCES.values() for month in landing.months_in(source, settings)}
    known = set(tables.snapshot_dates("bronze.deliveries", settings))
    return [*sorted(month for month in held - known if month < as_of), as_of]
