"""What applications that lack a source cost, against what the complete model earns on as many."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.economics.figure import Figure, Loans, half_width
from tasks.economics.terms import Terms
from tasks.modelling.fallbacks import COMPLETE
from tasks.schemas.economics import ALL

MIN_LOANS = 50  # of a path, so that its profit is more than chance


def measure_path_costs(
    loans: Loans, paths: np.ndarray, complete: Loans, terms: Terms, *, cutoff: float
) -> list[Figure]:
    """The cost of each path that lacks a source, and of all of them: profit forgone, in account currency.

    The complete model's profit per amount asked for, times the amount of the path, less the path's profit.
    It rests on both books being of like applicants; the interval is that of the path's outcomes.

    Needs:  loans (expected) and paths (n,) of the month; complete: expected applications that lacked nothing,
            of the newest months that have some.
    """
    costs: list[Figure] = []
    lacking = [path for path in sorted(set(paths.tolist())) if path != COMPLETE]
    for path in lacking:
        rows = np.flatnonzero(paths == path)
        if len(rows) >= MIN_LOANS:
            costs.append(_cost(path, loans.keep(rows), complete, terms, cutoff))
    together = np.flatnonzero(paths != COMPLETE)
    if costs:
        costs.append(_cost(ALL, loans.keep(together), complete, terms, cutoff))
    return costs


def with_reference(
    figures: Sequence[Figure], paths: np.ndarray, complete: Loans, *, cutoff: float
) -> list[Figure]:
    """The figures, those of approval with what the complete model gives where a path lacks a source.

    Needs:  as `measure_path_costs`; figures of `measure_paths`.
    """
    if (paths == COMPLETE).all() or len(complete.pds) < MIN_LOANS:
        return list(figures)
    approved = complete.pds <= cutoff
    rates = {"approval_rate": float(approved.mean())}
    if approved.any():
        rates["bad_rate_approved"] = float(complete.outcomes[approved].mean())
    return [replace(one, reference=rates.get(one.figure)) for one in figures]


def _cost(path: str, loans: Loans, complete: Loans, terms: Terms, cutoff: float) -> Figure:
    n, amount = len(loans.pds), float(loans.amounts.sum())
    if len(complete.pds) < MIN_LOANS:
        missing = "no complete month"
        return Figure("path_cost", loans.basis, cutoff, n, amount, None, path=path, status=missing)
    approved = loans.pds <= cutoff
    earned = float(terms.profit(loans.amounts, loans.outcomes)[approved].sum())
    by_complete = amount * _profit_rate(complete, terms, cutoff)
    half = half_width(approved * loans.amounts * (terms.margin + terms.lgd), loans)
    value = by_complete - earned
    limits = value - half, value + half
    return Figure("path_cost", loans.basis, cutoff, n, amount, value, *limits, path, by_complete)


def _profit_rate(loans: Loans, terms: Terms, cutoff: float) -> float:
    """Profit over the amount that was asked for."""
    approved = loans.pds <= cutoff
    return float(terms.profit(loans.amounts, loans.outcomes)[approved].sum() / loans.amounts.sum())
