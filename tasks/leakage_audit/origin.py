"""Checks of a column against what we hold ourselves: dates, later values, whole-period statistics, copies.

Each check gives the evidence against the column, "" when there is none.
"""

import numpy as np
import polars as pl
from scipy.stats import rankdata

from tasks.governance.policy import Audit
from tasks.leakage_audit.reference import MIN_ROWS, Book, Column, correlate
from tasks.schemas.source import FIRST_YEAR, LAST_YEAR
from tasks.schemas.source_features import MAX_WORDS
from tasks.statistics.performance import Floats

MIN_PILE = 0.005  # share of rows at an end that no unrounded quantity reaches by itself
DATED = 0.9  # share of the values of a column of dates that are dates; the others stand for "none"
# How a date is written: what of the text to take, how to read it, what it lacks to be a day.
WRITTEN = (
    (r"^(\d{4}-\d{2}-\d{2})", "%Y-%m-%d", ""),
    (r"^(\d{4}/\d{2}/\d{2})", "%Y/%m/%d", ""),
    (r"^(\d{8})$", "%Y%m%d", ""),
    (r"^(\d{4}-\d{2})$", "%Y-%m-%d", "-01"),
    (r"^(\d{6})$", "%Y%m%d", "01"),
    (r"^(\d{2}/\d{2}/\d{4})", "%d/%m/%Y", ""),
    (r"^(\d{2}/\d{2}/\d{4})", "%m/%d/%Y", ""),
    (r"^(\d{2}\.\d{2}\.\d{4})", "%d.%m.%Y", ""),
)
SURE_ERRORS = 6.0  # of a correlation: some hundred later facts are looked at
PILED = 2  # times as many rows as the usual value has


def find_later_dates(column: Column, book: Book, limits: Audit) -> str:  # noqa: ARG001 - all checks are called alike
    """Dates, typed or written as text or number, lie after the application."""
    days = _read_dates(column.values)
    later = (days > book.days).fill_null(value=False)
    if not later.any():
        return ""
    row = int(later.arg_max() or 0)
    example = f"{days[row]} for an application of {book.days[row]}"
    return f"{later.sum()} of its {days.count()} dates lie after the application, such as {example}"


def _read_dates(values: pl.Series) -> pl.Series:
    """The day (Date) that each value is, months as their first; all null if it is no column of dates."""
    if values.dtype.is_temporal():
        return values.dt.date()
    if values.dtype.is_integer():
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        text = values.str.strip_chars().replace("", None)
        for pattern, form, ending in WRITTEN:
            whole = text.str.extract(pattern)
            days = (whole + ending).str.to_date(form, strict=False)
            days = days.set(~days.dt.year().is_between(FIRST_YEAR, LAST_YEAR), None)
            if days.count() >= max(1, DATED * text.count()):
                return days
    return pl.Series([None] * len(values), dtype=pl.Date)


def find_later_value(column: Column, book: Book, limits: Audit) -> str:
    """It equals, or goes with, what we came to know after the application only."""
    if np.isfinite(column.numbers).sum() < MIN_ROWS or column.values.n_unique() < 3:
        return ""
    names, later = book.ranked_later.names, correlate(column.ranked, book.ranked_later)
    known = float(correlate(column.ranked, book.ranked_ours).max())
    best = int(later.argmax())
    single = np.array([" of " not in name and name.endswith(" after the application") for name in names])
    month = int(np.where(single, later, 0.0).argmax())
    beyond_chance = SURE_ERRORS / np.isfinite(column.numbers).sum() ** 0.5
    if later[best] >= limits.same_rank and later[best] > known + 0.01:
        found = best
    elif later[month] >= max(0.3, beyond_chance) and later[month] > known + 0.1:
        found = month  # noise of a single month cannot be guessed before
    else:
        return ""
    return (
        f"its rank correlation with {names[found]} is {later[found]:.2f}, "
        f"with what was known before {known:.2f} at most"
    )


def find_whole_period(column: Column, book: Book, limits: Audit) -> str:  # noqa: ARG001
    """It was scaled or cut by statistics of the whole period."""
    rows = np.isfinite(column.numbers)
    values, months = column.numbers[rows], book.months[rows]
    if len(values) < MIN_ROWS or len(np.unique(values)) < MAX_WORDS or len(np.unique(months)) < 2:
        return ""
    by_month = [values[months == month] for month in np.unique(months)]
    if _is_standard(values) and not all(map(_is_standard, by_month)):
        return "over all months its mean is 0 and its standard deviation 1, in a single month they are not"
    if _spans_unit(values) and not all(map(_spans_unit, by_month)):
        return "over all months it spans exactly 0 to 1, in a single month it does not"
    if _is_rank(values) and not all(map(_is_rank, by_month)):
        return "it is the share of all loans of all months with a lower value"
    _, counts = np.unique(values, return_counts=True)
    low, high = counts[0] / len(values), counts[-1] / len(values)
    piled = min(low, high) >= MIN_PILE and min(counts[0], counts[-1]) > PILED * np.median(counts)
    if piled and not all(_is_round(float(end)) for end in (values.min(), values.max())):
        return (
            f"{low:.1%} of its values are {values.min():.6g} and {high:.1%} are {values.max():.6g}, "
            "as if cut at quantiles of the whole period"
        )
    return ""


def find_copy(column: Column, book: Book, limits: Audit) -> str:
    """It repeats a feature that we have."""
    if not column.values.dtype.is_numeric() and column.values.dtype != pl.Boolean:
        return _copied_words(column, book, limits)
    likely = np.flatnonzero(correlate(column.ranked, book.ranked_ours) > 0.9)
    for name in (book.ours.columns[place] for place in likely):
        ours = book.ours[name].cast(pl.Float64).to_numpy()
        both = np.isfinite(ours) & np.isfinite(column.numbers)
        same = np.isclose(ours[both], column.numbers[both], rtol=1e-3, atol=1e-9).mean()
        if same >= limits.copy_share and both.sum() >= 0.5 * np.isfinite(column.numbers).sum():
            return f"it equals our {name} for {same:.0%} of the applications"
    return ""


def _copied_words(column: Column, book: Book, limits: Audit) -> str:
    theirs = _plain(column.values)
    for name in book.own.select(pl.selectors.string()).columns:
        both = pl.DataFrame({"theirs": theirs, "ours": _plain(book.own[name])}).drop_nulls()
        same = float((both["theirs"] == both["ours"]).sum()) / max(1, both.height)
        if both.height >= MIN_ROWS and same >= limits.copy_share:
            return f"it equals our {name} for {same:.0%} of the applications"
    return ""


def _plain(words: pl.Series) -> pl.Series:
    return words.cast(pl.String).str.to_lowercase().str.replace_all("[^a-z0-9]", "")


def _is_standard(values: Floats) -> bool:
    return abs(values.mean()) < 1e-4 and abs(values.std() - 1) < 1e-3


def _spans_unit(values: Floats) -> bool:
    """From 0 to 1, with next to no row at either end: what a share of something would have."""
    near = 1e-9
    ends = [int((np.abs(values - end) < near).sum()) for end in (0.0, 1.0)]
    inside = values.min() > -near and values.max() < 1 + near
    return inside and 0 < min(ends) <= 2 and max(ends) <= max(2, len(values) // 1000)


def _is_rank(values: Floats) -> bool:
    n, ways = len(values), ("average", "min", "max", "ordinal")  # of ranking values that are equal
    ranks = (rankdata(values, method=way) for way in ways)
    return any(bool(np.abs(values - rank / n).max() < 2 / n) for rank in ranks)


def _is_round(value: float) -> bool:
    """Whether two digits are enough to write it, or all of its digits are 9: then a person chose it."""
    digits = f"{abs(value):.10g}".replace(".", "").strip("0")
    return len(digits) <= 2 or set(digits) == {"9"}
