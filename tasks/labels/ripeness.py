"""When a training is due: how many more application months have to ripen."""

from collections.abc import Sequence
from datetime import date


def cohorts_missing(ripe: Sequence[date], trained_on: Sequence[date], *, first: int, every: int) -> int:
    """How many more cohorts must ripen before the next training; 0 or less when it is due.

    Needs:  ripe and trained_on are application months; trained_on is empty before the first training.
    """
    return (every if trained_on else first) - len(newly_ripe(ripe, trained_on))


def newly_ripe(ripe: Sequence[date], trained_on: Sequence[date]) -> set[date]:
    """The ripe cohorts that the last training did not learn from; an older one may get its labels late."""
    return set(ripe) - set(trained_on)
