"""A month's story: one cause is told once, with what follows from it and what is asked."""

from datetime import date

import polars as pl
import pytest

from tasks.reporting.facts import Facts, outside_since
from tasks.reporting.story import tell
from tasks.reporting.words import about, model_name, window_name
from tasks.schemas.catalog import TABLES
from tests.policies import POLICY
from tests.reporting.story_rows import DAY, MONTHS, action, facts, figure, money

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
        "from 4.6% to 11.9%; about 175,000 a month less profit, by forecast"
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
    (cause,) = tell(facts([lost, mix, other])).causes
    assert cause.cost.short == "what it costs is not known yet"


def test_without_a_lost_source_the_shifted_score_is_its_own_cause() -> None:
    (cause,) = tell(facts([figure("psi", "red"), figure("csi", "red", subject="fe_5")])).causes
    assert (cause.name, cause.severity) == ("score", "red")
    assert cause.cause == "Applicants have changed since June 2024 (clickstream)"
    assert cause.consequence.startswith("fe_5 moved")


@pytest.mark.parametrize(
    ("metric", "name", "proven"),
    [
        ("pooled_auc", "ranking", "Realised"),
        ("calibration_in_the_large", "calibration", "Realised"),
        ("fairness", "fairness", "Measured"),
        ("psi", "score", "Forecast"),
    ],
)
def test_realised_causes_are_told_apart_from_forecasts(metric: str, name: str, proven: str) -> None:
    (cause,) = tell(facts([figure(metric, "red")])).causes
    assert (cause.name, cause.proven.split(":")[0]) == (name, proven)


def test_a_figure_outside_a_limit_without_an_action_decides_nothing() -> None:
    story = tell(facts([figure("fairness", "amber")]))
    assert story.colour == "green"
    assert "no decision is due" in story.headline.lower()
    assert story.causes[0].ask == ""


GRADES = [
    figure("grade_bad_rate", "green", subject=name, n=n, value=bad, reference=pd, window="cohorts 2023-12")
    for name, n, bad, pd in (("A", 300, 0.02, 0.01), ("B", 100, 0.30, 0.25))
]


def test_calibration_is_told_as_the_defaults_observed_and_those_predicted() -> None:
    """9% of 400 loans (6 and 30) against 7% (3 and 25), or the grade that missed."""
    large = figure("calibration_in_the_large", "amber", value=1.29, window="cohorts 2023-12")
    (cause,) = tell(facts([large, *GRADES])).causes
    assert cause.cause == (
        "9.0% of all loans of December 2023, of any PD, defaulted, 7.0% were predicted (1.29 times as many)"
    )
    assert cause.consequence.startswith("the PDs are too low")
    (cause,) = tell(facts([{**GRADES[0], "status": "amber"}, GRADES[1]])).causes
    assert cause.cause == "Grade A: 2.0% of its 300 loans of December 2023 defaulted, 1.0% were predicted"
    assert "of all grades together" in cause.consequence


def fairness(months: int, status: str = "amber") -> list[dict[str, object]]:
    days = [date(2024, month, 1) for month in range(7 - months, 7)]
    return [figure("fairness", status, day=day, subject="age_band under 25", value=0.86) for day in days]


def test_a_group_below_its_limit_says_for_how_long_and_when_an_order_follows() -> None:
    waits = {trigger.name: trigger for trigger in POLICY.trigger}["fairness_amber"]
    (cause,) = tell(facts(fairness(2))).causes
    assert "has been below the limit of 0.90 for 2 months in a row, since May 2024" in cause.consequence
    assert cause.watch is not None
    assert cause.watch.words == (
        f"an order to {waits.owner} follows once it is amber {waits.months} months in a row; this is month 2"
    )
    (asked,) = tell(facts(fairness(waits.months), [action("fairness_amber", "amber")])).causes
    assert asked.watch is None
    assert f"for {waits.months} months in a row" in asked.consequence


def test_of_several_groups_the_one_approved_least_often_is_named_first() -> None:
    groups = [
        figure("fairness", "amber", subject=f"age_band {name}", value=value)
        for name, value in (("25 to 34", 0.87), ("under 25", 0.79))
    ]
    (cause,) = tell(facts(groups)).causes
    assert cause.cause.startswith("Age band under 25 is approved 0.79 times")
    assert "as is age band 25 to 34" in cause.consequence


def test_what_is_amber_while_orders_wait_for_red_says_so() -> None:
    arrears = figure("early_arrears", "amber", value=0.3, reference=0.2, window="cohort 2024-03")
    (cause,) = tell(facts([arrears])).causes
    assert cause.watch is not None
    assert cause.watch.words.endswith("follows once it is red 2 months in a row; it is amber now")
    alone = figure("calibration_slope", "amber", window="cohorts 2023-12")
    (cause,) = tell(facts([alone])).causes
    assert cause.watch is not None
    assert "no order of the policy follows" in cause.watch.words


def test_the_worst_cause_is_told_first() -> None:
    figures = [figure("fairness", "amber"), figure("pooled_auc", "red")]
    assert [cause.name for cause in tell(facts(figures)).causes] == ["ranking", "fairness"]


def test_a_month_is_as_urgent_as_what_is_asked_and_its_title_tells_of_the_most_urgent() -> None:
    figures = [figure("psi", "red"), figure("pooled_auc", "amber")]
    mild, severe = action("score_drifts", "amber"), action("ranking_red", "red")
    assert tell(facts(figures, [mild])).colour == "amber"
    story = tell(facts(figures, [mild, severe]))
    assert (story.colour, story.causes[0].name) == ("red", "score")
    assert "of 100 pairs" in story.headline


def test_a_run_of_red_months_ends_at_a_green_one() -> None:
    rows = [*LOST, figure("coverage", "green", day=date(2024, 3, 1), subject="clickstream")]
    past = pl.DataFrame(
        [*rows, {**LOST[0], "snapshot_date": date(2024, 2, 1)}], schema=TABLES["gold.monitoring"].columns
    )
    assert outside_since(LOST[-1], past) == date(2024, 4, 1)


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
        (cause,) = tell(Facts(DAY, seen.past, rows, seen.economics, POLICY, seen.scored)).causes
        assert cause.ask == ""


def test_what_is_still_asked_in_a_month_that_measures_nothing_is_not_passed_over() -> None:
    paused = figure("psi", "no applications", value=None)
    story = tell(facts([paused], [action("score_shifted", opened=date(2024, 4, 1))]))
    assert story.colour == "red"
    assert story.headline.startswith(
        "What was asked about stability (applicants unlike those of training) in April"
    )
    assert "no decision on the model is due" in tell(facts([paused])).headline


def test_nobody_has_applied_since_the_first_month_of_the_pause() -> None:
    rows = [figure("psi", "no applications", day=day) for day in MONTHS[1:]]
    before = figure("psi", "green", day=MONTHS[0])
    story = tell(facts([before, *rows]))
    assert story.headline.startswith("Nobody has applied from May 2024 on")
    assert story.headline.endswith("Credit risk confirms by 1 July 2024 that lending has ended")
    beside = tell(facts([before, *rows, figure("fairness", "amber")]))
    assert beside.headline == story.headline
