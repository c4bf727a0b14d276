"""Whether a month's delivery may come in: what is asked of it before a single row is written."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError, NothingToDoError
from tasks.governance.source_log import retired_on
from tasks.ingestion import delivery_checks, landing
from tasks.ingestion.large_months import LargeMonth
from tasks.ingestion.plain_copy import line_of_sender
from tasks.ingestion.raw_files import find_line, raw_file, sent_file
from tasks.ingestion.validation import NO_ROWS, Checked, Unreadable
from tasks.schemas.catalog import SOURCES, TABLES, tape
from tasks.schemas.deliveries import Delivery, Volume
from tasks.store import restatements, tables
from tasks.store.streams import are_same_rows

LOG = logging.getLogger("vintage")
DELIVERIES = "bronze.deliveries"
Delivered = Mapping[str, Delivery]  # what came in of a month, by source


def has_come_in(day: date, settings: Settings) -> bool:
    """Whether the month's rows were taken in."""
    return day in tables.snapshot_dates(DELIVERIES, settings)


def months_of_loans(settings: Settings) -> list[date]:
    """Months that the loan file has rows for, in order, without strays before them; says which these are."""
    counts = landing.count_rows(tape(), settings)
    months = delivery_checks.drop_strays(counts)
    for stray in sorted(counts.keys() - months):
        path = sent_file(tape(), settings)
        _warn_once(
            f"{path} has rows dated {stray} ({counts[stray].n}), long before all others; no month is made of "
            "them. Ask the sender for the right year."
        )
    return months


@cache
def _warn_once(message: str) -> None:
    LOG.warning(message)


def months_to_catch_up(day: date, settings: Settings) -> list[date]:
    """Months before `day` that the files hold and bronze does not, in order: its features use them."""
    there = set(tables.snapshot_dates(DELIVERIES, settings))
    others = [source for name, source in SOURCES.items() if name != "loans"]
    sent = {month for source in others for month in landing.count_rows(source, settings)}
    return sorted(month for month in {*sent, *months_of_loans(settings)} - there if month < day)


def require_present(delivered: Delivered, day: date, settings: Settings, *, required: bool) -> None:
    """Do nothing if each file has its rows of `day`; `delivered` is what came in of it.

    A source that is retired on the day need not deliver.

    Raises: BadInputError for a file without the month; NothingToDoError when it has not come yet.
    """
    retired = retired_on(day, settings)
    for name, source in SOURCES.items():
        if name not in retired and not landing.count_rows(source, settings):
            raise BadInputError(
                f"{sent_file(source, settings)} has a header but no rows with a date. Ask the sender for the "
                "file again."
            )
    empty = {name for name, row in delivered.items() if row["digest"] == NO_ROWS}
    months = months_of_loans(settings)
    path = sent_file(tape(), settings)
    if "loans" in empty and required:
        others = [n for n, source in SOURCES.items() if source.every_month and n not in empty]
        if others or months[0] < day < months[-1]:
            raise BadInputError(
                f"{path} has no rows of {day}, although "
                f"{'the files of ' + ' and '.join(others) if others else 'it has earlier and later ones'}"
                f"{' have' if others else ''}. Nothing of the month was published; ask the sender for them."
            )
        raise NothingToDoError(f"No rows of {day} in {path}.")
    for name in (
        delivery_checks.find_absent(empty - retired.keys(), SOURCES) if delivered["loans"]["n_new"] else ()
    ):
        raise BadInputError(
            f"{sent_file(SOURCES[name], settings)} has no rows of {day}, on which loans start. "
            "Nothing of the month was published; ask the sender for the rows."
        )


def require_not_emptied(delivered: Delivered, stored: Delivered, day: date, settings: Settings) -> None:
    """Do nothing if each source that has rows of `day` in the tables still has some.

    Raises: BadInputError; without it the other sources would be written and this one refused.
    """
    for name, old in stored.items():
        for count, kind in (("n_received", "rows"), ("n_good", "rows that keep the rules")):
            if old[count] and not delivered[name][count]:
                raise BadInputError(
                    f"{sent_file(SOURCES[name], settings)} has no {kind} of {day} any more, and {old[count]} "
                    "came in before. Nothing was written; restore the file, or ask the sender."
                )


def months_in_bytes(settings: Settings) -> Mapping[str, Mapping[date, int]]:
    """Bytes of each file's rows of each month once they are read."""
    return {name: landing.weigh_months(source, settings) for name, source in SOURCES.items()}


def require_usual_volume(day: date, settings: Settings) -> None:
    """Do nothing if each file has about as many rows of `day` as of the months before; a pause is reported.

    Raises: BadInputError, unless the settings allow any volume.
    """
    if settings.allow_volume:
        return
    volumes = {name: _volumes(name, day, settings) for name in SOURCES}
    if delivery_checks.has_paused(volumes, SOURCES, day):
        LOG.warning(
            "No loan starts on %s, and no file knows an applicant: lending seems to pause. Earlier loans are "
            "labelled and measured all the same. If loans are missing, ask the sender for them.",
            day,
        )
    for name, source in SOURCES.items():
        odd = delivery_checks.find_odd_number(name, volumes, SOURCES, day)
        if odd and name not in retired_on(day, settings):
            raise BadInputError(
                f"{sent_file(source, settings)} has an odd number of rows of {day}: {odd}. Nothing of the "
                "month was published; ask the sender, or run again with --allow-volume if it is right."
            )


def _volumes(name: str, day: date, settings: Settings) -> dict[date, Volume]:
    counts = landing.count_rows(SOURCES[name], settings)
    if sum(month < day for month in counts) < delivery_checks.MIN_MONTHS:
        return _delivered_before(name, day, settings) | counts
    return counts


def _delivered_before(name: str, day: date, settings: Settings) -> dict[date, Volume]:
    """Rows of the months that came in with earlier files: the sender may send each month by itself."""
    rows = tables.scan(DELIVERIES, settings, until=day)
    past = rows.filter(pl.col("source") == name, pl.col("n_received") > 0).collect()
    return {
        month: Volume(n, new) for month, n, new in past["snapshot_date", "n_received", "n_new"].iter_rows()
    }


def require_usable(
    checked: Mapping[str, Checked | LargeMonth], delivered: Delivered, day: date, settings: Settings
) -> None:
    """Do nothing if the month's rows can be read and most of them keep the rules.

    Raises: BadInputError that names the file and the column.
    """
    for name, rows in checked.items():
        odd = delivery_checks.find_mostly_broken(delivered[name])
        if day in rows.unreadable:
            odd = _describe_unreadable(rows.unreadable[day], raw_file(SOURCES[name], settings))
        if odd:
            broken = rows.quarantined.lazy().filter(pl.col("snapshot_date") == day)
            rule = delivery_checks.name_rule(broken.select("rule").collect())
            raise BadInputError(
                f"{sent_file(SOURCES[name], settings)}, rows of {day}: {odd}{rule}. "
                "Nothing of the month was published; ask the sender."
            )


def _describe_unreadable(unreadable: Unreadable, path: Path) -> str:
    example = unreadable.example
    if example is None:
        return unreadable.words
    return f"{unreadable.words}, such as {example!r} in {line_of_sender(path, find_line(path, example))}"


def require_unchanged_or_restate(changed: Sequence[str], day: date, settings: Settings) -> bool:
    """Whether `day` is published and is now restated; `changed` names the sources that differ from then.

    Raises: BadInputError when it is published, differs, and the settings do not ask for a restatement.
    """
    if not changed or day not in tables.snapshot_dates("gold.feature_store", settings):
        return False
    files = ", ".join(sent_file(SOURCES[name], settings) for name in changed)
    if not settings.restate:
        raise BadInputError(
            f"{files} changed for {day}, a month that is published. Nothing was written; restore the file, "
            f"or take the new rows with: vintage run features --date {day} --restate"
        )
    return True


def changed_sources(
    checked: Mapping[str, Checked | LargeMonth],
    delivered: Delivered,
    stored: Delivered,
    day: date,
    settings: Settings,
) -> list[str]:
    """Sources of which other rows were taken in before; none when nothing was.

    Rows that only have more or fewer columns, since the code takes in others now, are the same.
    """
    old, new = _digests(stored), _digests(delivered)
    differing = [name for name, digest in new.items() if old and old.get(name) != digest]
    return [name for name in differing if not _same_in_common(name, checked[name], day, settings)]


def _same_in_common(name: str, checked: Checked | LargeMonth, day: date, settings: Settings) -> bool:
    """Whether the day's rows are those that were taken in, in the columns that both have."""
    table = f"bronze.{name}"
    gained = tables.missing_columns(table, settings, on=[day]).get(day, set())
    common = sorted(TABLES[table].columns.keys() - gained - {"source_file"})
    old = tables.scan(table, settings, on=[day])
    rows = checked.received
    new = rows.lazy() if isinstance(rows, pl.DataFrame) else pl.concat(rows)
    return are_same_rows(old.select(common), new.filter(pl.col("snapshot_date") == day).select(common))


def note_restatement(
    changed: Sequence[str], stored: Delivered, delivered: Delivered, day: date, settings: Settings
) -> None:
    """Write down which rows replace which, and the Delta versions that still hold the old ones."""
    old, new = _digests(stored), _digests(delivered)
    entry = {
        "snapshot_date": str(day),
        "what": "rows",
        "digests": {name: [old.get(name), new[name]] for name in changed},
    }
    kept = [f"{layer}.{name}" for name in changed for layer in ("bronze", "silver")]
    restatements.note(settings, entry, versions={name: tables.version_of(name, settings) for name in kept})


def _digests(deliveries: Delivered) -> dict[str, str]:
    return {name: row["digest"] for name, row in deliveries.items()}
