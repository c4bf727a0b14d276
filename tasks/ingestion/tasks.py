"""Raw files to bronze, bronze to silver and quarantine."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial
from math import ceil

import polars as pl

from tasks.config import Settings, held_bytes
from tasks.errors import BadInputError, VintageError
from tasks.ingestion import landing
from tasks.ingestion.acceptance import (
    DELIVERIES,
    Delivered,
    changed_sources,
    has_come_in,
    months_in_bytes,
    months_of_loans,
    months_to_catch_up,
    note_restatement,
    require_not_emptied,
    require_present,
    require_unchanged_or_restate,
    require_usable,
    require_usual_volume,
)
from tasks.ingestion.cleaning import Fractions
from tasks.ingestion.large_months import LargeMonth, check_large_month
from tasks.ingestion.raw_files import sent_file
from tasks.ingestion.validation import Checked, check
from tasks.lender.reading import NAME, REFERENCE, find_declaration
from tasks.months import months_before
from tasks.prefect import io_task
from tasks.schemas.catalog import SOURCES, tape
from tasks.schemas.deliveries import Deliveries, by_month
from tasks.schemas.source import Source
from tasks.store import tables
from tasks.store.atomic_files import write_whole
from tasks.store.first_run import undone_when_it_fails
from tasks.store.streams import replace_by_stream

LOG = logging.getLogger("vintage")
Weights = Mapping[str, Mapping[date, int]]  # bytes of each source's rows of each month
BATCH_BYTES = 300_000_000  # of all sources once they are read; about two gigabytes while they are checked


@io_task
def ingest(days: Sequence[date], settings: Settings) -> None:
    """Replace the partitions of `days` in bronze, silver and quarantine, and record what became of each row.

    Months before that are in the files and were not taken in yet come in first: features look back on them.
    Raises: BadInputError for a file or month that is missing or not what was agreed; NothingToDoError when
    the files hold no loan of these days. Whichever it is, nothing of that month or a later one was written.
    """
    with undone_when_it_fails(settings):
        with ThreadPoolExecutor(1) as pool:  # the tables can be made while new files are looked through
            creating = pool.submit(tables.create_missing, settings)
            earlier = months_to_catch_up(max(days), settings)
            creating.result()
        try:
            weights = months_in_bytes(settings)
            for months in _batches(sorted({*days, *earlier}), weights, settings):
                _ingest_months(months, weights, settings, required=days)
        finally:
            landing.drop_pieces(settings)


def _keep_declaration(settings: Settings) -> None:
    """Keep the declaration beside the tables that are made by it, for commands that are given these alone."""
    path = find_declaration(settings.data, settings.datamart, settings.lender)
    kept, text = settings.datamart / NAME, path.read_text(encoding="utf-8")
    if path not in (REFERENCE, kept) and not (kept.is_file() and kept.read_text(encoding="utf-8") == text):
        write_whole(kept, text)


def _batches(months: Sequence[date], weights: Weights, settings: Settings) -> Iterator[list[date]]:
    """The months in lots that fit into memory; one that does not is a lot of its own."""
    batch, size = list[date](), 0
    for month in months:
        n_bytes = sum(of_file.get(month, 0) for of_file in weights.values())
        if batch and size + n_bytes > min(BATCH_BYTES, held_bytes(settings.memory_gb)):
            yield batch
            batch, size = [], 0
        size += n_bytes
        batch.append(month)
    yield batch


def _ingest_months(
    months: Sequence[date], weights: Weights, settings: Settings, *, required: Sequence[date]
) -> None:
    """Take in the months up to the first that is refused; raise why it was."""
    pieces = _pieces_needed(months, weights, settings)
    if pieces and not has_come_in(months[0], settings):
        require_usual_volume(months[0], settings)  # before hours of work
    with ThreadPoolExecutor(len(SOURCES)) as pool:
        checking = {
            name: pool.submit(_check, name, months, settings, pieces.get(name, 1)) for name in SOURCES
        }
        checked = {name: rows.result() for name, rows in checking.items()}
        delivered = by_month(pl.concat([rows.deliveries for rows in checked.values()]))
        stored = by_month(tables.scan(DELIVERIES, settings, on=months).collect())
        last, refusal = None, None
        for month in months:
            try:
                new, old = delivered[month], stored.get(month, {})
                _require_acceptable(checked, new, old, month, settings, required=month in required)
            except VintageError as error:
                refusal = error
                break
            last = month
        if last is not None:
            taken = {
                name: rows.until(last) if refusal and isinstance(rows, Checked) else rows
                for name, rows in checked.items()
            }
            _write_months(taken, [month for month in months if month <= last], settings, pool)
    if refusal is not None:
        raise refusal


def _pieces_needed(months: Sequence[date], weights: Weights, settings: Settings) -> dict[str, int]:
    """In how many pieces each source of a month is checked that is too large to be worked on at once."""
    held = held_bytes(settings.memory_gb)
    first = {name: of_file.get(months[0], 0) for name, of_file in weights.items()}
    if len(months) > 1 or sum(first.values()) <= held:
        return {}
    share = held // len(SOURCES)  # all sources are checked side by side
    return {name: ceil(weight / share) for name, weight in first.items() if weight > share}


def _check(name: str, months: Sequence[date], settings: Settings, n_pieces: int) -> Checked | LargeMonth:
    source, before = SOURCES[name], None
    if source.is_tape:
        last_months = [months_before(month, 1) for month in months]
        before = tables.scan("silver.loans", settings, on=last_months).collect()
    undated = landing.read_months(source, months, settings, dated=False)
    if n_pieces > 1:
        return check_large_month(source, months[0], settings, n=n_pieces, undated=undated, before=before)
    dated = landing.read_months(source, months, settings)
    return check(source, dated, undated, days=months, before=before)


def _require_acceptable(
    checked: Mapping[str, Checked | LargeMonth],
    delivered: Delivered,
    stored: Delivered,
    day: date,
    settings: Settings,
    *,
    required: bool,
) -> None:
    """Raise why the month cannot come in, or note what it replaces, given its deliveries new and old."""
    require_present(delivered, day, settings, required=required)
    require_not_emptied(delivered, stored, day, settings)
    changed = changed_sources(checked, delivered, stored, day, settings)
    restated = require_unchanged_or_restate(changed, day, settings)
    if changed or not stored:
        require_usual_volume(day, settings)
    require_usable(checked, delivered, day, settings)
    if restated:
        note_restatement(changed, stored, delivered, day, settings)


def _write_months(
    checked: Mapping[str, Checked | LargeMonth],
    days: Sequence[date],
    settings: Settings,
    pool: ThreadPoolExecutor,
) -> None:
    """Write all sources' rows of `days` to bronze, silver and quarantine, then what became of them."""
    deliveries = Deliveries.validate(pl.concat([rows.deliveries for rows in checked.values()]))
    write = partial(tables.replace_partitions, days=days, settings=settings)
    writing: list[Future[int]] = []
    for name, rows in checked.items():
        n_broken, n = rows.deliveries.select(pl.col("n_quarantined", "n_received").sum()).row(0)
        if n_broken:
            span = " to ".join(map(str, sorted({days[0], days[-1]})))
            LOG.warning("%d of %d rows of %s of %s set aside in quarantine.", n_broken, n, name, span)
        _warn_of_fractions(SOURCES[name], rows, settings)
        if isinstance(rows, Checked):
            layers = {"bronze": rows.received, "silver": rows.good, "quarantine": rows.quarantined}
            writing += [pool.submit(write, f"{layer}.{name}", written) for layer, written in layers.items()]
        else:
            _write_large_month(name, rows, days[0], settings)
    for written in writing:
        written.result()
    # Last: a month that is in bronze.deliveries is whole.
    write(DELIVERIES, deliveries)
    _keep_declaration(settings)


def _write_large_month(name: str, rows: LargeMonth, day: date, settings: Settings) -> None:
    """One table after the other; the broken rows are few, or the month would have been refused."""
    replace_by_stream(f"bronze.{name}", rows.received, day=day, settings=settings)
    replace_by_stream(f"silver.{name}", rows.good, day=day, settings=settings)
    tables.replace_partitions(f"quarantine.{name}", rows.quarantined, days=[day], settings=settings)


def _warn_of_fractions(source: Source, checked: Checked | LargeMonth, settings: Settings) -> None:
    """Name the columns of whole numbers of whose cells some became null, as they say another number."""
    months = [of_month for _, of_month in sorted(checked.fractions.items())]
    for name in dict.fromkeys(name for of_month in months for name in of_month):
        found = [of_month[name] for of_month in months if name in of_month]
        cells = Fractions(sum(one.n for one in found), found[0].example)
        LOG.warning(
            "%s, column %s: %s. They are null. If it holds such numbers, declare it with type = 'number', "
            "and under a name of its own (as = ...) where tables hold it already; else ask the sender.",
            *(sent_file(source, settings), name, cells),
        )


def months_received(settings: Settings) -> list[date]:
    """Months that the loan file has rows for, in order, up to the first that is missing.

    What is dated beyond a gap is most often a typing error in the year; it waits until that month is run.
    Raises: BadInputError when the file is missing or has no month.
    """
    source = tape()
    months = months_of_loans(settings)
    if not months:
        raise BadInputError(f"{sent_file(source, settings)} has no row with a date. Ask the sender again.")
    expected = pl.date_range(months[0], months[-1], "1mo", eager=True).to_list()
    whole = [month for month, due in zip(months, expected, strict=False) if month == due]
    if len(whole) < len(months):
        left = (sent_file(source, settings), months[len(whole)], whole[-1])
        LOG.warning("%s has rows dated %s, after a gap; only months to %s are run.", *left)
    return whole
