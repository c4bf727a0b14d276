"""What a simulated lender is, and the seeded source of chance that every part draws from."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from simulator.drift import Drift, Kind, active_drifts, first_month
from simulator.layout import LenderKind
from tasks.errors import UsageError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
CAR_LOAN_DRIFTS: Final[frozenset[Kind]] = frozenset({"pause", "badrate"})


class Stream(IntEnum):
    """What a chance is for. A stream's number never changes: another number would change every file."""

    IDS = 1
    CREDIT = 2
    DEFAULT = 3
    FINANCIALS = 4
    ATTRIBUTES = 5
    PAYMENTS = 6
    CLICKSTREAM = 7
    DIRT_FINANCIALS = 8
    DIRT_ATTRIBUTES = 9
    REFERENCE = 10


@dataclass(frozen=True)
class Lender:
    """A lender that grants `loans_per_month` * `scale` loans in each of `months` months, from `start` on.

    `faults` are planted in the finished files (simulator/faults/plant.py), `drifts` as the months are drawn.
    The reference lender knows all of both; car loans know the drifts `pause` and `badrate`.
    """

    start: date
    months: int
    loans_per_month: int = 500
    seed: int = 0
    scale: int = 1
    faults: tuple[int, ...] = ()
    drifts: tuple[Drift, ...] = ()
    kind: LenderKind = "reference"

    def __post_init__(self) -> None:
        if self.start.day != 1:
            raise UsageError(f"The lender starts on {self.start}; start on the first of a month.")
        if min(self.months, self.loans_per_month, self.scale) < 1 or self.seed < 0:
            raise UsageError(
                f"The lender has months={self.months}, loans_per_month={self.loans_per_month}, "
                f"scale={self.scale}, seed={self.seed}; "
                f"use 1 or more months, loans and scale, and a seed of 0 or more."
            )
        if self.kind == "car_loans" and (self.faults or {one.kind for one in self.drifts} - CAR_LOAN_DRIFTS):
            raise UsageError(
                f"Car loans know no faults, and of the drifts only {' and '.join(sorted(CAR_LOAN_DRIFTS))}; "
                "use those, or simulate the reference lender."
            )


def cohort_size(lender: Lender) -> int:
    """Return how many loans start in each month."""
    return lender.loans_per_month * lender.scale


def month_start(lender: Lender, month: int) -> date:
    """Return the first day of `month`; the month of `lender.start` is 0."""
    count = lender.start.year * 12 + lender.start.month - 1 + month
    return date(count // 12, count % 12 + 1, 1)


def month_end(lender: Lender, month: int) -> date:
    """Return the last day of `month`; the month of `lender.start` is 0."""
    return month_start(lender, month + 1) - timedelta(days=1)


def draws(lender: Lender, stream: Stream, cohort: int = 0, month: int = 0) -> np.random.Generator:
    """Return the chance for one purpose, cohort and month: the same whatever was drawn before."""
    return np.random.default_rng([lender.seed, int(stream), cohort, month])


def drifts_in(lender: Lender, kind: Kind, month: int) -> list[Drift]:
    """Return the drifts of one kind that act in `month`."""
    return active_drifts(lender.drifts, kind, month, lender.start)


def cohorts_of(lender: Lender) -> list[int]:
    """Return the months in which loans start; none does while lending pauses."""
    return [
        month
        for month in range(lender.months)
        if not any(_lasts(drift, month, lender) for drift in drifts_in(lender, "pause", month))
    ]


def is_stopped(lender: Lender, source: str, month: int, cohort: int) -> bool:
    """Return whether `source` delivers no rows of the cohort's customers in `month`."""
    gaps = [drift for drift in drifts_in(lender, "gap", month) if _lasts(drift, month, lender)]
    ended = [*drifts_in(lender, "stop", month), *gaps, *drifts_in(lender, "close", cohort)]
    return any(drift.names == (source,) for drift in ended)


def _lasts(drift: Drift, month: int, lender: Lender) -> bool:
    return month < first_month(drift, lender.start) + drift.amount
