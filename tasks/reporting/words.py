"""Months, days, windows, models and amounts as people write them."""

import re
from collections.abc import Sequence
from datetime import date

MONTH = re.compile(r"\b(\d{4})-(\d{2})\b")
MODEL = re.compile(r"\b\d{4}-\d{2}-\d{2}-[0-9a-f]{8}\b")
SIGNIFICANT = 3  # digits of an amount that is said to be about so much


def month_name(month: date | str) -> str:
    """June 2024; of a date or of text such as 2024-06."""
    day = month if isinstance(month, date) else date.fromisoformat(f"{month[:7]}-01")
    return f"{day:%B} {day.year}"


def day_name(day: date) -> str:
    """1 June 2024."""
    return f"{day.day} {month_name(day)}"


def window_name(window: str) -> str:
    """The months of a window of gold.monitoring: "cohorts 2023-10 to 2023-12" is October to December 2023."""
    months = [f"{year}-{month}" for year, month in MONTH.findall(window)]
    if not months:
        return window
    first, last = months[0], months[-1]
    if first == last:
        return month_name(first)
    start = month_name(first)
    return f"{start.split()[0] if first[:4] == last[:4] else start} to {month_name(last)}"


def model_name(model_id: str) -> str:
    """The model of a month: 2024-03-01-4b6745be is the March 2024 model; several are joined by "and"."""
    names = [f"{month_name(one)} model" for one in dict.fromkeys(MODEL.findall(model_id))]
    return list_names(names) if names else model_id


def about(amount: float) -> str:
    """An amount with SIGNIFICANT digits, and its sign where it is below nothing."""
    rounded = float(f"{amount:.{SIGNIFICANT}g}")
    return f"{rounded:,.0f}"


def list_names(names: Sequence[str]) -> str:
    """One, two and three."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def capital(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
