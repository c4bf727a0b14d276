"""Raw files to bronze, bronze to silver and quarantine."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import polars as pl
from prefect.logging import get_logger

from tasks.arrival import (
    DELIVERIES,
    changed_sources,
    months_to_catch_up,
    note_restatement,
    refuse_absent,
    refuse_changed,
    refuse_odd_volume,
    refuse_unusable,
)
from tasks.config import Settings
from tasks.core.validation import Checked, check
from tasks.errors import BadInputError
from tasks.prefect import io_task
from tasks.schemas.catalog import SOURCES
from tasks.storage import landing, tables
from tasks.storage.raw_files import raw_file


@io_task
def ingest(days: Sequence[date], settings: Settings) -> None:
    """Replace the partitions of `days` in bronze, silver and quarantine, and record what became of each row.

    Months before that are in the files and were not taken in yet come in first: features look back on them.
    Errors: BadInputError for a file or month that is missing or not what was agreed; NothingToDoError when
    the files hold no loan of these days. Whichever it is, nothing of that month was written.
    """
    tables.create_missing(settings)
    for day in days:
        for earlier in months_to_catch_up(day, settings):
            _ingest_month(earlier, settings, asked=False)
        _ingest_month(day, settings, asked=True)


def _ingest_month(day: date, settings: Settings, *, asked: bool) -> None:
    names = tuple(SOURCES)

    def read(name: str) -> pl.DataFrame:
        return landing.read_month(SOURCES[name], day, settings)

    def checked_rows(name: str) -> Checked:
        return _check(name, received[name], day, settings)

    with ThreadPoolExecutor(len(names)) as pool:
        received = dict(zip(names, pool.map(read, names), strict=True))
        refuse_absent(received, day, settings, asked=asked)
        checked = dict(zip(names, pool.map(checked_rows, names), strict=True))
        delivered = pl.concat([rows.delivery for rows in checked.values()])
        _refuse_or_note(checked, delivered, day, settings)
        for writing in [pool.submit(_write, name, checked[name], day, settings) for name in names]:
            writing.result()
    # Last: a month that is in bronze.deliveries is whole.
    tables.replace_partitions(DELIVERIES, delivered, days=[day], settings=settings)


def _check(name: str, dated: pl.DataFrame, day: date, settings: Settings) -> Checked:
    source = SOURCES[name]
    undated = landing.read_month(source, day, settings, dated=False)
    before = None
    if name == "loans":
        last_month = (day - timedelta(days=1)).replace(day=1)
        before = tables.scan("silver.loans", settings, on=[last_month]).collect()
    return check(source, dated, undated, day=day, before=before)


def _refuse_or_note(
    checked: Mapping[str, Checked], delivered: pl.DataFrame, day: date, settings: Settings
) -> None:
    stored = tables.read(DELIVERIES, settings, on=day)
    changed = changed_sources(delivered, stored)
    restated = refuse_changed(changed, day, settings)
    if changed or stored.is_empty():
        refuse_odd_volume(day, settings)
    refuse_unusable(checked, day, settings)
    if restated:
        note_restatement(changed, stored, delivered, settings)


def _write(name: str, checked: Checked, day: date, settings: Settings) -> None:
    """Write one source's month to bronze, quarantine and silver."""
    layers = {"bronze": checked.received, "quarantine": checked.quarantined, "silver": checked.good}
    for layer, rows in layers.items():
        tables.replace_partitions(f"{layer}.{name}", rows, days=[day], settings=settings)
    if checked.quarantined.height:
        counts = (day, checked.quarantined.height, checked.received.height, name)
        get_logger("vintage").warning("%s: %d of %d rows set aside in quarantine.%s", *counts)


def months_received(settings: Settings) -> list[date]:
    """Months that the loan file has rows for, in order.

    Errors: BadInputError when the file is missing or has no month.
    """
    source = SOURCES["loans"]
    months = landing.months_in(source, settings)
    if not months:
        raise BadInputError(f"{raw_file(source, settings)} has no row with a date. Ask the sender again.")
    return months
