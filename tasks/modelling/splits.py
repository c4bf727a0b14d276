"""Splits by cohort, in time order: nothing is validated on loans older than those it was fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """`development` cohorts are fitted and tuned on; `oot`, the newest, are scored once, never tuned on."""

    development: tuple[date, ...]
    oot: tuple[date, ...]


def split_cohorts(cohorts: Sequence[date], *, oot: int) -> Split:
    """Keep the newest `oot` cohorts out of time, but never more than half of them."""
    ordered = sorted(set(cohorts))
    kept = min(oot, len(ordered) // 2)
    return Split(tuple(ordered[: len(ordered) - kept]), tuple(ordered[len(ordered) - kept :]))


def expanding_folds(cohort_of_row: Sequence[date], *, most: int = 3) -> list[tuple[Rows, Rows]]:
    """Row numbers to fit on and to validate on: each of the newest `most` cohorts after all before it.

    Shapes: one pair per fold; needs at least two cohorts.
    """
    days = np.asarray(cohort_of_row, dtype="datetime64[D]")
    ordered = np.unique(days)
    validated = ordered[1:][-most:]
    return [(np.flatnonzero(days < cohort), np.flatnonzero(days == cohort)) for cohort in validated]


def cohort_groups(
    cohort_of_row: Sequence[date], ripe: NDArray[np.bool_], *, most: int
) -> list[NDArray[np.bool_]]:
    """Masks of the rows of up to `most` groups of cohorts, each to be held out in turn: every row is in one.

    Neighbouring cohorts fall into different groups, so that each group spans the whole time. Those that are
    not ripe are shared out too: what is left without a group has the same share of them, whose targets say
    less. There are no more groups than ripe cohorts; a single one, and what is not ripe with it, is cut in
    two by alternate rows.
    """
    days = np.asarray(cohort_of_row, dtype="datetime64[D]")
    of_ripe = np.unique(days[ripe])
    others = np.setdiff1d(days, of_ripe)
    n = min(most, max(len(of_ripe), 2))
    place = np.where(np.isin(days, of_ripe), np.searchsorted(of_ripe, days), np.searchsorted(others, days))
    if len(of_ripe) == 1:
        place = np.arange(len(days))
    return [place % n == group for group in range(n)]
