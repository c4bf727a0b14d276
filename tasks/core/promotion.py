"""When to train, and whether a challenger may take over: decisions made from finished figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tasks.core.performance import Auc, Floats, measure_auc_gain, measure_brier

WORST_LOSS = -0.01  # of AUC that the lower limit of the paired interval may show
LEVEL = 0.90
AUC_FLOOR = 0.60  # a first model has no champion to beat; below this it is not worth serving


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger is promoted, and why in one sentence."""

    promoted: bool
    why: str


def cohorts_missing(ripe: Sequence[date], trained_on: Sequence[date], *, first: int, every: int) -> int:
    """How many more cohorts must ripen before the next training; 0 or less when it is due.

    Needs:  ripe and trained_on are application months; trained_on is empty before the first training.
    """
    if not trained_on:
        return first - len(set(ripe))
    newly_ripe = {cohort for cohort in ripe if cohort > max(trained_on)}
    return every - len(newly_ripe)


def decide_first(auc: Auc) -> Verdict:
    """A first model serves when the lower limit of its out-of-time AUC is above the floor."""
    low, high = auc.interval(LEVEL)
    said = f"out-of-time AUC {auc.value:.3f} ({low:.3f} to {high:.3f})"
    if low > AUC_FLOOR:
        return Verdict(promoted=True, why=f"first model; {said} is above the floor of {AUC_FLOOR:.2f}")
    return Verdict(promoted=False, why=f"{said} reaches below the floor of {AUC_FLOOR:.2f}")


def decide_challenger(challenger: Auc, champion: Auc, brier: tuple[float, float]) -> Verdict:
    """A challenger takes over when it ranks the same loans no worse and its Brier score is no worse.

    Needs:  both AUCs measured on the same loans; `brier` is (challenger's, champion's).
    """
    gain, low, high = measure_auc_gain(challenger, champion, level=LEVEL)
    said = f"gain in AUC {gain:+.3f} ({low:+.3f} to {high:+.3f}), Brier {brier[0]:.4f} against {brier[1]:.4f}"
    if low <= WORST_LOSS:
        return Verdict(promoted=False, why=f"{said}: the gain may be below {WORST_LOSS}")
    if brier[0] > brier[1]:
        return Verdict(promoted=False, why=f"{said}: the Brier score is worse")
    return Verdict(promoted=True, why=f"{said}: no worse on the same loans")


def compare(labels: Floats, challenger: tuple[Auc, Floats], champion: tuple[Auc, Floats]) -> Verdict:
    """`decide_challenger` from the AUCs and PDs of both on the same loans."""
    brier = (measure_brier(labels, challenger[1]), measure_brier(labels, champion[1]))
    return decide_challenger(challenger[0], champion[0], brier)
