"""What a cause costs in money a month, who is asked for what by when, and what the figures speak for."""

from datetime import date
from typing import Any

import pytest

from tasks.months import month_range
from tasks.reporting.asks import asks_of, recommended_cutoff
from tasks.reporting.costs import describe_cost
from tasks.reporting.facts import Facts
from tests.policies import POLICY
from tests.reporting.story_rows import DAY, MONTHS, action, facts, figure, money

SET = "set it at 15%, which earns about 7,000 a month more"
COHORTS = {"basis": "realised", "window": "cohorts 2023-10 to 2023-12"}
OLD_MODEL, NEW_MODEL = "2024-03-01-4b6745be", "2024-05-01-aa1eac21"


def profit(day: date, value: float, half: float = 0.0, *, amount: float = 1.0) -> dict[str, Any]:
    limits = {"ci_low": value - half, "ci_high": value + half}
    return money("profit", value, snapshot_date=day, window=f"month {day:%Y-%m}", amount=amount, **limits)


def cost_of(name: str, seen: Facts) -> str:
    return describe_cost(name, seen.outside("psi", "pooled_auc", "early_arrears", "fairness"), seen).words


def drifted(*moneys: dict[str, Any]) -> Facts:
    """A score that left its limits in May."""
    return facts([figure("psi", "red", day=day) for day in MONTHS[1:]], moneys=moneys)


def test_a_drift_costs_what_as_much_asked_for_earned_before_it_less_what_it_earns_now() -> None:
    seen = drifted(profit(MONTHS[0], 60_000.0, 100.0), profit(DAY, 90_000.0, 100.0, amount=2.0))
    assert cost_of("score", seen) == (
        "about 30,000 a month less profit, by forecast (90,000 a month, where April 2024 was expected to "
        "earn 120,000 on as much asked for)"
    )


def test_months_of_the_drift_are_no_yardstick_of_it() -> None:
    seen = drifted(profit(MONTHS[1], 60_000.0), profit(DAY, 10_000.0))
    assert cost_of("score", seen) == "what it costs is not known yet (nothing was scored before May 2024)"


@pytest.mark.parametrize(
    ("now", "half", "words"),
    [
        (90_000.0, 8_000.0, "no measurable cost"),
        (95_000.0, 1_000.0, "about 5,000 a month less"),
        (110_000.0, 1_000.0, "no loss: profit is about 10,000 a month higher"),
    ],
)
def test_a_difference_within_chance_is_no_cost(now: float, half: float, words: str) -> None:
    seen = drifted(profit(MONTHS[0], 100_000.0, half), profit(DAY, now, half))
    assert cost_of("score", seen).startswith(words)


def test_loans_that_came_due_cost_what_was_forecast_of_them_less_what_they_earned() -> None:
    forecast = [profit(date(2023, month, 1), 50_000.0, 1_000.0) for month in (10, 11, 12)]
    realised = money("profit", 90_000.0, amount=3.0, **COHORTS)
    seen = facts([figure("pooled_auc", "red")], moneys=[*forecast, realised])
    assert cost_of("ranking", seen).startswith("about 20,000 a month less profit, realised (30,000 a month")
    without = facts([figure("pooled_auc", "red")], moneys=[*forecast[1:], realised])
    assert cost_of("ranking", without) == "what it costs is not known yet"


def test_of_ripe_loans_a_drift_costs_what_those_from_after_its_beginning_earned_less() -> None:
    """Forecasts of newer loans rest on the PDs that the ripe ones proved too low."""
    months = [date(2023, month, 1) for month in (10, 11, 12)]
    of_ripe = [profit(day, 50_000.0, 1_000.0) for day in months]
    realised = money("profit", 90_000.0, amount=3.0, **COHORTS)
    rates = [
        money("bad_rate_approved", rate, snapshot_date=day, n=n)
        for day, rate, n in zip(months, (0.05, 0.08, 0.08), (100, 200, 100), strict=True)
    ]
    newer = [profit(MONTHS[0], 50_000.0, 1_000.0), profit(DAY, 52_000.0, 1_000.0)]
    ripe = [*of_ripe, realised, *newer, *rates, money("bad_rate_approved", 0.11, **COHORTS)]
    assert cost_of("score", drifted(*ripe)).startswith(
        "what it costs is not known yet; earlier loans earned about 20,000 a month less than forecast"
    )
    assert cost_of("score", drifted(*ripe)).endswith(
        ": 11.0% of those approved defaulted, 7.2% were forecast)"
    )
    long_ago = [figure("psi", "red", day=day) for day in (*months[1:], *month_range(date(2024, 1, 1), DAY))]
    assert cost_of("score", facts(long_ago, moneys=ripe)).startswith(
        "about 20,000 a month less profit, realised"
    )
    assert cost_of("score", drifted(*newer)).startswith("no loss")


def test_a_missing_source_costs_what_is_expected_with_all_less_what_is_expected_now() -> None:
    lost = [figure("coverage", "red", subject="clickstream", value=0.0)]
    cost = money("path_cost", 50_000.0, ci_low=10_000.0, ci_high=90_000.0)
    seen = facts(lost, moneys=[cost, profit(DAY, 20_000.0)])
    assert describe_cost("source", seen.outside("coverage"), seen).words == (
        "about 50,000 a month less profit, by forecast (20,000 in place of 70,000 with all sources; 95% "
        "interval of the loss 10,000 to 90,000)"
    )


def test_arrears_cost_the_losses_by_which_they_exceed_what_the_pds_imply() -> None:
    seen = facts(
        [figure("early_arrears", "red", value=0.3, reference=0.2, window="cohort 2024-03")],
        moneys=[money("loss", 40_000.0, snapshot_date=date(2024, 3, 1), window="month 2024-03")],
    )
    assert cost_of("arrears", seen).startswith("about 20,000 a month more losses, by forecast")


def test_what_is_no_matter_of_money_says_so() -> None:
    assert "not of money" in cost_of("fairness", facts([figure("fairness", "red")]))


def test_an_overdue_action_is_to_be_decided_as_many_days_on_as_the_policy_gives() -> None:
    terms = {trigger.name: trigger.due for trigger in POLICY.trigger}
    assert terms["ranking_red"] == "5 working days"
    late = action("ranking_red", due_date=date(2024, 4, 29))
    (ask,) = asks_of("ranking", facts([figure("pooled_auc", "red")], [late]))
    assert ask.when == "by 10 June 2024 (overdue since 29 April 2024)"  # 1 June is a Saturday
    (timely,) = asks_of("ranking", facts([], [action("ranking_red")]))
    assert timely.when == "by 24 June 2024"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (NEW_MODEL, "the newer May 2024 model did not end it"),
        ("2024-03-01-4b6745be", "loans of the March 2024 model"),
        (None, "did not end it"),
    ],
)
def test_an_action_older_than_the_model_in_service_says_why_it_stands(models: str | None, words: str) -> None:
    old = action("score_drifts", "amber", opened=date(2024, 3, 1), model_id=models)
    (ask,) = asks_of("score", facts([figure("psi", "amber", model_id=NEW_MODEL)], [old]))
    assert words in ask.stands
    young = action("score_drifts", "amber", opened=date(2024, 5, 1), model_id=models)
    (ask,) = asks_of("score", facts([figure("psi", "amber", model_id=NEW_MODEL)], [young]))
    assert ask.stands == ""


@pytest.mark.parametrize(
    ("low", "words"),
    [(1_000.0, "have its sender restore it"), (-1_000.0, "retire it: that it is gone")],
)
def test_of_retiring_and_restoring_a_source_the_cost_decides(low: float, words: str) -> None:
    cost = money("path_cost", 50_000.0, ci_low=low, ci_high=99_000.0)
    (ask,) = asks_of("source", facts([], [action("source_gone")], [cost]))
    assert ask.advice.startswith(words)


@pytest.mark.parametrize(
    ("high", "most", "words"),
    [
        (0.2, 27_000.0, "set it at 15%, which earns about 7,000 a month more"),
        (
            0.4,
            27_000.0,
            "set it at 15%, which earns about 7,000 a month more; that may be chance, as from 10% to 40% any "
            "may be best",
        ),
        (0.4, 20_000.0, "leave it at 30%: no other earns more"),
    ],
)
def test_a_cut_off_that_is_asked_for_moves_only_where_another_earns_more(
    high: float, most: float, words: str
) -> None:
    best = money("best_cutoff", 0.15, ci_low=0.1, ci_high=high)
    seen = facts([], [action("path_cost_red")], [best, profit(DAY, 20_000.0), money("best_profit", most)])
    (ask,) = asks_of("path_cost", seen)
    assert ask.advice == words
    assert recommended_cutoff(seen) == (0.15 if words.startswith("set") else POLICY.cutoff_pd)


def test_early_arrears_lower_the_break_even() -> None:
    """With a break-even of 20% and half as many arrears again, a PD of 13% is one of 20% in truth."""
    arrears = figure("early_arrears", "red", value=0.3, reference=0.2, window="cohort 2024-03")
    seen = facts([arrears], [action("arrears_red")], [money("best_cutoff", 0.2, 0.2)])
    (ask,) = asks_of("arrears", seen)
    assert ask.advice.startswith("set it at 13%")
    assert recommended_cutoff(seen) == pytest.approx(0.2 * 0.2 / 0.3)
    ripe = money("best_cutoff", 0.16, basis="realised", ci_low=0.1, ci_high=0.2)
    seen = facts([arrears], [action("arrears_red")], [money("best_cutoff", 0.2, 0.2), ripe])
    (ask,) = asks_of("arrears", seen)
    assert ask.advice.endswith("(ripe loans put the best at 16% (10% to 20%), before these arrears)")
    held = [money("profit", value, cutoff=at) for at, value in ((0.3, 90_000.0), (0.13, 88_000.0))]
    seen = facts([arrears], [action("arrears_red")], [money("best_cutoff", 0.2, 0.2), ripe, *held])
    (ask,) = asks_of("arrears", seen)
    assert ask.advice.endswith("if the PDs hold after all, that costs about 2,000 a month")


def test_a_lower_cut_off_says_how_many_it_approves_and_what_it_saves_if_loans_default_as_arrears_do() -> None:
    """Of four applications two are declined, which lose 0.15 / 0.2 times 1.5 PD, less 0.15, of 1,000 each."""
    arrears = figure("early_arrears", "red", value=0.3, reference=0.2, window="cohort 2024-03")
    asked, best = [action("arrears_red")], [money("best_cutoff", 0.2, 0.2)]
    loans = [(pd, 1_000.0) for pd in (0.05, 0.16, 0.24, 0.9)]
    (ask,) = asks_of("arrears", facts([arrears], asked, best, scored=loans))
    assert POLICY.economics.margin == 0.15
    assert ask.advice.endswith("; that approves 25.0% in place of 75.0% and saves about 150 a month")
    (ask,) = asks_of("arrears", facts([arrears], asked, best, scored=[(0.05, 1_000.0), (0.9, 1_000.0)]))
    assert "approves" not in ask.advice


def test_one_cut_off_is_recommended_to_all_who_are_asked_for_one() -> None:
    arrears = figure("early_arrears", "red", value=0.3, reference=0.2, window="cohort 2024-03")
    best = money("best_cutoff", 0.2, 0.2, ci_low=0.1, ci_high=0.25)
    seen = facts([arrears], [action("arrears_red"), action("path_cost_red")], [best])
    (by_arrears,), (by_cost,) = asks_of("arrears", seen), asks_of("path_cost", seen)
    assert by_arrears.advice == by_cost.advice
    assert recommended_cutoff(facts([arrears], [], [best])) is None
    assert recommended_cutoff(facts([], [action("arrears_red")], [best])) is None


@pytest.mark.parametrize(("worth", "words"), [(-9_000.0, "roll back"), (0.0, "retrain"), (None, "retrain")])
def test_a_model_that_ranks_worse_is_rolled_back_where_the_one_before_earns_more(
    worth: float | None, words: str
) -> None:
    moneys = [] if worth is None else [money("value_over_former", worth)]
    (ask,) = asks_of("ranking", facts([], [action("ranking_red")], moneys))
    assert ask.advice.startswith(words)


def test_the_search_for_a_drift_begins_with_what_moved_furthest() -> None:
    moved = [
        figure("csi", "amber", subject=name, value=value) for name, value in (("age", 0.2), ("debt", 0.9))
    ]
    (ask,) = asks_of("score", facts(moved, [action("score_drifts", "amber")]))
    assert ask.advice == "begin with the feature debt (other data), which moved furthest"
