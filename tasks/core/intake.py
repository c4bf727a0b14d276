"""What a month's delivery must be before any of it is written: present, of the usual size, readable.

Each check gives a sentence that says what is wrong, where, and the mend; None when nothing is.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import date
from statistics import median

import polars as pl

from tasks.schemas.source import OVERFLOW, RAW_DATE, Source

NULL, FIELD = "\x00", "\x1f"  # in no raw file: the one is refused there, the other is no text
LEAST_CELLS = 10  # a share of fewer cells than this says nothing
LEAST_MONTHS = 3
UNREADABLE, QUARANTINED, VOLUME = 0.5, 0.1, 0.5
LEAST_ROWS = 50  # one bad row of a handful is a bad row, not a bad delivery
MAY_BE_EMPTY = ("Type_of_Loan", "snapshot_date", OVERFLOW)
RAW_NAMES = {RAW_DATE: "snapshot_date"}


def digests(ordered: pl.DataFrame) -> pl.DataFrame:
    """SHA-256 of each month's rows as received, whatever the order of the columns in the file.

    Needs:  rows of bronze.<source>, in the order of the table.
    Keys:   one row per snapshot_date: snapshot_date, digest.
    """
    names = sorted(name for name in ordered.columns if name not in ("source_file", "snapshot_date"))
    line = pl.concat_str(pl.col(names).fill_null(NULL), separator=FIELD)
    months = ordered.group_by("snapshot_date", maintain_order=True).agg(lines=line.str.join("\n"))
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in months["lines"]]
    return months.select("snapshot_date", digest=pl.Series(hashes, dtype=pl.String))


def find_absent(empty: Collection[str], sources: Mapping[str, Source]) -> list[str]:
    """Of the sources without a row, those that must have some in a month with applications."""
    return [name for name, source in sources.items() if source.every_month and name in empty]


def find_odd_volume(counts: pl.DataFrame, day: date) -> str | None:
    """What is odd about the number of rows of `day`, set against the months before it.

    Needs:  snapshot_date, n, n_new of one source's months; those after `day` are not looked at.
    Note:   a loan book grows by its age, so for loans the new ones are counted, and the older ones are held
            against the month before.
    """
    months = sorted(counts.select("snapshot_date", "n", "n_new").iter_rows())
    before, now = [row for row in months if row[0] < day], [row for row in months if row[0] == day]
    if len(before) < LEAST_MONTHS or not now:
        return None
    usual = median(n_new for _, _, n_new in before)
    (_, n, new), (_, last, _) = now[0], before[-1]
    if usual and abs(new / usual - 1) > VOLUME:
        return f"{new} new rows, where the median of the {len(before)} months before is {usual:.0f}"
    if n != new and abs((n - new) / last - 1) > VOLUME:
        return f"{n - new} rows of older loans, after {last} rows in the month before"
    return None


def find_unreadable(unique: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
    """Months with a column of which more than half cannot be read: snapshot_date, reason (the first one)."""
    columns = {name: RAW_NAMES.get(name, name.lower()) for name in unique.columns if name not in MAY_BE_EMPTY}
    read = {name: after for name, after in columns.items() if after in typed.columns}
    lost = typed.select(_is_lost(typed.schema[after], after).alias(name) for name, after in read.items())
    months = lost.with_columns(unique["snapshot_date"]).group_by("snapshot_date", maintain_order=True)
    counts = months.agg(pl.all().sum(), _rows=pl.len()).filter(pl.col("_rows") >= LEAST_CELLS)
    long = counts.unpivot(index=["snapshot_date", "_rows"], variable_name="column", value_name="lost")
    bad = long.filter(pl.col("lost") > UNREADABLE * pl.col("_rows"))
    words = "column {}: {} of {} values cannot be read"
    reason = pl.format(words, pl.col("column").str.strip_suffix("_raw"), "lost", "_rows")
    first = bad.unique("snapshot_date", keep="first", maintain_order=True)
    return first.select("snapshot_date", reason=reason)


def find_mostly_broken(delivery: pl.DataFrame) -> str | None:
    """The source of which too many of a month's rows broke a rule, in words."""
    for row in delivery.iter_rows(named=True):
        if row["n_received"] >= LEAST_ROWS and row["n_quarantined"] > QUARANTINED * row["n_received"]:
            return f"{row['n_quarantined']} of {row['n_received']} rows of {row['source_file']} break a rule"
    return None


def _is_lost(kind: pl.DataType, name: str) -> pl.Expr:
    column = pl.col(name)
    return column.eq_missing(pl.lit("unknown")) | column.is_null() if kind == pl.String else column.is_null()
