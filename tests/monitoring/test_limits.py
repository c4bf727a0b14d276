"""Where a figure turns from green to red: a hair on either side of what a formula of its own says."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import beta, chi2, chi2_contingency, norm
from sklearn.metrics import brier_score_loss

from tasks.governance.policy import Policy
from tasks.monitoring.backtest import DevelopmentBenchmark, measure_backtest
from tasks.monitoring.early_arrears import measure_arrears
from tasks.monitoring.measurement import Measurement
from tasks.monitoring.score_paths import measure_psi
from tasks.statistics.performance import measure_auc
from tests.policies import POLICY

HAIR = 1e-3
SURE = 10**9  # loans learned from, so many that the PDs are as good as known


def policy(part: str, **limits: float) -> Policy:
    """The adopted policy with other limits in one part."""
    return POLICY.model_copy(update={part: getattr(POLICY, part).model_copy(update=limits)})


def graded(*grades: tuple[str, int, int, float]) -> pl.DataFrame:
    """Loans of each grade: its name, loans, defaults, PD."""
    rows = [(g, pd, int(i < k)) for g, n, k, pd in grades for i in range(n)]
    return pl.DataFrame(rows, schema=["grade", "pd", "label"], orient="row")


def outcome(
    metric: str, book: pl.DataFrame, benchmark: DevelopmentBenchmark, policy: Policy, subject: str = ""
) -> Measurement:
    found = measure_backtest(book, benchmark, policy=policy)
    return next(f for f in found if f["metric"] == metric and subject in ("", f["subject"]))


BOOK = graded(("A", 400, 20, 0.05), ("B", 400, 80, 0.2), ("C", 200, 90, 0.4))
AUC = measure_auc(BOOK["label"].to_numpy().astype(float), BOOK["pd"].to_numpy())


@pytest.mark.parametrize(("above", "status"), [(-HAIR, "amber"), (HAIR, "red")])
def test_a_ranking_is_red_by_the_errors_of_both_samples(above: float, status: str) -> None:
    variance = 0.0004
    drop = norm.isf(POLICY.ranking.red_p) * np.sqrt(variance + AUC.variance) * (1 + above)
    assert (
        outcome("pooled_auc", BOOK, DevelopmentBenchmark(AUC.value + drop, variance, SURE), POLICY)["status"]
        == status
    )


@pytest.mark.parametrize(("above", "status"), [(-HAIR, "green"), (HAIR, "red")])
def test_a_ranking_significantly_below_the_floor_is_red_whatever_was_expected(
    above: float, status: str
) -> None:
    floor = policy("ranking", auc_floor=AUC.interval(0.95)[1] + above)
    assert outcome("pooled_auc", BOOK, DevelopmentBenchmark(0.5, 0.01, SURE), floor)["status"] == status


@pytest.mark.parametrize(("inside", "status"), [(HAIR, "amber"), (-HAIR, "red")])
def test_a_ratio_outside_its_bounds_is_red_where_it_would_be_amber(inside: float, status: str) -> None:
    ratio = BOOK["label"].mean() / BOOK["pd"].mean()
    bounds = policy(
        "calibration", amber_p=0.9999, red_p=0.0, min_deviation=0.0, oe_low=0.5, oe_high=ratio + inside
    )
    assert (
        outcome("calibration_in_the_large", BOOK, DevelopmentBenchmark(0.9, 0.01, SURE), bounds)["status"]
        == status
    )


@pytest.mark.parametrize("learned", [1000, SURE])
@pytest.mark.parametrize(("above", "status"), [(-HAIR, "green"), (HAIR, "red")])
def test_a_grade_is_judged_by_its_share_of_evidence_and_among_all_grades(
    learned: int, above: float, status: str
) -> None:
    book = graded(("A", 400, 20, 0.05), ("B", 400, 100, 0.2), ("C", 200, 80, 0.4))
    share = learned / (learned + book.height)
    p = beta.cdf(0.2, share * 100 + 0.5, share * 300 + 0.5)
    limits = policy("calibration", amber_p=3 * p * (1 + above), red_p=3 * p * (1 + above), min_deviation=0.0)
    assert (
        outcome("grade_bad_rate", book, DevelopmentBenchmark(0.9, 0.01, learned), limits, "B")["status"]
        == status
    )


@pytest.mark.parametrize(("least", "status"), [(0.25 - HAIR, "red"), (0.25 + HAIR, "green")])
def test_a_grade_that_is_off_by_little_is_green(least: float, status: str) -> None:
    book = graded(("A", 40_000, 2000, 0.05), ("B", 40_000, 10_000, 0.2))
    limits = policy("calibration", min_deviation=least)
    assert (
        outcome("grade_bad_rate", book, DevelopmentBenchmark(0.9, 0.01, SURE), limits, "B")["status"]
        == status
    )


@pytest.mark.parametrize(("above", "status"), [(-HAIR, "red"), (HAIR, "green")])
def test_the_z_of_a_learned_model_weighs_what_it_learned_from(above: float, status: str) -> None:
    labels, pds = BOOK["label"].to_numpy(), BOOK["pd"].to_numpy()
    above_implied = brier_score_loss(labels, pds) - np.mean(pds * (1 - pds))
    spread = np.sqrt(np.sum((1 - 2 * pds) ** 2 * pds * (1 - pds))) / len(pds)
    z = abs(above_implied) / spread * np.sqrt(0.5)  # learned from as many loans as it is judged on
    limits = policy("calibration", amber_z=z * (1 + above), red_z=z * (1 + above), min_deviation=0.0)
    assert (
        outcome("spiegelhalter_z", BOOK, DevelopmentBenchmark(0.9, 0.01, BOOK.height), limits)["status"]
        == status
    )


@pytest.mark.parametrize(("above", "found"), [(-HAIR, 0.0), (HAIR, 1.0)])
def test_grades_are_in_the_wrong_order_beyond_chance_only(above: float, found: float) -> None:
    book = graded(("A", 300, 60, 0.1), ("B", 300, 45, 0.15))
    p = chi2_contingency([[60, 240], [45, 255]], correction=False).pvalue / 2
    limits = policy("ranking", inversion_p=p * (1 + above))
    assert outcome("grade_inversions", book, DevelopmentBenchmark(0.5, 0.01, SURE), limits)["value"] == found


@pytest.mark.parametrize(("above", "status"), [(-HAIR, "green"), (HAIR, "red")])
def test_early_arrears_are_held_against_shares_with_errors_of_their_own(above: float, status: str) -> None:
    counts: dict[str, dict[str, int]] = {"bad": {"n": 89, "k": 62}, "good": {"n": 209, "k": 20}}
    of_bad, of_good = 62.5 / 90, 20.5 / 210
    each = 0.3 * of_bad + 0.7 * of_good
    variance = each * (1 - each) / 500
    variance += 0.3**2 * of_bad * (1 - of_bad) / 90 + 0.7**2 * of_good * (1 - of_good) / 210
    seen = 0.36
    p = norm.sf((seen - each) / np.sqrt(variance)) * (1 + above)
    limits = POLICY.arrears.model_copy(update={"amber_p": p, "red_p": p, "min_excess": 0.0})
    young = pl.DataFrame({"pd": np.full(500, 0.3), "in_arrears": np.arange(500) < seen * 500})
    assert measure_arrears(young, counts, limits=limits)["status"] == status


@pytest.mark.parametrize(("limit", "level"), [("amber", "amber_level"), ("red", "red_level")])
@pytest.mark.parametrize(("above", "reached"), [(-HAIR, True), (HAIR, False)])
def test_a_psi_must_pass_what_chance_gives_at_this_size(
    limit: str, level: str, above: float, reached: bool
) -> None:
    shares = [0.25, 0.25, 0.25, 0.25, 0.0]
    reference: dict[str, Any] = {
        "bins": {"pd": {"edges": [0.25, 0.5, 0.75], "shares": shares}},
        "n": {"pd": 400},
    }
    pds = np.repeat([0.1, 0.4, 0.6, 0.9], [65, 60, 40, 35])
    scores = pl.DataFrame({"pd": pds, "fallback": ["none"] * 200})
    small = {"amber": 0.0, "red": 0.0, "amber_level": 0.0, "red_level": 0.0}
    psi = measure_psi(scores, reference, "score", limits=POLICY.stability.model_copy(update=small))
    level_of_it = chi2.cdf(psi["value"] / (1 / 200 + 1 / 400), 3)
    limits = POLICY.stability.model_copy(update={**small, level: level_of_it * (1 + above)})
    found = measure_psi(scores, reference, "score", limits=limits)
    assert (found["value"] >= found[limit]) == reached
