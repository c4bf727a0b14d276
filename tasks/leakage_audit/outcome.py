"""Checks of a column against how the loans went: what ranks or separates them too well was not known in time.

Each check gives the evidence against the column, "" when there is none.
"""

import numpy as np
import polars as pl
from scipy.stats import binom, chi2

from tasks.governance.policy import Audit
from tasks.leakage_audit.reference import MIN_ROWS, Book, Column, stratified_auc
from tasks.schemas.source_features import MAX_WORDS
from tasks.statistics.performance import Floats

MIN_EXPECTED = 0.05  # default rate: below, a good score may find loans of which hardly any defaults
SURE = 1e-6  # probability under honesty: with hundreds of columns none is refused by chance


def find_outcome(column: Column, book: Book, limits: Audit) -> str:
    """Alone it ranks the loans better than anything can that is known at the application."""
    known, nowhere = book.ripe & column.there, np.zeros(len(book.labels))
    looks = {
        "out of time": (column.encode(book), nowhere),
        "within a cohort": (column.numbers, book.months),
        "over all cohorts": (column.numbers, nowhere),
    }
    for where, (values, strata) in looks.items():
        rows = known & np.isfinite(values)
        auc, low = stratified_auc(values[rows], book.labels[rows], strata[rows])
        if low > limits.implausible_auc:
            return f"alone it ranks defaults {where} with an AUC of {auc:.3f}"
    return ""


def find_shadow(column: Column, book: Book, limits: Audit) -> str:
    """Among applicants of like risk it tells who will default."""
    for values in (column.numbers, column.encode(book)):
        rows = book.ripe & column.there & np.isfinite(values) & np.isfinite(book.pds)
        auc, low = stratified_auc(values[rows], book.labels[rows], book.risk[rows])
        if low > limits.implausible_within:
            return f"among applicants of like risk by our features it ranks defaults with an AUC of {auc:.3f}"
    return ""


def find_certainty(column: Column, book: Book, limits: Audit) -> str:  # noqa: ARG001 - all checks are called alike
    """A value of it makes the outcome a certainty."""
    rows = book.ripe & np.isfinite(book.pds)
    for place in np.unique(column.bins[rows]):
        here = rows & (column.bins == place)
        n, bad, expected = int(here.sum()), book.labels[here].sum(), book.pds[here].mean()
        mostly_bad = bad >= 0.98 * n and binom.sf(bad - 1, n, expected) < SURE
        mostly_good = expected >= MIN_EXPECTED and bad <= 0.002 * n and binom.cdf(bad, n, expected) < SURE
        if n >= MIN_ROWS and (mostly_bad or mostly_good):
            return (
                f"{int(bad)} of {n} loans with {_range(column.values.filter(here))} defaulted, "
                f"where our features expect {expected:.0%}"
            )
    return ""


def find_choice(column: Column, book: Book, limits: Audit) -> str:
    """Whether it is there depends on how the loan went, or on whether that is known yet."""
    there = column.there.astype(float)
    share = _share_by_cohort(there, book)  # a cohort of which it knows nobody was not chosen by outcome
    rows = book.ripe & np.isfinite(book.pds) & (share > 0)
    _, low = stratified_auc(there[rows], book.labels[rows], book.risk[rows])
    if low > limits.implausible_absence:
        good, bad = (there[rows & (book.labels == label)].mean() for label in (0, 1))
        return f"it is there for {bad:.0%} of the loans that defaulted and {good:.0%} of the others"
    if min(book.ripe.sum(), (~book.ripe).sum()) < MIN_ROWS:
        return ""
    ripe, young = there[book.ripe].mean(), there[~book.ripe].mean()
    newest = share[book.months == book.months[book.ripe].max()][0]  # of a source that ended before: nobody
    if min(ripe, newest) > 0.5 and young < 0.05:
        return f"it is there for {ripe:.0%} of the ripe loans and {young:.0%} of those without a label yet"
    return ""


def _share_by_cohort(there: Floats, book: Book) -> Floats:
    """Share (n,) of the loan's cohort for which it is there."""
    _, cohort = np.unique(book.months, return_inverse=True)
    return (np.bincount(cohort, weights=there) / np.bincount(cohort))[cohort]


def find_ripening(column: Column, book: Book, limits: Audit) -> str:  # noqa: ARG001
    """Loans of the newest day all have one value, which older ones differ from when they go wrong."""
    values = column.values.filter((book.months == book.months.max()) & column.there)
    if len(values) < MIN_ROWS or values.n_unique() > 1 or values.dtype.is_temporal():
        return ""
    rows = book.ripe & column.there
    other = (column.values != values[0]).fill_null(value=False).to_numpy()[rows].astype(float)
    if not other.mean() > 0 or (1 - other.mean()) ** len(values) > SURE:
        return ""
    auc, low = stratified_auc(other, book.labels[rows], np.zeros(len(other)))
    if low <= 0.5:
        return ""
    return (
        f"it is {values[0]} for each of the {len(values)} newest loans, not for {other.mean():.0%} of "
        f"the ripe ones, and goes with default (AUC {auc:.3f})"
    )


def find_encoding(column: Column, book: Book, limits: Audit) -> str:  # noqa: ARG001
    """Its few values are the default rates of the very loans that have them (a target encoding over all)."""
    rows = book.ripe & np.isfinite(column.numbers)
    values, place, counts = np.unique(column.numbers[rows], return_inverse=True, return_counts=True)
    usual = counts >= 20
    if not 4 <= usual.sum() <= 4 * MAX_WORDS or counts[usual].sum() < 0.9 * counts.sum():
        return ""
    n, value = counts[usual], values[usual]
    rate = (np.bincount(place, weights=book.labels[rows]) / counts)[usual]
    spread = rate * (1 - rate) / n
    if not rate.std() or not (spread > 0).all():
        return ""
    slope, level = np.polyfit(value, rate, 1, w=1 / np.sqrt(spread))
    left = float(((rate - level - slope * value) ** 2 / spread).sum())
    if chi2.cdf(left, len(n) - 2) > SURE:
        return ""
    return f"its {len(n)} values are the default rates of the loans that have them, nearer than chance allows"


def _range(values: pl.Series) -> str:
    known = values.drop_nulls()
    if not len(known):
        return "no value"
    return f"{known.min()}" if known.n_unique() == 1 else f"{known.min()} to {known.max()}"
