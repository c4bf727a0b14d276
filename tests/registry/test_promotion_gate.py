from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from tasks.governance.policy import Gate
from tasks.registry.promotion_gate import GateInput, PathInput, Verdict, decide
from tasks.statistics.performance import measure_spiegelhalter_z
from tests.policies import POLICY

RNG = np.random.default_rng(5)


TRUTH, NOISE = RNG.standard_normal(900), RNG.standard_normal(900)
STRONG = 1 / (1 + np.exp(-(2.0 * TRUTH - 0.85)))
LABELS = (RNG.random(900) < STRONG).astype(float)
WEAK = 1 / (1 + np.exp(-(0.7 * TRUTH + 1.5 * NOISE - 0.85)))
USELESS = np.full(900, LABELS.mean()) + 0.001 * NOISE

MEASURED = MappingProxyType({"clickstream": 0.8})


def judged(
    challenger: np.ndarray,
    champion: np.ndarray | None,
    *,
    n_cohorts: int = 3,
    fallbacks: Mapping[str, float] | None = MEASURED,
    red_fairness: Sequence[str] = (),
    waits_for: Sequence[str] = (),
    labels: np.ndarray = LABELS,
    limits: Gate = POLICY.gate,
    paths: Mapping[str, PathInput] | None = None,
) -> Verdict:
    reds = (red_fairness, waits_for)
    return decide(
        GateInput(labels, challenger, champion, 0.35, n_cohorts, fallbacks, *reds, paths or {}), limits
    )


def test_a_better_challenger_takes_over_and_a_worse_one_does_not() -> None:
    assert judged(STRONG, WEAK).promoted
    worse = judged(WEAK, STRONG)
    assert not worse.promoted
    assert f"the gain in AUC may be below {POLICY.gate.min_gain}" in worse.why


def test_the_same_model_again_is_no_worse_than_itself() -> None:
    assert judged(STRONG, STRONG).promoted


def test_a_challenger_that_ranks_the_same_but_is_miscalibrated_does_not_take_over() -> None:
    verdict = judged(STRONG**2, STRONG)
    assert not verdict.promoted
    assert "the Brier score may be worse by 0.002" in verdict.why
    assert "probabilities do not hold" in verdict.why


def test_probabilities_that_do_not_hold_pass_where_those_of_the_champion_are_worse() -> None:
    assert judged(STRONG**2, STRONG**4).promoted
    again = judged(STRONG**4, STRONG**2)
    assert "probabilities do not hold" in again.why
    assert "probabilities do not hold" in judged(STRONG**2, None).why


def test_a_brier_score_that_is_worse_within_noise_stops_nothing() -> None:
    close = np.clip(STRONG + 0.01 * NOISE, 0.001, 0.999)
    verdict = judged(close, STRONG)
    low, high = verdict.figures["brier_loss_ci_90"]
    assert low < verdict.figures["brier_loss"] < high < POLICY.gate.max_brier_loss
    assert verdict.promoted
    strict = POLICY.gate.model_copy(update={"max_brier_loss": high})
    assert "the Brier score may be worse" in judged(close, STRONG, limits=strict).why


def test_the_brier_score_seldom_stops_a_challenger_that_is_as_good_but_for_noise() -> None:
    passed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        odds, labels = np.log(STRONG / (1 - STRONG)), (rng.random(900) < STRONG).astype(float)
        one, other = (1 / (1 + np.exp(-odds - 0.1 * rng.standard_normal(900))) for _ in range(2))
        passed += "Brier" not in judged(one, other, labels=labels).why.partition(": ")[2]
    assert passed >= 54  # held to be no worse at all, half would be stopped


def test_a_red_of_coverage_sends_what_passes_to_a_person() -> None:
    verdict = judged(STRONG, WEAK, waits_for=["coverage of clickstream"])
    assert verdict.promoted
    assert verdict.waits_for == "red: coverage of clickstream"
    assert judged(WEAK, STRONG, waits_for=["coverage of clickstream"]).waits_for == ""


def test_a_path_that_ranks_worse_by_itself_stops_a_challenger_that_ranks_better_in_all() -> None:
    worse = {
        "clickstream": PathInput(0.4, LABELS, WEAK, STRONG),
        "none": PathInput(0.6, LABELS, STRONG, WEAK),
    }
    verdict = judged(STRONG, WEAK, paths=worse)
    assert not verdict.promoted
    assert f"without clickstream: the gain in AUC may be below {POLICY.gate.min_gain}" in verdict.why
    assert "without clickstream (40% of the newest applications) gain in AUC -0." in verdict.why
    assert "with all sources: the gain" not in verdict.why
    better = {"clickstream": PathInput(0.4, LABELS, STRONG, WEAK)}
    assert judged(STRONG, WEAK, paths=better).promoted


def test_a_path_that_nothing_is_known_of_stops_a_challenger() -> None:
    nobody = {"clickstream": PathInput(0.4, LABELS[:0], STRONG[:0], WEAK[:0])}
    verdict = judged(STRONG, WEAK, paths=nobody)
    assert not verdict.promoted
    assert "without clickstream: too few loans of either class to measure" in verdict.why
    assert verdict.figures["paths"]["clickstream"] == {"share": 0.4, "n": 0}


def test_a_path_of_a_first_model_must_clear_the_floor() -> None:
    useless = {"clickstream": PathInput(0.4, LABELS, USELESS, None)}
    assert "without clickstream: the AUC may be below the floor" in judged(STRONG, None, paths=useless).why


def test_a_first_model_must_clear_the_floors() -> None:
    assert judged(STRONG, None).promoted
    assert "below the floor" in judged(USELESS, None).why


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"red_fairness": ["fairness of age 65+"]}, "red: fairness of age 65+"),
        ({"fallbacks": {}}, "fallback"),
    ],
)
def test_a_red_figure_or_an_unmeasured_fallback_stops_the_best_challenger(
    changes: dict[str, Any], said: str
) -> None:
    verdict = judged(STRONG, WEAK, **changes)
    assert not verdict.promoted
    assert said in verdict.why


def test_a_lender_of_whom_no_source_may_be_missing_needs_no_fallback() -> None:
    assert judged(STRONG, WEAK, fallbacks=None).promoted


@pytest.mark.parametrize("level", [0.5001, 0.90, 0.9999])
def test_the_figures_name_the_level_of_their_intervals(level: float) -> None:
    verdict = judged(STRONG, WEAK, limits=POLICY.gate.model_copy(update={"level": level}))
    low, high = verdict.figures[f"auc_gain_ci_{100 * level:g}"]
    assert low < verdict.figures["auc_gain"] < high


def test_fewer_cohorts_than_the_policy_asks_for_are_named() -> None:
    assert f"fewer than {POLICY.gate.cohorts}" in judged(STRONG, WEAK, n_cohorts=POLICY.gate.cohorts - 1).why
    assert "fewer than" not in judged(STRONG, WEAK, n_cohorts=POLICY.gate.cohorts).why


def test_z_is_standard_normal_when_the_probabilities_hold() -> None:
    rng = np.random.default_rng(1)
    draws = [measure_spiegelhalter_z((rng.random(900) < STRONG).astype(float), STRONG) for _ in range(400)]
    assert np.mean(draws) == pytest.approx(0.0, abs=0.15)
    assert np.std(draws) == pytest.approx(1.0, abs=0.1)
