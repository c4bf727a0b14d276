"""Whether a month's delivery may come in: what is asked of it before a single row is written."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.core import intake
from tasks.core.validation import NO_ROWS, Checked
from tasks.errors import BadInputError, NothingToDoError
from tasks.schemas.catalog import SOURCES
from tasks.storage import landing, restatements, tables
from tasks.storage.raw_files import raw_file

DELIVERIES = "bronze.deliveries"


def months_to_catch_up(day: date, settings: Settings) -> list[date]:
    """Months before `day` that the files hold and bronze does not, in order: its features use them."""
    there = set(tables.snapshot_dates(DELIVERIES, settings))
    sent = {month for source in SOURCES.values() for month in landing.months_in(source, settings)}
    return sorted(month for month in sent - there if month < day)


def refuse_absent(delivered: pl.DataFrame, day: date, settings: Settings, *, asked: bool) -> None:
    """Do nothing if each file has its rows of `day`; `delivered` is what came in of it.

    Errors: BadInputError for a file without the month; NothingToDoError when it has not come yet.
    """
    empty = set(delivered.filter(pl.col("digest") == NO_ROWS)["source"])
    months = landing.months_in(SOURCES["loans"], settings)
    path = raw_file(SOURCES["loans"], settings)
    if not months:
        raise BadInputError(
            f"{path} has a header but no rows with a date. Ask the sender for the file again."
        )
    if "loans" in empty and asked:
        others = [n for n, source in SOURCES.items() if source.every_month and n not in empty]
        if others or months[0] < day < months[-1]:
            raise BadInputError(
                f"{path} has no rows of {day}, although "
                f"{'the files of ' + ' and '.join(others) if others else 'it has earlier and later ones'}"
                f"{' have' if others else ''}. Nothing of the month was published; ask the sender for them."
            )
        raise NothingToDoError(f"No rows of {day} in {path}.")
    n_applications = delivered.filter(pl.col("source") == "loans")["n_new"].sum()
    for name in intake.find_absent(empty, SOURCES) if n_applications else ():
        raise BadInputError(
            f"{raw_file(SOURCES[name], settings)} has no rows of {day}, on which loans start. "
            "Nothing of the month was published; ask the sender for the rows."
        )


def refuse_odd_volume(day: date, settings: Settings) -> None:
    """Do nothing if each file has about as many rows of `day` as of the months before.

    Errors: BadInputError, unless the settings allow any volume.
    """
    if settings.allow_volume:
        return
    for name, source in SOURCES.items():
        counts = landing.count_rows(source, settings)
        if counts.filter(pl.col("snapshot_date") < day).height < intake.LEAST_MONTHS:
            counts = pl.concat([counts, _delivered_before(name, counts, day, settings)])
        odd = intake.find_odd_volume(counts, day)
        if odd:
            raise BadInputError(
                f"{raw_file(source, settings)} has an odd number of rows of {day}: {odd}. Nothing of the "
                "month was published; ask the sender, or run again with --allow-volume if it is right."
            )


def _delivered_before(name: str, counts: pl.DataFrame, day: date, settings: Settings) -> pl.DataFrame:
    """Rows of the months that came in with earlier files: the sender may send each month by itself."""
    rows = tables.scan(DELIVERIES, settings, until=day)
    rows = rows.filter(pl.col("source") == name, pl.col("n_received") > 0)
    past = rows.select("snapshot_date", n=pl.col("n_received"), n_new=pl.col("n_new")).collect()
    return past.join(counts, on="snapshot_date", how="anti")


def refuse_unusable(
    checked: Mapping[str, Checked], delivered: pl.DataFrame, day: date, settings: Settings
) -> None:
    """Do nothing if the month's rows can be read and most of them keep the rules.

    Errors: BadInputError that names the file and the column.
    """
    for name, rows in checked.items():
        odd = rows.unreadable.get(day) or intake.find_mostly_broken(
            delivered.filter(pl.col("source") == name)
        )
        if odd:
            set_aside = rows.quarantined.filter(pl.col("snapshot_date") == day)
            raise BadInputError(
                f"{raw_file(SOURCES[name], settings)}, rows of {day}: {odd}{_rules(set_aside)}. "
                "Nothing of the month was published; ask the sender."
            )


def _rules(quarantined: pl.DataFrame) -> str:
    if quarantined.is_empty():
        return ""
    most = quarantined["rule"].value_counts(sort=True).row(0)[0]
    return f" (most often: {most})"


def refuse_changed(changed: Sequence[str], day: date, settings: Settings) -> bool:
    """Whether `day` is published and is now restated; `changed` names the sources that differ from then.

    Errors: BadInputError when it is published, differs, and the settings do not ask for a restatement.
    """
    published = day in tables.snapshot_dates("gold.feature_store", settings)
    if not (changed and published):
        return False
    files = ", ".join(str(raw_file(SOURCES[name], settings)) for name in changed)
    if not settings.restate:
        raise BadInputError(
            f"{files} changed for {day}, a month that is published. Nothing was written; restore the file, "
            f"or take the new rows with: vintage run features --date {day} --restate"
        )
    return True


def changed_sources(delivered: pl.DataFrame, stored: pl.DataFrame) -> list[str]:
    """Sources of which other rows were taken in before; none when nothing was."""
    digests = _digests(stored)
    return [name for name, found in _digests(delivered).items() if digests and digests.get(name) != found]


def note_restatement(
    changed: Sequence[str], stored: pl.DataFrame, delivered: pl.DataFrame, settings: Settings
) -> None:
    """Write down which rows replace which, and the Delta versions that still hold the old ones."""
    old, new = _digests(stored), _digests(delivered)
    entry = {
        "snapshot_date": str(delivered["snapshot_date"][0]),
        "what": "rows",
        "digests": {name: [old.get(name), new[name]] for name in changed},
    }
    kept = [f"{layer}.{name}" for name in changed for layer in ("bronze", "silver")]
    restatements.note(settings, entry, versions={name: tables.version_of(name, settings) for name in kept})


def _digests(deliveries: pl.DataFrame) -> dict[str, str]:
    return dict(deliveries.select("source", "digest").iter_rows())
