"""What the report and the deck say of a month's figures."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tasks.reporting.findings import Month, describe_figures, describe_metric, describe_state
from tasks.schemas.catalog import TABLES
from tasks.schemas.monitoring import METRICS
from tests.policies import POLICY

NO_ACTIONS = TABLES["gold.actions"].empty
AT = {"window": "cohorts 2024-04 to 2024-06", "n": 1500, "ci_low": 0.9, "ci_high": 1.1, "amber": 1.0}


def figures(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{**AT, "reference": 0.2, "subject": "score", **row} for row in rows])


def test_without_an_action_the_figures_that_are_outside_a_limit_are_named() -> None:
    within = figures({"metric": "psi", "status": "green"})
    assert describe_state(NO_ACTIONS, within)[1].endswith(
        "every figure that could be measured is within its limits."
    )
    off = figures(
        {"metric": "psi", "status": "amber"},
        {"metric": "fairness", "subject": "age_band under 25", "status": "amber"},
        {"metric": "auc", "status": "measured"},
    )
    colour, said = describe_state(NO_ACTIONS, off)
    assert colour == "green"
    assert "adverse impact ratio of age_band under 25, PSI of the score are outside a limit" in said


def test_the_worst_action_colours_the_month() -> None:
    due = [
        ("amber", "b", "opened"),
        ("red", "a", "opened"),
        ("red", "c", "continuing"),
        ("red", "d", "closed"),
    ]
    common = {"due_date": date(2024, 7, 2), "owner": "Risk"}
    rows = [{"severity": s, "trigger": t, "state": state, **common} for s, t, state in due]
    actions = pl.DataFrame(rows, schema_overrides=dict(TABLES["gold.actions"].columns))
    assert describe_state(actions, figures({"metric": "psi", "status": "red"})) == (
        "red",
        "2 red actions are due, 1 of them new, the first by 2024-07-02 (Risk).",
    )


@pytest.mark.parametrize(("status", "named"), [("green", False), ("amber", True), ("red", True)])
def test_pds_that_hold_in_sum_but_not_singly_are_not_said_to_hold(status: str, named: bool) -> None:
    now = figures(
        {"metric": "calibration_in_the_large", "value": 1.01, "status": "green"},
        {"metric": "spiegelhalter_z", "value": 2.96, "status": status},
    )
    said = describe_figures(now, month="2024-12", policy=POLICY)["calibration_in_the_large"][0]
    assert ("individual PDs are significantly off (Spiegelhalter's z +2.96" in said) == named


@pytest.mark.parametrize(("scored_by", "named"), [("new", ""), ("old new", ", scored by old and new,")])
def test_a_ranking_by_more_than_the_serving_model_names_them(scored_by: str, named: str) -> None:
    now = figures(
        {"metric": "psi", "value": 0.01, "status": "green", "model_id": "new"},
        {"metric": "pooled_auc", "value": 0.9, "status": "green", "model_id": scored_by},
    )
    said = describe_figures(now, month="2024-12", policy=POLICY)["pooled_auc"][0]
    assert said.startswith(f"On the cohorts 2024-04 to 2024-06{named} the AUC is 0.900")


def test_more_arrears_than_implied_within_chance_are_not_said_to_be_fewer() -> None:
    now = figures(
        {"metric": "early_arrears", "subject": "MOB 3", "value": 0.202, "reference": 0.197, "status": "green"}
    )
    said = describe_figures(now, month="2024-12", policy=POLICY)["early_arrears"][0]
    assert "20.2% of" in said
    assert "not significantly more than the 19.7%" in said


def test_a_metric_without_words_of_its_own_has_a_finding_and_a_reason_to_escalate() -> None:
    row = {"metric": "quarantined", "subject": "loans", "value": 0.03, "status": "amber", "n": 500}
    now = figures(
        {**row, "reference": None, "ci_low": None, "amber": 0.02, "red": 0.1, "window": "month 2024-12"}
    )
    found = describe_metric(METRICS["quarantined"], Month(now, "2024-12", POLICY))
    assert found == (
        "For the month 2024-12 the share of rows in quarantine is 3.0% (n = 500): amber (limits: amber 2.0%, "
        "red 10.0%)."
    )


def test_every_section_of_the_report_says_when_to_escalate_by_the_policy() -> None:
    coverage = POLICY.coverage.model_copy(update={"amber": 0.876})
    policy = POLICY.model_copy(update={"coverage": coverage})
    said = describe_figures(
        figures({"metric": "auc", "value": 0.9, "status": "measured"}), month="2024-12", policy=policy
    )
    assert set(said) == {spec.name for spec in METRICS.values() if spec.section}
    assert all(escalate.startswith("Escalate if ") for _, escalate in said.values())
    assert "below 87.6%" in said["coverage"][1]


def test_a_month_without_applications_says_nothing_of_coverage() -> None:
    none = figures({"metric": "coverage", "subject": "scoring", "value": None, "status": "no applications"})
    said = describe_figures(none, month="2024-12", policy=POLICY)["coverage"][0]
    assert said == "Coverage of the sources cannot be measured yet (no applications)."
