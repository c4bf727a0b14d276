"""A month's story: one cause is told once, with what follows from it and what is asked."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tasks.reporting.facts import Facts
from tasks.reporting.story import red_since, tell
from tasks.reporting.words import about, model_name, window_name
from tasks.schemas.catalog import TABLES
from tests.policies import POLICY

DAY = date(2024, 6, 1)
MONTHS = [date(2024, month, 1) for month in (4, 5, 6)]


def figure(
    metric: str, status: str, *, day: date = DAY, subject: str = "score", **cells: Any
) -> dict[str, Any]:
    row = {
        "snapshot_date": day,
        "metric": metric,
        "subject": subject,
        "window": f"month {day:%Y-%m}",
        "n": 500,
    }
    known = {"value": 0.5, "reference": 0.6, "amber": 0.9, "red": 0.8, "model_id": "2024-03-01-4b6745be"}
    return {**dict.fromkeys(TABLES["gold.monitoring"].columns), **row, **known, "status": status, **cells}


def action(trigger: str, severity: str = "red", **cells: Any) -> dict[str, Any]:
    told = {"action": "Decide.", "owner": "Model risk", "due_date": date(2024, 6, 24), "evidence": "-"}
    own = {"snapshot_date": DAY, "trigger": trigger, "severity": severity, **told, **cells}
    return {**dict.fromkeys(TABLES["gold.actions"].columns), **own}


def money(name: str, value: float, reference: float | None = None) -> dict[str, Any]:
    row = {
        "snapshot_date": DAY,
        "figure": name,
        "basis": "expected",
        "window": "month 2024-06",
        "path": "all",
    }
    known = {"cutoff": POLICY.cutoff_pd, "n": 500, "amount": 1.0, "status": "measured", "model_id": "m"}
    return {
        **dict.fromkeys(TABLES["gold.economics"].columns),
        **row,
        **known,
        "value": value,
        "reference": reference,
    }


def facts(figures: list[Any], actions: list[Any] | None = None, moneys: list[Any] | None = None) -> Facts:
    rows = (("gold.monitoring", figures), ("gold.actions", actions or []), ("gold.economics", moneys or []))
    past, due, earned = (pl.DataFrame(given, schema=TABLES[name].columns) for name, given in rows)
    return Facts(DAY, past, due, earned, POLICY)


LOST = [figure("coverage", "red", day=day, subject="clickstream", value=0.0) for day in MONTHS]


def test_a_quiet_month_says_so_in_one_line() -> None:
    story = tell(facts([figure("psi", "green")]))
    assert (story.colour, story.causes) == ("green", ())
    assert "June 2024 was a quiet month" in story.headline


def test_a_lost_source_is_told_with_its_beginning_its_cost_and_who_decides() -> None:
    moneys = [money("bad_rate_approved", 0.119, 0.046), money("path_cost", 175_432.0)]
    story = tell(facts(LOST, [action("source_missing")], moneys))
    assert story.headline == (
        "Clickstream has covered no applicants since April 2024: expected bad rate among approved up "
        "from 4.6% to "
        "11.9%, about 175,000 a month"
    )
    assert story.causes[0].ask == "Model risk, by 24 June 2024: Decide."
    assert story.causes[0].proven.startswith("Forecast")


def test_what_a_lost_source_explains_is_under_it_and_no_cause_of_its_own() -> None:
    symptoms = [figure("psi", "red", value=1.3), figure("csi", "amber", subject="fe_1")]
    (cause,) = tell(facts([*LOST, *symptoms])).causes
    assert cause.name == "source"
    assert "PSI of the score" in cause.explains


def test_a_shifted_score_says_how_many_are_approved_against_training() -> None:
    figures = [figure("psi", "red"), figure("approval_rate", "measured", value=0.465, reference=0.625)]
    (cause,) = tell(facts(figures, moneys=[money("bad_rate_approved", 0.058)])).causes
    said = "46.5% are approved, 62.5% at training; expected bad rate among approved is 5.8%"
    assert cause.consequence == said


def test_a_source_that_stopped_costs_nothing_while_all_are_scored_by_the_complete_model() -> None:
    mix = figure("path_mix", "green", subject="with all sources", value=1.0)
    lost = figure("coverage", "red", subject="clickstream", value=0.0)
    assert "by the complete model" in tell(facts([lost, mix])).causes[0].consequence
    other = figure("path_mix", "green", subject="without clickstream", value=0.5)
    assert tell(facts([lost, mix, other])).causes[0].consequence == "what it costs is not known yet"


def test_without_a_lost_source_the_shifted_score_is_its_own_cause() -> None:
    (cause,) = tell(facts([figure("psi", "red"), figure("csi", "red", subject="fe_5")])).causes
    assert (cause.name, cause.severity) == ("score", "red")
    assert cause.cause.startswith("Feature fe_5 moved away")


@pytest.mark.parametrize(
    ("metric", "name"),
    [("pooled_auc", "ranking"), ("calibration_in_the_large", "calibration"), ("fairness", "fairness")],
)
def test_realised_causes_are_told_apart_from_forecasts(metric: str, name: str) -> None:
    (cause,) = tell(facts([figure(metric, "red")])).causes
    assert (cause.name, cause.proven) == (name, "Realised")


def test_a_figure_outside_a_limit_without_an_action_decides_nothing() -> None:
    story = tell(facts([figure("fairness", "amber")]))
    assert story.colour == "green"
    assert "no decision is due" in story.headline.lower()
    assert story.causes[0].ask == ""


def test_the_worst_cause_is_told_first() -> None:
    figures = [figure("fairness", "amber"), figure("pooled_auc", "red")]
    assert [cause.name for cause in tell(facts(figures)).causes] == ["ranking", "fairness"]


def test_a_run_of_red_months_ends_at_a_green_one() -> None:
    rows = [*LOST, figure("coverage", "green", day=date(2024, 3, 1), subject="clickstream")]
    past = pl.DataFrame(
        [*rows, {**LOST[0], "snapshot_date": date(2024, 2, 1)}], schema=TABLES["gold.monitoring"].columns
    )
    assert red_since(LOST[-1], past) == date(2024, 4, 1)


def test_a_month_that_was_not_monitored_is_not_called_quiet() -> None:
    assert "was not monitored" in tell(facts([])).headline


def test_months_models_and_amounts_are_written_as_people_write_them() -> None:
    assert window_name("cohorts 2023-10 to 2023-12") == "October to December 2023"
    assert window_name("cohorts 2023-12 to 2024-02") == "December 2023 to February 2024"
    assert model_name("2024-03-01-4b6745be 2024-06-01-aa1eac21") == "March 2024 model and June 2024 model"
    assert [about(value) for value in (175_432.0, -1_234.0, 92.4)] == ["175,000", "-1,230", "92"]


def test_an_action_that_is_done_or_closed_asks_for_nothing() -> None:
    ranking = figure("pooled_auc", "red")
    for state in ("done", "closed"):
        rows = pl.DataFrame([{**action("ranking_red"), "state": state}])
        seen = facts([ranking])
        (cause,) = tell(Facts(DAY, seen.past, rows, seen.economics, POLICY)).causes
        assert cause.ask == ""


def test_an_action_past_its_first_due_date_is_said_to_be_overdue() -> None:
    late = action("ranking_red", due_date=date(2024, 4, 29))
    (cause,) = tell(facts([figure("pooled_auc", "red")], [late])).causes
    assert cause.ask == "Model risk, overdue since 29 April 2024: Decide."
