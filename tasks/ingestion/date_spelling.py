"""How a file writes its dates, decided once for the whole file: spreadsheets write them anew when they save.

A snapshot date, and the start of a loan, is the first of a month. So `1/5/2023` is May by a file in which the
other reading would give fewer such days, however few of its dates tell the two apart.
"""

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from tasks.lender.declaration import Calendar
from tasks.schemas.source import FIRST_YEAR, LAST_YEAR, RAW_DATE

Read = Callable[[pl.Expr], pl.Expr]
ISO = "YYYY-MM-DD"
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
DAY_ZERO = date(1899, 12, 30)  # of the serial numbers of spreadsheets
CENTURY, PIVOT = 2000, 69  # a year of two digits: from 69 on of the century before (POSIX strptime)
TIME = r"[T ]\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d:?\d\d|AM|PM))?$"  # of the day, which is left out
MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}


def read_iso(column: str) -> pl.Expr:
    """Date of a text column written YYYY-MM-DD; anything else, 2023-02-30 or year 0001 too, is null."""
    text = pl.col(column).str.strip_chars()
    day = text.str.to_date("%Y-%m-%d", strict=False)
    known = text.str.contains(r"^\d{4}-\d{2}-\d{2}$") & day.is_between(FIRST_DAY, LAST_DAY)
    return pl.when(known).then(day).alias(column)


def _by_pattern(pattern: str) -> Read:
    """A reading by a pattern with groups year, month (a number or an English name), maybe day."""
    parts = ("year", "day") if "<day>" in pattern else ("year",)

    def read(text: pl.Expr) -> pl.Expr:
        groups = text.str.extract_groups(f"(?i)^{pattern}$").struct
        named = groups.field("month").str.to_lowercase().str.slice(0, 3).replace_strict(MONTHS, default=None)
        month = groups.field("month").cast(pl.Int32, strict=False).fill_null(named)
        year, *days = (groups.field(part).cast(pl.Int32, strict=False) for part in parts)
        short = pl.when(year < PIVOT).then(year + CENTURY).otherwise(year + CENTURY - 100)
        full = pl.when(groups.field("year").str.len_chars() == 2).then(short).otherwise(year)
        written = pl.format("{}-{}-{}", full, month, days[0] if days else pl.lit(1))
        return written.str.to_date("%Y-%m-%d", strict=False)

    return read


def _from_serial(text: pl.Expr) -> pl.Expr:
    whole = text.str.extract(r"^(\d{5})(\.0+)?$").cast(pl.Int32, strict=False)
    return pl.lit(DAY_ZERO) + pl.duration(days=whole)


YEAR, SHORT, MONTH, DAY = r"(?<year>\d{4})", r"(?<year>\d{2})", r"(?<month>\d{1,2})", r"(?<day>\d{1,2})"
NAME = r"(?<month>[a-z]{3,9})\.?"


# Each spelling in words, and how it is read; of those that fit as well the first is taken.
SPELLINGS: Mapping[str, Read] = {
    ISO: _by_pattern(rf"{YEAR}-(?<month>\d\d)-(?<day>\d\d)"),
    "YYYY/M/D": _by_pattern(rf"{YEAR}[-/.]{MONTH}[-/.]{DAY}"),
    "YYYYMMDD": _by_pattern(rf"{YEAR}(?<month>\d\d)(?<day>\d\d)"),
    "day/month/year": _by_pattern(rf"{DAY}[-/.]{MONTH}[-/.]{YEAR}"),
    "month/day/year": _by_pattern(rf"{MONTH}[-/.]{DAY}[-/.]{YEAR}"),
    "day/month/year of two digits": _by_pattern(rf"{DAY}[-/.]{MONTH}[-/.]{SHORT}"),
    "month/day/year of two digits": _by_pattern(rf"{MONTH}[-/.]{DAY}[-/.]{SHORT}"),
    "day-name of the month-year": _by_pattern(rf"{DAY}[-/. ]{NAME}[-/. ]{YEAR}"),
    "day-name of the month-year of two digits": _by_pattern(rf"{DAY}[-/. ]{NAME}[-/. ]{SHORT}"),
    "name of the month day, year": _by_pattern(rf"{NAME} {DAY},? {YEAR}"),
    "month/year": _by_pattern(rf"{MONTH}[-/.]{YEAR}"),
    "year-month": _by_pattern(rf"{YEAR}[-/]{MONTH}"),
    "YYYYMM": _by_pattern(rf"{YEAR}(?<month>\d\d)"),
    "name of the month-year": _by_pattern(rf"{NAME}[-/. ]{YEAR}"),
    "name of the month-year of two digits": _by_pattern(rf"{NAME}[-/. ]{SHORT}"),
    "serial number of a spreadsheet": _from_serial,
}


def read_spelled(column: str, spelling: str) -> pl.Expr:
    """Date of a text column by one spelling, with or without a time; null where it is written otherwise."""
    text = pl.col(column).str.strip_chars().str.replace(TIME, "")
    day = SPELLINGS[spelling](text)
    return pl.when(day.is_between(FIRST_DAY, LAST_DAY)).then(day).alias(column)


def find_spelling(written: pl.DataFrame, column: str, calendar: Calendar = "month start") -> str:
    """The spelling by which most rows are of the first of a month; ISO where none is by any.

    By another calendar the one that reads most rows, then by which most are of the end of a month. So for a
    column that is no snapshot date, where none is of the first of a month.

    Needs:  `column` with each way in which a date is written, `n` rows of each.
    """
    days = {name: read_spelled(column, name) for name in SPELLINGS}
    by_start = calendar == "month start"
    fits = {n: day.dt.day() == 1 if by_start else day == day.dt.month_end() for n, day in days.items()}
    counts = written.select(
        pl.struct(
            fit=pl.col("n").filter(fits[name]).sum(), read=pl.col("n").filter(day.is_not_null()).sum()
        ).alias(name)
        for name, day in days.items()
    ).row(0, named=True)
    snapshots = ("fit",) if by_start else ("read", "fit")
    order = snapshots if column == RAW_DATE else (*snapshots, "read")
    return max(SPELLINGS, key=lambda name: [counts[name][one] for one in order])


def is_of_months(written: pl.Series) -> bool:
    """Whether every text is the first of a month written YYYY-MM-DD and nothing else, as most files are."""
    days = written.str.to_date("%Y-%m-%d", strict=False)
    plain = days.is_between(FIRST_DAY, LAST_DAY) & (days.dt.day() == 1) & (days.cast(pl.String) == written)
    return plain.all(ignore_nulls=False) is True


def add_month(written: pl.DataFrame, column: str, spelling: str) -> pl.DataFrame:
    """`written` with `month`: by the spelling alone where it reads every text, which most files allow."""
    read = written.with_columns(month=read_spelled(column, spelling).dt.truncate("1mo"))
    if read.filter(pl.col("month").is_null() & pl.col(column).is_not_null()).is_empty():
        return read
    return written.with_columns(month=read_month(column, spelling))


def read_month(column: str, spelling: str) -> pl.Expr:
    """First day of the month that a text belongs to, even one that is not written as the file's dates are.

    By the spelling, else by one that makes it the first of a month, else by any; of a day that does not exist
    by its year and month. Null where it cannot be told.
    """
    days = [read_spelled(column, name) for name in SPELLINGS]
    first = [pl.when(day.dt.day() == 1).then(day) for day in days]
    groups = pl.col(column).str.extract_groups(r"^\s*(?<year>\d{4})[-/.](?<month>\d{1,2})\b").struct
    year, month = (groups.field(part).cast(pl.Int32, strict=False) for part in ("year", "month"))
    known = year.is_between(FIRST_YEAR, LAST_YEAR) & month.is_between(1, 12)
    nearest = pl.when(known).then(pl.date(year, month, 1))
    return (
        pl.coalesce(read_spelled(column, spelling), *first, *days, nearest).dt.truncate("1mo").alias(column)
    )


def in_iso(column: str, spelling: str) -> pl.Expr:
    """A text column with its dates written YYYY-MM-DD, as they are where they cannot be read."""
    return pl.coalesce(read_spelled(column, spelling).dt.strftime("%Y-%m-%d"), column).alias(column)
