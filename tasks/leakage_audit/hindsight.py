"""Whether a column knows more of a loan the longer it is on book: then it learned from how the loan went.

What was known at the application goes with the loan's risk, and at a like risk with its arrears, in young
cohorts as in old ones. A column that was filled or changed by what happened later, however noisy, does so
less in the cohorts that are too young for it to have happened. A cohort's rank correlation is made normal by
Fisher's transformation (Fisher 1915).
"""

import numpy as np
import polars as pl

from tasks.governance.policy import Audit
from tasks.leakage_audit.by_age import (
    SPEARMAN,
    Rated,
    Share,
    at_a_like,
    correlate_ranks,
    see_young,
    share_kept,
    to_normal,
)
from tasks.leakage_audit.maturity import Maturity
from tasks.leakage_audit.reference import MIN_ROWS, Book, Column
from tasks.schemas.source_features import MAX_WORDS
from tasks.statistics.performance import Floats

# How far (standard deviation a month, of Fisher's z) an honest column's correlations may rise or fall
# as histories grow and the world changes: with our PD, and with arrears at a like PD (benchmarks/audit.md).
DRIFT_OF_RISK, DRIFT_OF_ARREARS = 0.012, 0.002
KEPT = 0.9  # share of its correlation: who keeps more in young cohorts is not accused, however many loans


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
        (
            *_fall_short(see_young(seen, weight, maturity.ages, mob, drift), book.fading),
            what,
            mob,
        )
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


def _fall_short(seen: Floats, ours: Share) -> tuple[float, float, float]:
    """How much less young cohorts show than expected, in standard errors; what was expected, what was seen.

    Of what old cohorts let expect, young ones need no more than the share of `ours`, which our own sources
    keep of their relation with arrears: a column that changes with the world is not accused.
    """
    if not len(seen):
        return 0.0, 0.0, 0.0
    level, _, _, now, w = seen.T
    kept = share_kept(seen)
    error = float(np.hypot(kept.error, ours.error))
    expected, shown = (float(np.tanh(np.average(z, weights=w))) for z in (ours.value * level, now))
    return (ours.value - kept.value) / error if error else 0.0, expected, shown
