"""What the report and the deck say of a month's figures."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tasks.reporting.findings import tell_figures, tell_state

NO_ACTIONS = pl.DataFrame(schema={"severity": pl.String, "due_date": pl.Date, "owner": pl.String})
AT = {"window": "cohorts 2024-04 to 2024-06", "n": 1500, "ci_low": 0.9, "ci_high": 1.1, "amber": 1.0}


def figures(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{**AT, "reference": 0.2, "subject": "score", **row} for row in rows])


def test_without_an_action_the_figures_that_are_outside_a_limit_are_named() -> None:
    within = figures({"metric": "psi", "status": "green"})
    assert tell_state(NO_ACTIONS, within)[1].endswith(
        "every figure that could be measured is within its limits."
    )
    off = figures(
        {"metric": "psi", "status": "amber"},
        {"metric": "fairness", "subject": "age_band under 25", "status": "amber"},
        {"metric": "auc", "status": "measured"},
    )
    colour, said = tell_state(NO_ACTIONS, off)
    assert colour == "green"
    assert "fairness of age_band under 25, psi of score are outside a limit" in said


def test_the_worst_action_colours_the_month() -> None:
    due = [("amber", "b"), ("red", "a"), ("red", "c")]
    actions = pl.DataFrame(
        [{"severity": s, "trigger": t, "due_date": date(2024, 7, 2), "owner": "Risk"} for s, t in due]
    )
    assert tell_state(actions, figures({"metric": "psi", "status": "red"})) == (
        "red",
        "2 red actions are due, the first by 2024-07-02 (Risk).",
    )


@pytest.mark.parametrize(("status", "named"), [("green", False), ("amber", True), ("red", True)])
def test_pds_that_hold_in_sum_but_not_singly_are_not_said_to_hold(status: str, named: bool) -> None:
    now = figures(
        {"metric": "calibration_in_the_large", "value": 1.01, "status": "green"},
        {"metric": "spiegelhalter_z", "value": 2.96, "status": status},
    )
    said = tell_figures(now, month="2024-12")["grades"][0]
    assert ("the single PDs miss beyond chance (Spiegelhalter's z +2.96" in said) == named


@pytest.mark.parametrize(("scored_by", "named"), [("new", ""), ("old new", ", scored by old and new,")])
def test_a_ranking_by_more_than_the_serving_model_names_them(scored_by: str, named: str) -> None:
    now = figures(
        {"metric": "psi", "value": 0.01, "status": "green", "model_id": "new"},
        {"metric": "pooled_auc", "value": 0.9, "status": "green", "model_id": scored_by},
    )
    said = tell_figures(now, month="2024-12")["auc"][0]
    assert said.startswith(f"On the cohorts 2024-04 to 2024-06{named} the AUC is 0.900")


def test_more_arrears_than_implied_within_chance_are_not_said_to_be_fewer() -> None:
    now = figures(
        {"metric": "early_arrears", "subject": "MOB 3", "value": 0.202, "reference": 0.197, "status": "green"}
    )
    said = tell_figures(now, month="2024-12")["arrears"][0]
    assert "20.2% of" in said
    assert "beyond chance no more than the 19.7%" in said
