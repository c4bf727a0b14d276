"""From month to month an action is opened, goes on, is escalated, and ends: by figures, deeds or a person."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest

from tasks.governance.policy import Policy
from tasks.governance.policy_trigger import Trigger
from tasks.monitoring.action_life import ACTIONS, Event, apply_decisions
from tasks.monitoring.measurement import Measurement, measurement, to_rows
from tasks.monitoring.month_actions import Past, decide_actions
from tests.builders import month
from tests.policies import POLICY, at_once

PROMPT = at_once("ranking_red")
CLOSE = {"what": "close", "by": "Ann Lee", "reason": "we accept the cost"}


def of(metric: str, status: str, subject: str = "score", value: float | None = 0.4) -> Measurement:
    return measurement(metric, subject, 500, value, limits=(0.1, 0.25), status=status)


def covers(status: str, source: str = "clickstream") -> Measurement:
    return of("coverage", status, source, 0.0 if status == "red" else 1.0)


def live(
    figures: Sequence[Sequence[Measurement]],
    *,
    events: Sequence[Event] = (),
    decisions: Mapping[int, Sequence[Mapping[str, str]]] | None = None,
    champion: str = "m",
    policy: Policy = PROMPT,
) -> list[pl.DataFrame]:
    """The actions of each month, the first being month 0, each going on from the one before."""
    measured = [
        to_rows(list(one), as_of=month(at), window=f"month {at}", model_id="m")
        for at, one in enumerate(figures)
    ]
    past, months = ACTIONS.empty, list[pl.DataFrame]()
    for at, now in enumerate(measured):
        earlier = [measured[at - back] if at >= back else now.clear() for back in (1, 2, 3, 4, 5)]
        known = [event for event in events if event.day <= month(at)]
        rows = decide_actions(
            now, earlier, as_of=month(at), policy=policy, digest="d", past=Past(past, known, champion)
        )
        months.append(rows)
        past = apply_decisions(rows, (decisions or {}).get(at, ()))
    return months


def with_trigger(metric: str) -> Policy:
    """The adopted policy, with a trigger more that waits for a metric to be red."""
    fields = {"name": f"{metric}_red", "metric": metric, "severity": "red", "action": "Ask.", "owner": "We"}
    trigger = Trigger.model_validate({**fields, "due": "1 working day"})
    return POLICY.model_copy(update={"trigger": (*POLICY.trigger, trigger)})


def row_of(trigger: str, rows: pl.DataFrame) -> dict[str, Any]:
    return rows.filter(trigger=trigger).row(0, named=True)


def states(trigger: str, months: Sequence[pl.DataFrame]) -> list[str | None]:
    found = [rows.filter(trigger=trigger)["state"].to_list() for rows in months]
    return [one[0] if one else None for one in found]


def test_an_action_is_opened_goes_on_is_escalated_and_closed_by_its_figures() -> None:
    red, green = [of("pooled_auc", "red")], [of("pooled_auc", "green")]
    months = live([red, red, red, red, green, green, red])
    assert states("ranking_red", months) == [
        "opened",
        "continuing",
        "escalated",
        "escalated",
        "closed",
        None,
        "opened",
    ]
    third, closed = row_of("ranking_red", months[2]), row_of("ranking_red", months[4])
    assert (third["opened"], third["months"], third["due_date"]) == (month(0), 3, date(2023, 1, 9))
    assert third["escalated_by"] == "policy"
    assert (closed["closed_by"], closed["closed_why"]) == ("figures", "green again in 2023-05")


def test_an_action_whose_figures_are_amber_still_stands_and_is_red_no_more() -> None:
    months = live([[of("pooled_auc", status)] for status in ("red", "amber", "green")])
    assert states("ranking_red", months) == ["opened", "continuing", "closed"]
    assert row_of("ranking_red", months[1])["severity"] == "amber"
    assert states("ranking_amber", months) == [None, None, None]  # one cause, one action


def test_a_month_without_figures_closes_nothing() -> None:
    silent = [measurement("psi", "score", 0, None, status="no applications")]
    months = live([[covers("red")], silent, [covers("red")], [covers("green")]])
    assert states("source_missing", months) == ["opened", "continuing", "escalated", "closed"]


def test_a_person_closes_an_action_until_its_figures_were_green() -> None:
    red, green = [of("pooled_auc", "red")], [of("pooled_auc", "green")]
    closed = {0: [{**CLOSE, "trigger": "ranking_red"}]}
    months = live([red, red, red, red, green, red], decisions=closed)
    assert states("ranking_red", months) == ["opened", "closed", "closed", "closed", None, "opened"]
    assert row_of("ranking_red", months[2])["closed_by"] == "Ann Lee"
    assert row_of("ranking_red", months[2])["closed_why"] == "we accept the cost"


def test_what_a_person_closed_for_one_source_is_opened_for_another() -> None:
    closed = {0: [{**CLOSE, "trigger": "source_missing"}]}
    one, both = [covers("red")], [covers("red"), covers("red", "financials")]
    assert states("source_missing", live([one, one, both], decisions=closed)) == [
        "opened",
        "closed",
        "opened",
    ]


def test_a_person_escalates_an_action() -> None:
    red = [of("pooled_auc", "red")]
    sooner = {0: [{**CLOSE, "what": "escalate", "trigger": "ranking_red"}]}
    months = live([red, red], decisions=sooner)
    assert states("ranking_red", months) == ["opened", "escalated"]
    assert row_of("ranking_red", months[1])["escalated_by"] == "Ann Lee: we accept the cost"


def test_a_training_carries_out_the_order_to_train_and_nothing_before_it_does() -> None:
    red = [of("psi", "red")]
    trained = [Event("training", month(at), "pipeline", f"model-{at} was trained") for at in (0, 2)]
    months = live([red, red, red, red], events=trained)
    assert states("score_shifted", months) == ["opened", "continuing", "done", "done"]
    assert row_of("score_shifted", months[3])["closed_why"] == "model-2 was trained"


def test_cohorts_for_which_the_day_trained_are_reported_as_done() -> None:
    due = [of("cohorts_since_training", "due", "labels")]
    trained = [Event("training", month(0), "pipeline", "model-0 was trained")]
    assert states("cohorts_ripe", live([due], events=trained)) == ["done"]
    assert states("cohorts_ripe", live([due, due, due, due])) == ["opened", *["continuing"] * 3]


def test_a_source_that_is_missing_is_gone_after_three_months_and_has_one_action() -> None:
    months = live([[covers("red")]] * 5)
    assert states("source_missing", months) == ["opened", "continuing", "closed", None, None]
    assert states("source_gone", months) == [None, None, "opened", "continuing", "escalated"]
    assert row_of("source_missing", months[2])["closed_why"] == "source_gone takes its place"
    gone = row_of("source_gone", months[2])
    assert gone["command"] == ("vintage sources retire clickstream --from 2023-04-01 --by NAME --reason TEXT")
    assert (gone["path"], gone["subjects"], gone["model_id"]) == ("clickstream", "clickstream", "m")


def test_a_source_that_is_another_one_each_month_is_not_gone() -> None:
    months = live([[covers("red", source)] for source in ("clickstream", "financials", "clickstream")])
    assert states("source_gone", months) == [None, None, None]


def test_retiring_a_source_that_is_gone_carries_the_order_out() -> None:
    retired = Event("retirement", month(3), "Ann Lee", "clickstream is retired", source="clickstream")
    other = Event("retirement", month(2), "Bo Li", "financials is retired", source="financials")
    months = live([*[[covers("red")]] * 3, [covers("retired")], [covers("retired")]], events=[other, retired])
    assert states("source_gone", months) == [None, None, "opened", "done", None]
    assert row_of("source_gone", months[3])["closed_by"] == "Ann Lee"


def test_what_a_red_source_explains_is_told_with_it_and_has_no_action_of_its_own() -> None:
    mix = of("path_mix", "red", "without clickstream")
    (rows,) = live([[mix, covers("red")]], policy=with_trigger("path_mix"))
    assert set(rows["trigger"]) == {"source_missing"}
    assert "without clickstream" in row_of("source_missing", rows)["explains"]
    (rows,) = live([[mix, covers("green")]], policy=with_trigger("path_mix"))
    assert set(rows["trigger"]) == {"path_mix_red"}


def test_what_a_source_costs_is_decided_by_its_own_owner_and_follows_from_the_cause() -> None:
    costs = of("expected_bad_rate_approved", "red", "approved without clickstream")
    months = live([[costs, covers("red")], [costs, covers("retired")]])
    assert {*months[0]["trigger"]} == {"source_missing", "path_cost_red"}
    for rows in months:
        got = row_of("path_cost_red", rows)
        assert (got["explained_by"], got["path"]) == ("source_missing", "clickstream")
    assert row_of("source_missing", months[0])["explained_by"] is None


def test_setting_the_cutoff_carries_out_the_order_on_what_a_source_costs() -> None:
    costs = [of("expected_bad_rate_approved", "red", "approved")]
    cut = Event("cut-off", month(1), "Credit risk", "the cut-off is 0.2 from 2023-02-01")
    assert states("path_cost_red", live([costs] * 3, events=[cut])) == ["opened", "done", "done"]


def test_an_action_about_a_model_that_serves_no_more_says_so() -> None:
    (rows,) = live([[of("pooled_auc", "red")]], champion="younger")
    assert row_of("ranking_red", rows)["evidence"].endswith("; of m, which serves no more")


def test_rows_of_older_code_are_open() -> None:
    (before,) = live([[of("pooled_auc", "red")]])
    life = ("state", "opened", "months", "subjects", "closed_by")
    older = before.with_columns(pl.lit(None, before.schema[name]).alias(name) for name in life)
    figures = to_rows([of("pooled_auc", "red")], as_of=month(1), window="month", model_id="m")
    rows = decide_actions(
        figures, [], as_of=month(1), policy=PROMPT, digest="d", past=Past(apply_decisions(older, []))
    )
    got = row_of("ranking_red", rows)
    assert (got["state"], got["opened"], got["months"]) == ("continuing", month(0), 2)


@pytest.mark.parametrize("n", [1, 4])
def test_the_same_months_give_the_same_rows_in_whatever_order_figures_come(n: int) -> None:
    figures = [[covers("red"), of("psi", "red"), of("early_arrears", "amber", "MOB 3")]] * n
    turned = [list(reversed(one)) for one in figures]
    assert live(figures)[-1].equals(live(turned)[-1])
