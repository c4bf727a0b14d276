"""Months, days, windows, models and amounts as people write them."""

import re
from collections.abc import Sequence
from datetime import date

from tasks.schemas.economics import MONEY

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


def window_in_short(window: str) -> str:
    """The same with short months: "cohorts 2023-10 to 2023-12" is Oct 23 to Dec 23."""
    months = [f"{date(int(year), int(month), 1):%b %y}" for year, month in MONTH.findall(window)]
    return " to ".join(dict.fromkeys(months)) or window


def model_name(model_id: str) -> str:
    """The model of a month: 2024-03-01-4b6745be is the March 2024 model; several are joined by "and"."""
    names = [f"{month_name(one)} model" for one in dict.fromkeys(MODEL.findall(model_id))]
    return list_names(names) if names else model_id


def months_in(window: str) -> int:
    """How many months a window is of: 3 of "cohorts 2023-10 to 2023-12", 1 of one that names none."""
    months = [12 * int(year) + int(month) for year, month in MONTH.findall(window)]
    return months[-1] - months[0] + 1 if months else 1


def model_day(model_id: str) -> date | None:
    """The day of which a model is; None of what is no id of one."""
    found = MODEL.match(model_id)
    return date.fromisoformat(found[0][:10]) if found else None


def pairs_right(auc: float, digits: int = 0) -> str:
    """An AUC as the pairs of a loan that defaults and one that does not of which the PDs rank both right."""
    return f"{100 * auc:.{digits}f} of 100 pairs"


def about(amount: float) -> str:
    """An amount with SIGNIFICANT digits, and its sign where it is below nothing."""
    rounded = float(f"{amount:.{SIGNIFICANT}g}")
    return f"{rounded:,.0f}"


def name_currency(currency: str) -> str:
    """A currency in a sentence; of a lender that names none, that of its loan accounts."""
    return "the currency of the loan accounts" if currency == MONEY else currency


def list_names(names: Sequence[str]) -> str:
    """One, two and three."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def capital(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
