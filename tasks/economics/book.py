"""Approval rate, bad rate among approved, loss and profit of a set of applications at one cut-off."""

from dataclasses import replace

import numpy as np

from tasks.economics.figure import Figure, Loans, half_width
from tasks.economics.terms import Terms
from tasks.schemas.economics import ALL
from tasks.schemas.monitoring import CONFIDENCE
from tasks.statistics.performance import Floats, wilson_interval


def measure_paths(loans: Loans, paths: np.ndarray, terms: Terms, *, cutoff: float) -> list[Figure]:
    """The figures of all applications, and of each score path.

    Needs:  paths (n,), the score path of each application.
    """
    found = measure_book(loans, terms, cutoff=cutoff)
    for path in sorted(set(paths.tolist())):
        figures = measure_book(loans.keep(np.flatnonzero(paths == path)), terms, cutoff=cutoff)
        found += [replace(one, path=path) for one in figures if one.figure != "value_over_all"]
    return found


def measure_book(loans: Loans, terms: Terms, *, cutoff: float) -> list[Figure]:
    """Figures of the applications when those with a PD up to the cut-off are approved."""
    approved = (loans.pds <= cutoff).astype(float)
    granted = approved * loans.amounts
    lost = granted * terms.lgd
    at_stake = loans.amounts * (terms.margin + terms.lgd)
    profits = terms.profit(loans.amounts, loans.outcomes)
    return [
        _rate("approval_rate", loans, approved, np.ones(len(approved)), cutoff),
        _rate("bad_rate_approved", loans, loans.outcomes * approved, approved, cutoff),
        _sum("loss", loans, lost * loans.outcomes, lost, cutoff),
        _sum("profit", loans, approved * profits, approved * at_stake, cutoff),
        _sum("value_over_all", loans, (approved - 1) * profits, (1 - approved) * at_stake, cutoff),
    ]


def _rate(name: str, loans: Loans, hits: Floats, counted: Floats, cutoff: float) -> Figure:
    n, amount = int(counted.sum()), float((counted * loans.amounts).sum())
    if n == 0:
        return Figure(name, loans.basis, cutoff, 0, 0.0, None, status="nobody approved")
    low, high = wilson_interval(float(hits.sum()), n, level=CONFIDENCE)
    return Figure(name, loans.basis, cutoff, n, amount, float(hits.sum()) / n, low, high)


def _sum(name: str, loans: Loans, parts: Floats, per_default: Floats, cutoff: float) -> Figure:
    """A sum of `parts` (n,), each of which a default changes by `per_default` (n,)."""
    value, half = float(parts.sum()), half_width(per_default, loans)
    n, amount = len(parts), float(loans.amounts.sum())
    return Figure(name, loans.basis, cutoff, n, amount, value, value - half, value + half, ALL)
