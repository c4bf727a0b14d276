"""Months as the loop counts them: by their first day."""

from datetime import date


def months_before(day: date, n: int) -> date:
    """The first of the month that lies `n` months before that of `day`."""
    months = day.year * 12 + day.month - 1 - n
    return date(months // 12, months % 12 + 1, 1)
