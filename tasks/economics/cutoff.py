"""Profit as a function of the cut-off, its maximum, and how sure the maximum is."""

from dataclasses import replace

import numpy as np

from tasks.economics.figure import Figure, Loans, half_width
from tasks.economics.terms import Terms
from tasks.statistics.performance import Floats

CUTOFFS = np.round(np.arange(1, 101) / 100, 2)  # PDs at which the curve is computed
DRAWS, SEED = 200, 20230101
LIMITS = (2.5, 97.5)  # percentiles of the interval


def measure_curve(loans: Loans, terms: Terms, *, cutoff: float) -> list[Figure]:
    """Profit at each of CUTOFFS but the policy's `cutoff`, and the most profitable one of CUTOFFS.

    The interval of the best cut-off is that of DRAWS draws: of outcomes by the PDs, or, where these are
    realised, of loans with replacement (bootstrap percentiles, Efron 1979).
    """
    n, amount = len(loans.pds), float(loans.amounts.sum())
    curve = _profits(loans, terms)
    at_stake = loans.amounts * (terms.margin + terms.lgd)
    halves = [half_width(at_stake * (loans.pds <= limit), loans) for limit in CUTOFFS]
    points = [
        Figure("profit", loans.basis, float(limit), n, amount, value, value - half, value + half)
        for limit, value, half in zip(CUTOFFS, curve, halves, strict=True)
        if float(limit) != cutoff
    ]
    best = int(np.argmax(curve))
    low, high = np.percentile([CUTOFFS[np.argmax(draw)] for draw in _drawn(loans, terms)], LIMITS)
    limit, value, half = float(CUTOFFS[best]), float(curve[best]), halves[best]
    chosen = Figure("best_cutoff", loans.basis, cutoff, n, amount, limit, float(low), float(high))
    return [
        *points,
        replace(chosen, reference=terms.break_even),
        Figure("best_profit", loans.basis, limit, n, amount, value, value - half, value + half),
    ]


def _profits(loans: Loans, terms: Terms) -> Floats:
    """Profit (100,) at each of CUTOFFS."""
    order = np.argsort(loans.pds, kind="stable")
    summed = np.append(0.0, np.cumsum(terms.profit(loans.amounts, loans.outcomes)[order]))
    return summed[np.searchsorted(loans.pds[order], CUTOFFS, side="right")]


def _drawn(loans: Loans, terms: Terms) -> list[Floats]:
    rng, n = np.random.default_rng(SEED), len(loans.pds)
    if loans.basis == "expected":
        drawn = [(rng.random(n) < loans.outcomes).astype(float) for _ in range(DRAWS)]
        return [_profits(Loans(loans.basis, loans.pds, loans.amounts, one), terms) for one in drawn]
    return [_profits(loans.keep(rng.integers(0, n, n)), terms) for _ in range(DRAWS)]
