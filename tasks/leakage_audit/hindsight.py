"""Whether a column knows more of a loan the longer it is on book: then it learned from how the loan went.

What was known at the application goes with the loan's risk alike in young cohorts and in old ones. A column
that was filled or changed by what happened later, however noisy, goes with risk and with arrears less in the
cohorts that are too young for it to have happened. A cohort's rank correlation is made normal by Fisher's
transformation (Fisher 1915); old and young cohorts are compared by its weighted means.
"""

import numpy as np
import polars as pl
from scipy.stats import rankdata

from tasks.governance.policy import Audit
from tasks.leakage_audit.maturity import Maturity
from tasks.leakage_audit.reference import MIN_ROWS, Book, Column
from tasks.schemas.source_features import MAX_WORDS
from tasks.statistics.performance import Floats

SPEARMAN = 1.06  # variance of a rank correlation, times that of a linear one (Fieller et al. 1957)
TREND = 2.5  # standard errors beyond which the old cohorts' correlations are taken to rise or fall
MIN_OLD, MIN_FOR_TREND = 2, 4  # cohorts
Rated = tuple[
    Floats, Floats
]  # of each cohort (c,): Fisher's z of its correlation, NaN for too few; its weight


def find_hindsight(column: Column, book: Book, limits: Audit) -> str:
    """It goes with risk, or with what became of the loans, more in old cohorts than in young ones."""
    maturity, values = book.maturity, _as_numbers(column, book)
    if np.isfinite(values).sum() < MIN_ROWS or not np.isfinite(maturity.by_mob[0]).any():
        return ""
    simple = [_rate(values, known, maturity) for known in maturity.by_mob]
    looks: dict[str, list[Rated]] = {"our PD": [simple[0]] * len(simple)}
    if book.even:  # else less is known of young loans for another reason
        partial = [_rate(values, known, maturity, given=maturity.by_mob[0]) for known in maturity.by_mob[1:]]
        looks["our PD and the arrears so far"] = simple
        looks["the arrears so far, at a like PD,"] = [_nothing(maturity), *partial]
    found = [
        (*_compare(rated, maturity.ages, mob), what, mob)
        for what, rated in looks.items()
        for mob in range(1, len(simple) + 1)
    ]
    z, old, young, what, mob = max(found, key=lambda each: each[0])
    if z <= limits.hindsight_z:
        return ""
    return (
        f"its rank correlation with {what} is {old:.2f} for loans that are {mob} months on book or more, and "
        f"{young:.2f} for younger ones ({z:.1f} standard errors)"
    )


def _as_numbers(column: Column, book: Book) -> Floats:
    """The column's numbers (n,); of few words the mean of our PD where they stand, of many nothing."""
    if column.values.dtype != pl.String:
        return column.numbers
    if column.values.n_unique() > MAX_WORDS:
        return np.full(len(column.values), np.nan)
    pds = pl.Series(book.even_pds).fill_nan(None)
    means = pl.DataFrame({"word": column.values, "pd": pds}).select(pl.col("pd").mean().over("word"))
    return np.where(column.there, means.to_series().fill_null(float("nan")).to_numpy(), np.nan)


def _rate(values: Floats, known: Floats, maturity: Maturity, *, given: Floats | None = None) -> Rated:
    """Of each cohort the correlation of the column with what is `known`, at a like value of `given`."""
    z, weight = _nothing(maturity)
    both = np.isfinite(values) & np.isfinite(known)
    for place in range(len(z)):
        rows = both & (maturity.cohort == place)
        n = int(rows.sum())
        if n >= MIN_ROWS:
            r = _correlate(values[rows], known[rows], None if given is None else given[rows])
            z[place], weight[place] = np.arctanh(np.clip(r, -0.999, 0.999)), (n - 4) / SPEARMAN
    return z, weight


def _correlate(x: Floats, y: Floats, given: Floats | None) -> float:
    """Rank correlation, partial where something is given; 0 where one of them is constant."""
    r = _rank_correlation(x, y)
    if given is None:
        return r
    rx, ry = _rank_correlation(x, given), _rank_correlation(y, given)
    left = (1 - rx**2) * (1 - ry**2)
    return (r - rx * ry) / left**0.5 if left > 1e-6 else 0.0


def _rank_correlation(x: Floats, y: Floats) -> float:
    a, b = rankdata(x), rankdata(y)
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else 0.0


def _nothing(maturity: Maturity) -> Rated:
    return np.full(len(maturity.ages), np.nan), np.zeros(len(maturity.ages))


def _compare(rated: list[Rated], ages: Floats, mob: int) -> tuple[float, float, float]:
    """How much less cohorts younger than `mob` show than the old ones, in standard errors; both means.

    Each young cohort is held against the old ones by what was known at its own age (`rated[age]`). A trend
    among the old ones is drawn on to the young ones, and what that leaves open is added to the error.
    """
    below, expected, seen, weights, reach = ages < mob, [], [], [], []
    for place in np.flatnonzero(below):
        z, weight = rated[int(min(ages[place], len(rated) - 1))]
        old = ~below & np.isfinite(z)
        if np.isfinite(z[place]) and old.sum() >= MIN_OLD:
            level, further = _draw_on(z[old], weight[old], ages[old], ages[place])
            expected.append(level)
            reach.append(further)
            seen.append(z[place])
            weights.append(weight[place])
    z, weight = rated[-1]
    old = ~below & np.isfinite(z)
    if not weights or old.sum() < MIN_OLD:
        return 0.0, 0.0, 0.0
    level, now = np.average(expected, weights=weights), np.average(seen, weights=weights)
    away = weight[old] * (z[old] - np.average(z[old], weights=weight[old])) ** 2
    excess = max(1.0, float(away.sum()) / (old.sum() - 1))  # cohorts differ by more than chance
    error = excess * (1 / sum(weights) + 1 / weight[old].sum() + np.average(reach, weights=weights) ** 2)
    less = np.sign(level) * (level - now) / error**0.5
    return float(less), float(np.tanh(level)), float(np.tanh(now))


def _draw_on(z: Floats, weight: Floats, ages: Floats, age: float) -> tuple[float, float]:
    """What old cohorts let expect at an age, and the error that a trend among them adds to it."""
    mean, centre = np.average(z, weights=weight), np.average(ages, weights=weight)
    spread = float((weight * (ages - centre) ** 2).sum())
    if len(z) < MIN_FOR_TREND or not spread:
        return float(mean), 0.0
    slope = float((weight * (ages - centre) * z).sum()) / spread
    if abs(slope) * spread**0.5 <= TREND:
        return float(mean), 0.0
    return float(mean + slope * (age - centre)), float(age - centre) / spread**0.5
