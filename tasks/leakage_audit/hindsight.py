"""Whether a column knows more of a loan the longer it is on book: then it learned from how the loan went.

What was known at the application goes with the loan's risk, and at a like risk with its arrears, in young
cohorts as in old ones. A column that was filled or changed by what happened later, however noisy, does so
less in the cohorts that are too young for it to have happened. A cohort's rank correlation is made normal by
Fisher's transformation (Fisher 1915).
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
MIN_OLD, MIN_FOR_TREND = 2, 3  # cohorts
# How far (standard deviation a month, of Fisher's z) an honest column's correlations may rise or fall
# as histories grow and the world changes: with our PD, and with arrears at a like PD (benchmarks/audit.md).
DRIFT_OF_RISK, DRIFT_OF_ARREARS = 0.012, 0.002
KEPT = 0.9  # share of its correlation: who keeps more in young cohorts is not accused, however many loans
Rated = list[Floats]  # by months on book known, of each cohort (c,) Fisher's z, NaN where there is none
Compared = tuple[float, float, float]


def find_hindsight(column: Column, book: Book, limits: Audit) -> str:
    """It goes with risk, or with arrears at a like risk, more in old cohorts than in young ones."""
    maturity, values = book.maturity, _as_numbers(column, book)
    if np.isfinite(values).sum() < MIN_ROWS or not np.isfinite(maturity.by_mob[0]).any():
        return ""
    rated, weight = _rate(values, maturity)
    nothing = np.full(len(maturity.ages), np.nan)
    looks = {
        "our PD": ([rated[0]] * len(rated), DRIFT_OF_RISK),
        "the arrears so far, at a like PD,": ([nothing, *rated[1:]], DRIFT_OF_ARREARS),
    }
    found = [
        (*_compare(seen, weight, maturity.ages, mob, drift), what, mob)
        for what, (seen, drift) in looks.items()
        for mob in range(1, len(rated) + 1)
    ]
    less = [one for one in found if abs(one[2]) < KEPT * abs(one[1])]
    z, old, young, what, mob = max(less, key=lambda each: each[0], default=(0.0, 0.0, 0.0, "", 0))
    if z <= limits.hindsight_z:
        return ""
    return (
        f"its rank correlation with {what} is {young:.2f} for loans that are less than {mob} months on book, "
        f"where older ones let expect {old:.2f} ({z:.1f} standard errors)"
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


def _rate(values: Floats, maturity: Maturity) -> tuple[Rated, Floats]:
    """By cohort the column's correlation with our PD, and with what is known at each MOB at a like PD.

    Returns Fisher's z of each, and the cohorts' weights (c,): one over the variance of a z.
    """
    known = np.column_stack([values, maturity.risk, *maturity.by_mob])
    rated, weight = np.full((len(maturity.by_mob), len(maturity.ages)), np.nan), np.zeros(len(maturity.ages))
    both = np.isfinite(known[:, :3]).all(axis=1)
    for place, age in enumerate(maturity.ages):
        rows = np.flatnonzero(both & (maturity.cohort == place))
        if len(rows) >= MIN_ROWS:
            known_by_now = int(min(age, len(rated) - 1))
            r = correlate_ranks(known[rows][:, : known_by_now + 3])
            rated[0, place], weight[place] = to_normal(r[0, 1]), (len(rows) - 4) / SPEARMAN
            for mob in range(1, known_by_now + 1):
                rated[mob, place] = to_normal(at_a_like(r[0, mob + 2], r[0, 2], r[2, mob + 2]))
    return list(rated), weight


def correlate_ranks(columns: Floats) -> Floats:
    """Rank correlations (k, k) of columns (n, k), 0 where one is constant (Spearman 1904)."""
    ranks = rankdata(np.nan_to_num(columns), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.corrcoef(ranks, rowvar=False))


def at_a_like(r: float, rx: float, ry: float) -> float:
    """Partial correlation of two that correlate by `r` with each other, by `rx` and `ry` with a third."""
    left = (1 - rx**2) * (1 - ry**2)
    return (r - rx * ry) / left**0.5 if left > 1e-6 else 0.0


def to_normal(r: float) -> float:
    """Fisher's transformation of a correlation."""
    return float(np.arctanh(np.clip(r, -0.999, 0.999)))


def _compare(rated: Rated, weight: Floats, ages: Floats, mob: int, drift: float) -> Compared:
    """How much less cohorts younger than `mob` show than old ones let expect, in standard errors.

    Each young cohort is held against the old ones by what was known at its own age; cohorts of which more is
    expected count more. Returns that, what was expected, and what was seen.
    """
    below, seen = ages < mob, list[tuple[float, float, float, float, float]]()
    for place in np.flatnonzero(below):
        z = rated[int(min(ages[place], len(rated) - 1))]
        old = ~below & np.isfinite(z)
        if np.isfinite(z[place]) and old.sum() >= MIN_OLD:
            expected = _expect(z[old], weight[old], ages[old] - ages[place], drift)
            seen.append((*expected, z[place], weight[place]))
    if not seen:
        return 0.0, 0.0, 0.0
    level, error, excess, now, w = np.array(seen).T
    variance = (w * level**2 * excess).sum() + (w * np.abs(level) * error).sum() ** 2
    less = (w * level * (level - now)).sum() / variance**0.5 if variance else 0.0
    return (
        float(less),
        float(np.tanh(np.average(level, weights=w))),
        float(np.tanh(np.average(now, weights=w))),
    )


def _expect(z: Floats, weight: Floats, older: Floats, drift: float) -> tuple[float, float, float]:
    """What old cohorts let expect of one that is `older` months younger: level, its error, and the excess.

    Their trend is drawn on as far as it is believed: a slope of standard deviation `drift` is expected before
    (Bayes' rule for normal numbers). The excess is how much more than by chance the cohorts differ.
    """
    mean, centre = np.average(z, weights=weight), np.average(older, weights=weight)
    spread = float((weight * (older - centre) ** 2).sum())
    slope = float((weight * (older - centre) * z).sum()) / spread if spread else 0.0
    trend = len(z) >= MIN_FOR_TREND and spread > 0
    left = z - mean - (slope * (older - centre) if trend else 0.0)
    excess = max(1.0, float((weight * left**2).sum()) / max(1, len(z) - (2 if trend else 1)))
    believed = drift**2 / (drift**2 + excess / spread) if trend else 0.0
    open_slope = believed * excess / spread if trend else drift**2
    error = (excess / weight.sum() + open_slope * centre**2) ** 0.5
    return float(mean - believed * slope * centre), float(error), excess
