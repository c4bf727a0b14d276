"""Months as the loop counts them: each by its first day."""

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line parses its dates before it needs Polars
    import polars as pl


def months_before(day: date, n: int) -> date:
    """The first of the month that lies `n` months before that of `day`."""
    months = day.year * 12 + day.month - 1 - n
    return date(months // 12, months % 12 + 1, 1)


def month_range(start: date, end: date) -> list[date]:
    """The first of each month from that of `start` to that of `end`, both included."""
    n = (end.year - start.year) * 12 + end.month - start.month
    return [months_before(start, -later) for later in range(n + 1)]


def require_month_start(day: date) -> date:
    """The day, if it is the first of its month. Raises: ValueError that names the month's first day."""
    if day.day != 1:
        raise ValueError(f"{day} is not the first of a month; did you mean {day.replace(day=1)}?")
    return day


def month_number(day: "pl.Expr") -> "pl.Expr":
    """Months since year 0 (Int32) of a date, so that neighbours are one apart whatever their lengths."""
    return day.dt.year() * 12 + day.dt.month() - 1


def month_label(number: int) -> str:
    """The month of such a number as text: 2024-03."""
    return f"{number // 12:04}-{number % 12 + 1:02}"
