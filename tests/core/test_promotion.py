import numpy as np
import pytest

from tasks.core.performance import measure_auc
from tasks.core.promotion import cohorts_missing, compare, decide_first
from tests.builders import months

RNG = np.random.default_rng(5)
LABELS = (RNG.random(900) < 0.3).astype(float)


def pds(strength: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(strength * (2 * LABELS - 1) + RNG.standard_normal(900) - 0.85)))


STRONG, WEAK, NOISE = pds(1.2), pds(0.4), pds(0.0)


@pytest.mark.parametrize(
    ("ripe", "trained_on", "missing"),
    [(0, 0, 6), (5, 0, 1), (6, 0, 0), (6, 6, 3), (8, 6, 1), (9, 6, 0), (11, 6, -2)],
)
def test_training_is_due_after_six_cohorts_then_every_three(ripe: int, trained_on: int, missing: int) -> None:
    assert cohorts_missing(months(ripe), months(trained_on), first=6, every=3) == missing


def test_a_better_challenger_takes_over_and_a_worse_one_does_not() -> None:
    strong, weak = (measure_auc(LABELS, scores) for scores in (STRONG, WEAK))
    assert compare(LABELS, (strong, STRONG), (weak, WEAK)).promoted
    assert not compare(LABELS, (weak, WEAK), (strong, STRONG)).promoted


def test_a_challenger_that_ranks_the_same_but_is_miscalibrated_does_not_take_over() -> None:
    auc = measure_auc(LABELS, STRONG)
    verdict = compare(LABELS, (auc, STRONG**3), (auc, STRONG))
    assert not verdict.promoted
    assert "Brier" in verdict.why


def test_a_first_model_must_clear_the_floor() -> None:
    assert decide_first(measure_auc(LABELS, STRONG)).promoted
    assert not decide_first(measure_auc(LABELS, NOISE)).promoted
