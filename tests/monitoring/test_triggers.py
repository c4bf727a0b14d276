from datetime import date
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from tasks.governance.policy import Policy
from tasks.governance.policy_trigger import BUILT_IN, Trigger
from tasks.monitoring.action_life import due_date
from tasks.monitoring.measurement import Measurement, measurement, to_rows
from tasks.monitoring.month_actions import decide_actions
from tasks.monitoring.triggers import (
    CONDITIONS,
    WAITS_FOR,
    WORDS,
    describe_evidence,
    describe_trigger,
)
from tests.policies import ADOPTED, POLICY, at_once

DAY = date(2024, 5, 1)  # a Wednesday


def rows(*figures: Measurement) -> pl.DataFrame:
    return to_rows(list(figures), as_of=DAY, window="month 2024-05", model_id="m")


def fired(now: pl.DataFrame, *before: pl.DataFrame, policy: Policy = POLICY) -> set[str]:
    """The triggers of a month; `before` are the months before it, the newest first, and others were quiet."""
    past = [*before, *[rows()] * (5 - len(before))]
    return set(decide_actions(now, past, as_of=DAY, policy=policy, digest=ADOPTED.digest)["trigger"])


def of(metric: str, status: str, subject: str = "score") -> Measurement:
    return measurement(metric, subject, 500, 0.4, limits=(0.1, 0.25), status=status)


@pytest.mark.parametrize(
    ("found", "trigger"),
    [
        (of("psi", "red"), "score_shifted"),
        (of("quarantined", "amber", "loans"), "rows_set_aside_amber"),
        (of("quarantined", "red", "loans"), "rows_set_aside_red"),
        (of("coverage", "red", "clickstream"), "source_missing"),
        (of("coverage", "red", "scoring"), "model_unusable"),
        (of("artefact", "red", "model"), "model_unusable"),
        (of("drifting_features", "amber", "features"), "score_drifts"),
        (of("pooled_auc", "amber"), "ranking_amber"),
        (of("pooled_auc", "red"), "ranking_amber"),
        (of("cohorts_since_training", "due", "labels"), "cohorts_ripe"),
        (of("expected_bad_rate_approved", "red"), "path_cost_red"),
        (of("expected_bad_rate_approved", "red", "score without clickstream"), "path_cost_red"),
        (of("psi", "red", "score without clickstream"), "score_shifted"),
    ],
)
def test_a_figure_pulls_its_trigger_and_no_other(found: Measurement, trigger: str) -> None:
    assert fired(rows(found)) == {trigger}


def test_a_figure_without_a_value_is_told_by_its_status() -> None:
    silent = rows(measurement("psi", "score without clickstream", 100, None, status="no reference"))
    assert describe_evidence(silent) == "PSI of the score without clickstream: no reference (month 2024-05)"


def test_green_figures_and_figures_without_data_call_for_nothing() -> None:
    assert fired(rows(of("psi", "green"), of("pooled_auc", "not ripe"), of("auc", "measured"))) == set()


def test_an_amber_score_psi_counts_when_it_is_seen_twice() -> None:
    amber = rows(of("psi", "amber"))
    assert fired(amber) == set()
    assert fired(amber, amber) == {"score_drifts"}


@pytest.mark.parametrize(
    ("metric", "trigger", "before"),
    [
        ("early_arrears", "arrears_red", "amber"),
        ("fairness", "fairness_red", "red"),
    ],
)
def test_what_is_tested_every_month_must_show_twice(metric: str, trigger: str, before: str) -> None:
    red = rows(of(metric, "red"))
    assert fired(red) == fired(red, rows(of(metric, "green"))) == set()
    assert fired(red, rows(of(metric, before))) == {trigger}


def test_a_ranking_must_be_red_in_two_months_and_is_investigated_from_the_first() -> None:
    red, amber, other = (
        rows(of("pooled_auc", status, subject))
        for status, subject in (("red", "score"), ("amber", "score"), ("red", "score without clickstream"))
    )
    assert fired(red, red) == {"ranking_red"}
    assert fired(red) == fired(red, amber) == fired(red, other) == {"ranking_amber"}


@pytest.mark.parametrize("before", ["amber", "red"])
def test_calibration_must_show_until_the_pool_shares_no_loan_with_the_first(before: str) -> None:
    red, outside, green = (rows(of("spiegelhalter_z", status)) for status in ("red", before, "green"))
    pooled = POLICY.ranking.cohorts
    assert fired(red, *[outside] * pooled) == {"calibration_red"}
    assert fired(red, *[outside] * (pooled - 1)) == set()
    assert fired(red, *[outside] * (pooled - 1), green) == set()


def test_a_policy_that_was_adopted_earlier_acts_on_a_ranking_that_is_red_once() -> None:
    red = rows(of("pooled_auc", "red"), of("pooled_auc", "amber", "score without clickstream"))
    assert fired(red, policy=at_once("ranking_red")) == {"ranking_red", "ranking_amber"}
    assert fired(rows(of("pooled_auc", "red")), policy=at_once("ranking_red")) == {"ranking_red"}


def test_another_group_in_the_month_before_is_not_the_same_group_twice() -> None:
    red, other = (rows(of("fairness", "red", group)) for group in ("occupation Lawyer", "age_band under 25"))
    assert fired(red, other) == set()
    assert fired(pl.concat([red, other]), other) == {"fairness_red"}


@pytest.mark.parametrize(("n", "found"), [(5, {"fairness_amber"}), (4, set())])
def test_a_group_that_is_amber_for_half_a_year_is_looked_at(n: int, found: set[str]) -> None:
    amber, red, other = (
        rows(of("fairness", status, group))
        for status, group in (("amber", "a"), ("red", "a"), ("amber", "b"))
    )
    months = [red, *[amber] * (n - 1), *[other] * 5]
    actions = decide_actions(amber, months, as_of=DAY, policy=POLICY, digest="")
    assert set(actions["trigger"]) == found
    assert "fairness_amber" not in decide_actions(red, months, as_of=DAY, policy=POLICY, digest="")["trigger"]


def test_where_the_ranking_fell_recalibrating_is_not_the_fix() -> None:
    both = rows(of("pooled_auc", "red"), of("calibration_in_the_large", "red"))
    assert fired(both, both, both) == {"ranking_red"}
    assert fired(both) == {"ranking_amber"}


def test_the_same_figures_give_the_same_actions_with_evidence_and_digest() -> None:
    now = rows(of("psi", "red"), of("early_arrears", "red", "MOB 3"))
    shuffled = now.sample(fraction=1.0, shuffle=True, seed=3)
    one, other = (
        decide_actions(figures, [rows()], as_of=DAY, policy=POLICY, digest=ADOPTED.digest)
        for figures in (now, shuffled)
    )
    assert one.equals(other)
    assert set(one["policy"]) == {ADOPTED.digest}
    assert (
        "PSI of the score 0.400 [amber 0.100, red 0.250] (n = 500, month 2024-05)"
        in one["evidence"].to_list()
    )


@pytest.mark.parametrize(
    ("due", "day"),
    [("1 working day", date(2024, 5, 2)), ("5 working days", date(2024, 5, 8)), ("4 hours", DAY)],
)
def test_due_dates_count_working_days(due: str, day: date) -> None:
    assert due_date(DAY, due) == day


def test_hours_that_fall_on_a_weekend_end_on_monday() -> None:
    assert due_date(date(2024, 6, 1), "4 hours") == date(2024, 6, 3)


def test_every_trigger_of_the_policy_has_a_condition_and_words() -> None:
    names = {trigger.name for trigger in POLICY.trigger if not trigger.metric}
    assert names == set(CONDITIONS) == set(WORDS) == set(WAITS_FOR) == set(BUILT_IN)


def a_trigger(**changes: Any) -> Policy:
    """The adopted policy with one trigger more, which waits for the CSI."""
    usual = {"name": "csi_red", "metric": "csi", "severity": "red", "action": "Ask.", "owner": "We"}
    trigger = Trigger.model_validate({**usual, "due": "1 working day", **changes})
    return POLICY.model_copy(update={"trigger": (*POLICY.trigger, trigger)})


def test_a_trigger_that_names_a_metric_needs_no_code() -> None:
    policy, red = a_trigger(), rows(of("csi", "red", "age"))
    actions = decide_actions(red, [rows()], as_of=DAY, policy=policy, digest="")
    assert actions.select("trigger", "severity", "evidence").row(0) == (
        "csi_red",
        "red",
        "CSI of age 0.400 [amber 0.100, red 0.250] (n = 500, month 2024-05)",
    )
    assert describe_trigger(policy.trigger[-1], policy).startswith(
        f"the CSI is at least {POLICY.stability.red} and beyond"
    )


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (1, "change."),
        (2, "change, and it was amber or red in the month before."),
        (4, "change, and it was amber or red in each of the 3 months before."),
    ],
)
def test_how_often_a_trigger_must_see_it_is_said(months: int, words: str) -> None:
    policy = a_trigger(months=months)
    assert describe_trigger(policy.trigger[-1], policy).endswith(f"shows without any {words}")


def test_a_trigger_that_could_never_fire_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="its severity must be amber or red"):
        a_trigger(severity="info")


@pytest.mark.parametrize(("months", "fires"), [(1, True), (2, True), (3, False), (4, False)])
def test_a_trigger_waits_for_as_many_months_in_a_row_as_it_says(months: int, fires: bool) -> None:
    red, amber, green = (rows(of("csi", status, "age")) for status in ("red", "amber", "green"))
    actions = decide_actions(
        red, [amber, green], as_of=DAY, policy=a_trigger(months=months), digest=ADOPTED.digest
    )
    assert (actions.height == 1) == fires
