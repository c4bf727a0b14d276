"""What a month's delivery must be before any of it is written: present, of the usual size, readable.

Each check gives a sentence that says what is wrong, where, and the mend; None when nothing is.
"""

import hashlib
from collections.abc import Mapping
from datetime import date

import polars as pl

from tasks.schemas.source import OVERFLOW, RAW_DATE, Source

NULL, FIELD = "\x00", "\x1f"  # in no raw file: the one is refused there, the other is no text
LEAST_CELLS = 10  # a share of fewer cells than this says nothing
LEAST_MONTHS = 3
UNREADABLE, QUARANTINED, VOLUME = 0.5, 0.1, 0.5
LEAST_ROWS = 50  # one bad row of a handful is a bad row, not a bad delivery
MAY_BE_EMPTY = ("Type_of_Loan", "snapshot_date", OVERFLOW)
RAW_NAMES = {RAW_DATE: "snapshot_date"}


def digest(raw: pl.DataFrame) -> str:
    """SHA-256 of a month's rows as received, whatever the order of rows and columns in the file."""
    names = sorted(name for name in raw.columns if name not in ("source_file", "snapshot_date"))
    rows = raw.select(pl.concat_str(pl.col(names).fill_null(NULL), separator=FIELD)).to_series().sort()
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def has_applications(loans: pl.DataFrame) -> bool:
    """Whether any raw loan row is one at MOB 0."""
    return bool((loans["installment_num"].str.strip_chars() == "0").any())


def find_absent(received: Mapping[str, pl.DataFrame], sources: Mapping[str, Source]) -> list[str]:
    """Sources that must have rows in a month with applications, and have none."""
    if not has_applications(received["loans"]):
        return []
    return [name for name, source in sources.items() if source.every_month and received[name].is_empty()]


def find_odd_volume(counts: pl.DataFrame, day: date) -> str | None:
    """What is odd about the number of rows of `day`, set against the months before it.

    Needs:  snapshot_date, n, n_new of one source's months; those after `day` are not looked at.
    Note:   a loan book grows by its age, so for loans the new ones are counted, and the older ones are held
            against the month before.
    """
    before = counts.filter(pl.col("snapshot_date") < day).sort("snapshot_date")
    now = counts.filter(pl.col("snapshot_date") == day)
    if before.height < LEAST_MONTHS or now.is_empty():
        return None
    usual, new = float(before["n_new"].median() or 0), now["n_new"][0]  # pyright: ignore[reportArgumentType]
    if usual and abs(new / usual - 1) > VOLUME:
        return f"{new} new rows, where the median of the {before.height} months before is {usual:.0f}"
    older, last = now["n"][0] - new, before["n"][-1]
    if now["n"][0] != new and abs(older / last - 1) > VOLUME:
        return f"{older} rows of older loans, after {last} rows in the month before"
    return None


def find_unreadable(unique: pl.DataFrame, typed: pl.DataFrame) -> str | None:
    """The first column of a month of which more than half cannot be read, in words."""
    for name in unique.columns:
        after = RAW_NAMES.get(name, name.lower())
        if name in MAY_BE_EMPTY or after not in typed.columns or unique.height < LEAST_CELLS:
            continue
        n_lost = int(_is_lost(typed[after]).sum())
        if n_lost > UNREADABLE * unique.height:
            return f"column {name.removesuffix('_raw')}: {n_lost} of {unique.height} values cannot be read"
    return None


def find_mostly_broken(delivery: pl.DataFrame) -> str | None:
    """The source of which too many of a month's rows broke a rule, in words."""
    for row in delivery.iter_rows(named=True):
        if row["n_received"] >= LEAST_ROWS and row["n_quarantined"] > QUARANTINED * row["n_received"]:
            return f"{row['n_quarantined']} of {row['n_received']} rows of {row['source_file']} break a rule"
    return None


def _is_lost(typed: pl.Series) -> pl.Series:
    return typed.eq_missing("unknown") | typed.is_null() if typed.dtype == pl.String else typed.is_null()
