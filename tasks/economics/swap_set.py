"""Who moves in and out when one model takes the place of another at the same cut-off."""

import numpy as np

from tasks.economics.figure import Figure, Loans, half_width
from tasks.economics.terms import Terms
from tasks.schemas.monitoring import CONFIDENCE
from tasks.statistics.performance import Floats, wilson_interval


def measure_swap(loans: Loans, former: Floats, terms: Terms, *, cutoff: float) -> list[Figure]:
    """Bad rates of those whom one model alone approves, and what the newer one is worth on these loans.

    Needs:  loans with the PDs of the champion; former (n,), those of the champion before, same rows.
    """
    now, before = loans.pds <= cutoff, former <= cutoff
    moved = now.astype(float) - before.astype(float)
    profits = moved * terms.profit(loans.amounts, loans.outcomes)
    value = float(profits.sum())
    half = half_width(moved * loans.amounts * (terms.margin + terms.lgd), loans)
    n, amount = len(moved), float(loans.amounts.sum())
    return [
        _side("swapped_in", loans.keep(np.flatnonzero(moved > 0)), cutoff),
        _side("swapped_out", loans.keep(np.flatnonzero(moved < 0)), cutoff),
        Figure("value_over_former", loans.basis, cutoff, n, amount, value, value - half, value + half),
    ]


def _side(name: str, loans: Loans, cutoff: float) -> Figure:
    n, amount = len(loans.pds), float(loans.amounts.sum())
    if n == 0:
        return Figure(name, loans.basis, cutoff, 0, 0.0, None, status="nobody moved")
    bad = float(loans.outcomes.sum())
    low, high = wilson_interval(bad, n, level=CONFIDENCE)
    return Figure(name, loans.basis, cutoff, n, amount, bad / n, low, high)
