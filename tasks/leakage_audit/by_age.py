"""How much less young cohorts show of something than old ones let expect, by months on book.

A cohort's rank correlation is made normal by Fisher's transformation (Fisher 1915).
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from tasks.statistics.performance import Floats

SPEARMAN = 1.06  # variance of a rank correlation, times that of a linear one (Fieller et al. 1957)
MIN_OLD, MIN_FOR_TREND = 2, 3  # cohorts
Rated = list[Floats]  # by months on book known, of each cohort (c,) Fisher's z, NaN where there is none


class Share(NamedTuple):
    """A share, and its standard error."""

    value: float
    error: float


ALL_OF_IT = Share(1.0, 0.0)


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


def see_young(rated: Rated, weight: Floats, ages: Floats, mob: int, drift: float) -> Floats:
    """What old cohorts let expect of those younger than `mob`, and what these show.

    Each young cohort is held against the old ones by what was known at its own age.
    Returns (c, 5): the level expected, its error, the excess, the level seen, the cohort's weight.
    """
    below, seen = ages < mob, list[tuple[float, float, float, float, float]]()
    for place in np.flatnonzero(below):
        z = rated[int(min(ages[place], len(rated) - 1))]
        old = ~below & np.isfinite(z)
        if np.isfinite(z[place]) and old.sum() >= MIN_OLD:
            expected = _expect(z[old], weight[old], ages[old] - ages[place], drift)
            seen.append((*expected, z[place], weight[place]))
    return np.array(seen).reshape(-1, 5)


def share_kept(seen: Floats) -> Share:
    """The share of what is expected that young cohorts show; those of which more is expected count more."""
    level, error, excess, now, w = seen.T
    total = (w * level**2).sum()
    if not total:
        return ALL_OF_IT
    variance = (w * level**2 * excess).sum() + (w * np.abs(level) * error).sum() ** 2
    return Share(float((w * level * now).sum() / total), float(variance**0.5 / total))


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
