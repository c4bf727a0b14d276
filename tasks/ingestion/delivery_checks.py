"""What a month's delivery must be before any of it is written: present, of the usual size, readable.

Each check gives a sentence that says what is wrong, where, and the fix; None when nothing is.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from math import sqrt
from statistics import median

import polars as pl

from tasks.months import months_before
from tasks.schemas.deliveries import Delivery, Volume
from tasks.schemas.source import Source

NULL, FIELD = "\x00", "\x1f"  # in no raw file: the one is refused there, the other is no text
MIN_CELLS = 10  # a share of fewer cells than this says nothing
MIN_MONTHS = 3
UNREADABLE, QUARANTINED, VOLUME = 0.5, 0.1, 0.5
CHANCE = 3  # standard deviations of a count (Poisson): a small lender's months differ by more than VOLUME
TIMES_OTHERS, TIMES_APPLICATIONS = 10, 100  # as many rows as there are applications, in the first months
MIN_ROWS = 50  # one bad row of a handful is a bad row, not a bad delivery


def digests(ordered: pl.DataFrame) -> dict[date, str]:
    """SHA-256 of each month's rows as received, whatever the order of the columns in the file.

    Needs:  rows of bronze.<source>, in the order of the table.
    """
    lines = ordered.select("snapshot_date", line=_line_of(ordered))
    months = lines.partition_by("snapshot_date", as_dict=True)
    return {month: digest_of([rows["line"]]) for (month,), rows in months.items()}


def lines_of(rows: pl.DataFrame) -> pl.Series:
    """Each row of bronze.<source> as a text of what was received."""
    return rows.select(_line_of(rows)).to_series()


def _line_of(rows: pl.DataFrame) -> pl.Expr:
    names = sorted(name for name in rows.columns if name not in ("source_file", "snapshot_date"))
    return pl.concat_str(pl.col(names).fill_null(NULL), separator=FIELD)


def digest_of(pieces: Iterable[pl.Series]) -> str:
    """SHA-256 of a month's lines, in the order of the table, which may come in pieces."""
    digest, between = hashlib.sha256(), b""
    for lines in pieces:
        digest.update(between + lines.str.join("\n").item().encode())
        between = b"\n"
    return digest.hexdigest()


def find_absent(empty: Collection[str], sources: Mapping[str, Source]) -> list[str]:
    """Of the sources without a row, those that must have some in a month with applications."""
    return [name for name, source in sources.items() if source.every_month and name in empty]


def drop_strays(counts: Mapping[date, Volume]) -> list[date]:
    """The months in order, from the first after whichever gap has less than a usual month's rows before it.

    A row dated years before all others is a typing error; taken for a month, it would be the lender's first.
    """
    months = sorted(counts)
    usual = median([volume.n for volume in counts.values()] or [0])
    begins = [m for place, m in enumerate(months) if place and months[place - 1] != months_before(m, 1)]
    few = [begin for begin in begins if sum(counts[m].n for m in months if m < begin) < usual]
    return [month for month in months if not few or month >= few[-1]]


def has_paused(
    volumes: Mapping[str, Mapping[date, Volume]], sources: Mapping[str, Source], day: date
) -> bool:
    """Whether nobody applied on `day`: the book has no new loan, and no source knows an applicant."""
    book = volumes["loans"].get(day)
    others = [volumes[name] for name, source in sources.items() if source.every_month and not source.is_tape]
    return book is not None and not book.n_new and not any(day in months for months in others)


def find_odd_number(
    name: str, volumes: Mapping[str, Mapping[date, Volume]], sources: Mapping[str, Source], day: date
) -> str | None:
    """What is odd about the number of a source's rows of `day`; nothing if they are dated before the loans.

    Needs:  the volumes of all sources by name; months after `day` are not looked at.
    """
    if sources[name].declared.before_the_loan:
        return None
    odd = find_odd_volume(volumes[name], day, paused=has_paused(volumes, sources, day))
    return odd or find_odd_beginning(name, volumes, sources, day)


def find_odd_volume(counts: Mapping[date, Volume], day: date, *, paused: bool = False) -> str | None:
    """What is odd about the number of rows of `day`, set against the months before it.

    Needs:  the volumes of one source's months; those after `day` are not looked at; whether lending has
            `paused`.
    Note:   a loan book grows by its age, so for loans the new ones are counted, and the older ones are held
            against the month before. While lending pauses, a cohort may end and none takes its place.
    """
    before = sorted(month for month in counts if month < day)
    if len(before) < MIN_MONTHS or day not in counts:
        return None
    new_before = [counts[month].n_new for month in before if counts[month].n_new]
    usual = median(new_before or [0])
    (n, new), last = counts[day], counts[before[-1]].n
    is_book = any(counts[month].n != counts[month].n_new for month in (*before, day))
    if usual and not (paused and is_book) and abs(new - usual) > max(VOLUME * usual, CHANCE * sqrt(usual)):
        return f"{new} new rows, where the median of the {len(new_before)} months before is {usual:.0f}"
    ended = max(new_before, default=0) if paused else 0
    if is_book and not (last - ended) * (1 - VOLUME) <= n - new <= last * (1 + VOLUME):
        return f"{n - new} rows of older loans, after {last} rows in the month before"
    return None


def find_odd_beginning(
    name: str, volumes: Mapping[str, Mapping[date, Volume]], sources: Mapping[str, Source], day: date
) -> str | None:
    """What is odd about the number of rows of `day` in the first months of a source, which has no usual one.

    Each application has a row in every file of applications, so these are held against each other; a source
    of histories may have rows of many customers for each of them.

    Needs:  the volumes of all sources by name; months after `day` are not looked at.
    """
    counts = volumes[name]
    if day not in counts or sum(month < day for month in counts) >= MIN_MONTHS:
        return None
    new = counts[day].n_new
    others = {
        other: volumes[other][day].n_new
        for other, source in sources.items()
        if source.every_month and other != name and day in volumes[other] and volumes[other][day].n_new
    }
    limit = TIMES_OTHERS if sources[name].every_month else TIMES_APPLICATIONS
    for other, n in others.items():
        if new > limit * max(n, MIN_ROWS) or (sources[name].every_month and n > limit * max(new, MIN_ROWS)):
            return f"{new} new rows, where {other} has {n}"
    return None


def find_unreadable(
    source: Source, lost: Mapping[date, Mapping[str, tuple[int, int]]], n_rows: Mapping[date, int]
) -> dict[date, tuple[str, str]]:
    """The first column of a month of which more than half cannot be read, and that in words.

    Needs:  what `count_lost` of the source gives; how many rows each month has.
    """
    found: dict[date, tuple[str, str]] = {}
    may_be_empty = [n for n, (_, column) in source.by_bronze_name.items() if column.may_be_empty]
    for month, columns in lost.items():
        n = n_rows[month]
        for column, (n_lost, n_held) in columns.items():
            if column not in may_be_empty and n >= MIN_CELLS and n_lost > UNREADABLE * n:
                words = f"{n_lost} of {n} values {_say_of_lost(source, column, n_held)}"
                found.setdefault(month, (column, f"column {column.removesuffix('_raw')}: {words}"))
    return found


def _say_of_lost(source: Source, column: str, n_held: int) -> str:
    """What is wrong with most cells of a column, `n_held` of which hold text, and what takes them so."""
    if column in source.date_columns():
        return "cannot be read as a date written as the others are"
    what = "cannot be read or mean nothing" if n_held else "are empty"
    if source.by_bronze_name[column][1].type == "id":
        return what
    return f"{what} (where that is usual: required = false of it in lender.toml)"


def name_rule(quarantined: pl.DataFrame) -> str:
    """The rule that most rows broke, in words; nothing where none broke any."""
    if quarantined.is_empty():
        return ""
    return f" (most often: {quarantined['rule'].mode().sort()[0]})"


def find_mostly_broken(delivery: Delivery) -> str | None:
    """That too many of a source's rows of a month broke a rule, in words."""
    n, broken = delivery["n_received"], delivery["n_quarantined"]
    if n >= MIN_ROWS and broken > QUARANTINED * n:
        return f"{broken} of {n} rows of {delivery['source_file']} break a rule"
    return None
