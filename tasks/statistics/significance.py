"""How rarely chance alone shows what was seen: p-values, and what many of them at once are worth."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from scipy.special import betainc, betaincinv, ndtr
from scipy.stats import false_discovery_control, hypergeom

from tasks.statistics.performance import Floats


def jeffreys_p(n_bad: float, n: float, pd: float) -> float:
    """Probability that the default rate is at most `pd`, after n_bad of n defaults (0 to 1).

    Beta posterior with Jeffreys' prior, as in the ECB's instructions for validation reporting (2019): small
    when there are more defaults than the PD allows.
    """
    return float(betainc(n_bad + 0.5, n - n_bad + 0.5, pd))


def jeffreys_two_sided_p(n_bad: float, n: float, pd: float) -> float:
    """The same for too many or too few defaults: twice the smaller tail."""
    tail = jeffreys_p(n_bad, n, pd)
    return min(1.0, 2 * min(tail, 1 - tail))


def jeffreys_interval(n_bad: float, n: float, *, level: float) -> tuple[float, float]:
    """Two-sided interval of a default rate: quantiles of the same posterior (Brown, Cai & DasGupta 2001)."""
    tail = (1 - level) / 2
    low, high = betaincinv(n_bad + 0.5, n - n_bad + 0.5, [tail, 1 - tail])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, none of them wrong with the given probability (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted.tolist()


def ratio_below_p(k: int, n: int, k_other: int, n_other: int, ratio: float) -> float:
    """One-sided p-value that a rate k/n is not below `ratio` times another, k_other/n_other.

    Score test: the variance is that of the likeliest rates whose ratio is just that, so it stands where k is
    0 too (Farrington & Manning 1990, Statistics in Medicine 9). With a ratio of 1 it is the pooled z test.
    """
    a, c = ratio * (n + n_other), k + k_other
    b = ratio * (n + k_other) + k + n_other
    other = (b - (b * b - 4 * a * c) ** 0.5) / (2 * a)
    rate = ratio * other
    variance = rate * (1 - rate) / n + ratio**2 * other * (1 - other) / n_other
    if variance <= 0:
        return 1.0
    return float(ndtr((k / n - ratio * k_other / n_other) / variance**0.5))


def discoveries(p_values: Sequence[float], *, rate: float) -> list[bool]:
    """Which p-values stand when a share `rate` of those may be false (Benjamini & Hochberg 1995)."""
    if not len(p_values):
        return []
    return (false_discovery_control(np.clip(p_values, 0.0, 1.0)) <= rate).tolist()


def lowest_usual_count(n: int, known_before: int, n_before: int, *, p: float) -> int:
    """The least count of `n` that is not below the share of an earlier sample with a probability below p.

    Fisher's exact test, one-sided: given both samples' total, as few in this one by chance.
    """

    def probability(count: int) -> float:
        return float(hypergeom.cdf(count, n + n_before, known_before + count, n))

    return bisect_left(range(n), p, key=probability)


def trend_p(now: Floats, before: Floats) -> float:
    """Two-sided p of a shift towards higher or lower bins between two ordered histograms (k,) of counts.

    Mean rank of `now` among both, ties averaged (Wilcoxon; variance with tie correction, Lehmann 1975).
    """
    both = now + before
    n, m, total = now.sum(), before.sum(), both.sum()
    if n == 0 or m == 0 or total < 2:
        return 1.0
    ranks = np.cumsum(both) - both / 2 + 0.5
    away = float((now * ranks).sum() - n * (total + 1) / 2)
    ties = float((both**3 - both).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    return float(2 * ndtr(-abs(away) / variance**0.5)) if variance > 0 else 1.0
