"""Whether what we know says less of young loans than of old ones: then the world changed, not one column.

Each source of ours is made a score of default, and its rank correlation with arrears is held against that of
older cohorts at the same month on book.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from tasks.leakage_audit.by_age import (
    ALL_OF_IT,
    SPEARMAN,
    Rated,
    Share,
    correlate_ranks,
    see_young,
    share_kept,
    to_normal,
)
from tasks.leakage_audit.maturity import Maturity
from tasks.schemas.feature_store import SOURCE_OF
from tasks.statistics.performance import Floats

SURE = 4.0  # standard errors by which a source keeps less than all, before it is believed
GROUPS = 3  # of cohorts; each is scored by a fit to the others
MIN_LOANS = 30  # of a cohort


def find_fading(own: pl.DataFrame, labels: Floats, maturity: Maturity) -> Share:
    """The share that a source keeps of its relation with arrears in young cohorts, if it is surely not all.

    Of several sources and ages that of which it is surest.

    Needs:  our features (n rows) that are known of young cohorts as of ripe ones, others null; the labels
            (n,), NaN where a loan is not ripe.
    """
    found = ALL_OF_IT
    surest = SURE
    for score in _score_sources(own, labels, maturity.cohort % GROUPS):
        rated, weight = _rate(score, maturity)
        for mob in range(1, len(rated) + 1):
            share = share_kept(see_young(rated, weight, maturity.ages, mob, drift=0.0))
            if 1 - share.value > surest * share.error:
                found, surest = share, (1 - share.value) / share.error
    return found


def _score_sources(own: pl.DataFrame, labels: Floats, group: Floats) -> Iterator[Floats]:
    """Log-odds (n,) of default by the numbers of one source after another; constant ones are left out."""
    numbers = own.select(pl.selectors.numeric().cast(pl.Float64).fill_nan(None).rank() / max(1, own.height))
    ripe = ~np.isnan(labels)
    for source in sorted({SOURCE_OF[name] for name in numbers.columns if name in SOURCE_OF}):
        names = [name for name in numbers.columns if SOURCE_OF.get(name) == source]
        ranks = numbers.select(names).fill_null(0.5).to_numpy()
        score = np.full(len(labels), np.nan)
        for held in np.unique(group):
            known, asked = ripe & (group != held), group == held
            if len(np.unique(labels[known])) == 2:
                score[asked] = (
                    LogisticRegression(max_iter=500)
                    .fit(ranks[known], labels[known])
                    .decision_function(ranks[asked])
                )
        yield score


def _rate(score: Floats, maturity: Maturity) -> tuple[Rated, Floats]:
    """Fisher's z of the score's correlation with arrears by each MOB, by cohort, and the cohorts' weights."""
    rated, weight = np.full((len(maturity.late), len(maturity.ages)), np.nan), np.zeros(len(maturity.ages))
    for place, age in enumerate(maturity.ages):
        rows = np.flatnonzero((maturity.cohort == place) & np.isfinite(score))
        if len(rows) < MIN_LOANS:
            continue
        weight[place] = (len(rows) - 3) / SPEARMAN
        for mob in range(1, int(min(age, len(rated) - 1)) + 1):
            late = maturity.late[mob][rows]
            if np.ptp(late) > 0:
                rated[mob, place] = to_normal(correlate_ranks(np.column_stack([score[rows], late]))[0, 1])
    return list(rated), weight
