"""What each source is worth, and when the policy says to take it."""

import numpy as np
import polars as pl
import pytest

from tasks.evaluation.feature_sets import compare_feature_sets, list_feature_sets, score_feature_sets
from tasks.modelling.families import ModelSpec
from tasks.modelling.training_set import TrainingSnapshot
from tasks.registry.model_card import describe_gain
from tasks.schemas.feature_store import SOURCES
from tasks.statistics.performance import measure_auc
from tests.applicants import QUICK, applicants, training_set
from tests.builders import clickstream_rows, month
from tests.policies import POLICY

RULE = POLICY.choice
COST = {"coverage": 0.9, "days_old": 3.0, "columns": 4}


def made(seed: int = 1, n: int = 2000) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels, PDs of ours, and of a source that knows better, knows nothing, and only repeats ours."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-2 * risk))).astype(float)
    ours = risk + rng.normal(0, 1.0, n)
    choices = {
        "ours": ours,
        "better alone": risk + rng.normal(0, 0.6, n),
        "ours + better": ours + 2 * risk,
        "ours + noise": ours + rng.normal(0, 1.0, n),
        "ours + echo": ours * 2,
    }
    return labels, choices


def judge(facts: dict[str, dict[str, float]]) -> dict[str, dict[str, object]]:
    labels, pds = made()
    return {record["features"]: record for record in compare_feature_sets(labels, pds, facts, RULE)}


def test_only_a_source_that_surely_adds_is_to_be_taken() -> None:
    told = judge(dict.fromkeys(("better", "noise", "echo"), COST))
    advice = {name: record["recommendation"] for name, record in told.items()}
    assert advice == {
        "ours": "",
        "better alone": "",
        "ours + better": "take",
        "ours + noise": "leave",
        "ours + echo": "leave",
    }
    assert told["ours + echo"]["gain"] == pytest.approx(0)
    assert told["ours + noise"]["gain_high"] < 0  # type: ignore[operator]


def test_a_source_that_knows_too_few_is_left_whatever_it_adds() -> None:
    few = {name: {**COST, "coverage": RULE.min_coverage - 0.01} for name in ("better", "noise", "echo")}
    assert judge(few)["ours + better"]["recommendation"] == "leave"


def test_a_choice_costs_what_its_sources_cost_together() -> None:
    facts = {"a": {**COST, "coverage": 0.8}, "b": {**COST, "days_old": 40.0, "columns": 2}}
    labels, pds = made()
    records = compare_feature_sets(
        labels, {"ours": pds["ours"], "ours + all": pds["ours + better"]}, facts, RULE
    )
    assert {key: records[1][key] for key in COST} == {"coverage": 0.8, "days_old": 40.0, "columns": 6}
    assert {key: records[0][key] for key in COST} == {"coverage": 1.0, "days_old": 0.0, "columns": 0}


def test_every_source_is_tried_alone_with_ours_and_with_all() -> None:
    assert list_feature_sets(["a", "b"]) == {
        "ours": tuple(SOURCES),
        "a alone": ("a",),
        "b alone": ("b",),
        "ours + a": (*SOURCES, "a"),
        "ours + b": (*SOURCES, "b"),
        "ours + all": (*SOURCES, "a", "b"),
    }
    assert list(list_feature_sets(["a"])) == ["ours", "a alone", "ours + a"]


def test_a_column_that_knows_the_risk_lifts_the_choices_that_read_it() -> None:
    taught, truth = training_set(), training_set(seed=2).targets
    new = knowing(applicants(seed=2), truth)
    targets = pl.DataFrame(
        {"target": taught.targets, "label": taught.targets, "surely_bad": False, "ripe": True}
    )
    loans = knowing(taught.features, taught.targets).hstack(targets)
    known = TrainingSnapshot(
        month(9), loans.sort("snapshot_date", "loan_id"), clickstream_rows("nobody", [1])
    )
    pds = score_feature_sets(ModelSpec("logistic", QUICK), known, new, ["bureau"], seed=0)
    auc = {name: measure_auc(truth, scores).value for name, scores in pds.items()}
    assert auc["ours + bureau"] > auc["ours"] + 0.02
    assert auc["bureau alone"] > 0.8


def knowing(frame: pl.DataFrame, targets: np.ndarray) -> pl.DataFrame:
    """The applications with what another team noted of the outcome, roughly."""
    noise = np.random.default_rng(3).normal(0, 0.7, len(targets))
    return frame.with_columns(pl.Series("bureau__score", targets + noise))


def test_a_gain_is_told_with_its_interval_and_without_a_negative_zero() -> None:
    assert (
        describe_gain({"gain": -0.00001, "gain_low": -0.0123, "gain_high": 0.5})
        == "+0.0000 (-0.0123 to +0.5000)"
    )
