"""Pages 1 and 2 of the deck, of rows made by hand: a pause, no model yet, few loans, one cut-off."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from tasks.lender.declaration import Identity
from tasks.monitoring.actions import explain_triggers
from tasks.months import month_range
from tasks.reporting.deck.answer import build_answer
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.money import build_money
from tests.policies import POLICY
from tests.reporting.story_rows import DAY, MONTHS, action, facts, figure, money

COHORTS = {"basis": "realised", "window": "cohorts 2023-10 to 2023-12"}
RIPE = [money("bad_rate_approved", 0.05, **COHORTS), money("profit", 90_000.0, **COHORTS)]
PAUSE = [figure("psi", "no applications", day=day, value=None) for day in MONTHS[1:]]
SCORED = [money("profit", 20_000.0), money("approval_rate", 0.6), money("bad_rate_approved", 0.05)]


def deck_data(
    figures: Sequence[Any], actions: Sequence[Any] = (), moneys: Sequence[Any] = (), *, model: str = "m"
) -> DeckData:
    """Eighteen months up to June 2024, the first six of them ripe."""
    seen = facts(figures, actions, moneys)
    days = month_range(date(2023, 1, 1), DAY)
    months = pl.DataFrame({"month": days, "loans": [100] * 18, "scored": [100] * 18})
    none = pl.lit(None, dtype=pl.Float64)
    return DeckData(
        day=DAY,
        lender=Identity(name="Alpha Bank", currency="EUR"),
        now=seen.now,
        past=seen.past,
        actions=seen.actions,
        economics=seen.economics,
        months=months.with_columns(
            bad_rate=pl.when(pl.col("month") < date(2023, 7, 1)).then(0.2).otherwise(none)
        ),
        sources=pl.DataFrame(),
        rows={},
        card={"model_id": model} if model else {},
        models=[],
        reasons=[],
        mix=pl.DataFrame(),
        history={},
        developed_on={},
        triggers=explain_triggers(POLICY),
        policy=POLICY,
        policy_name="1 (0)",
        label_mob=6,
        first_cohorts=6,
        scored=seen.scored,
    )


def said(page: Any) -> str:
    return json.dumps([page.title, page.plain, [row.blocks for row in page.rows]])


def test_a_pause_says_what_it_costs_who_confirms_it_and_what_is_left_to_judge() -> None:
    unripe = [
        money("loss", loss, snapshot_date=day)
        for day, loss in ((MONTHS[0], 4_000.0), (date(2023, 12, 1), 9_000.0))
    ]
    page = said(build_answer(deck_data(PAUSE, moneys=[*RIPE, *unripe])))
    assert "about 30,000 a month" in page
    assert (
        "Credit risk confirms by 1 July 2024 that lending has ended; if it has not, Data engineering finds"
        in page
    )
    assert "the approved loans of April 2024, expected to lose about 4,000" in page
    assert "none from May 2024 on" in page
    later = said(build_answer(deck_data(PAUSE, moneys=RIPE)))
    assert "nothing. Every loan that a model scored is 6 months old or older" in later


def test_before_the_first_model_the_page_says_when_one_may_be_trained() -> None:
    data = deck_data([], model="")
    young = said(build_answer(_on(data, date(2023, 6, 1))))
    assert "No model serves before December 2023: 600 applications are in, too young" in young
    assert "on 1 December 2023 at the earliest" in young
    late = said(build_answer(data))
    assert "1,800 applications are in, and no model passed the gate" in late
    assert "as further cohorts ripen" in late


def _on(data: DeckData, day: date) -> DeckData:
    months = data.months.filter(pl.col("month") <= day).with_columns(bad_rate=pl.lit(None, dtype=pl.Float64))
    return DeckData(**{**vars(data), "day": day, "months": months})


@pytest.mark.parametrize(
    ("n", "told"), [(1, "1 loan: too few to tell"), (3, "3 loans: too few to tell"), (80, "n\u00a0=\u00a080")]
)
def test_swap_sets_of_few_loans_say_that_they_are_too_few(n: int, told: str) -> None:
    best = money("best_cutoff", 0.3, ci_low=0.2, ci_high=0.4)
    swapped = money("swapped_in", 0.25, n=n)
    page = build_money(deck_data([figure("psi", "green")], moneys=[*SCORED, best, swapped]))
    assert told in json.dumps([row.blocks for row in page.rows], ensure_ascii=False)


def test_the_cut_off_that_arrears_call_for_is_the_same_on_both_pages() -> None:
    arrears = figure("early_arrears", "red", value=0.4, reference=0.16, window="cohort 2024-03")
    best = money("best_cutoff", 0.16, 0.175, ci_low=0.07, ci_high=0.28)
    data = deck_data([arrears], [action("arrears_red")], [*SCORED, best])
    first, second = build_answer(data), build_money(data)
    assert "set it at 7%" in said(first)
    assert second.title.endswith("page 1 recommends 7%, since newer loans are in arrears")
    assert "page 1: 7%" in said(second)
    assert "hence 7%" in second.plain


def test_what_is_watched_beside_an_order_names_who_is_asked_once_it_lasts_and_the_next_look() -> None:
    figures = [figure("pooled_auc", "red"), figure("fairness", "amber", subject="age_band under 25")]
    data = deck_data(figures, [action("ranking_red")], SCORED)
    page = said(build_answer(data))
    assert "Fairness (page 10): Compliance, once it is amber 6 months in a row; this is month 1." in page
    assert '"next": "1 July 2024"' in page
    alone = figure("calibration_slope", "amber", window="cohorts 2023-12")
    page = said(build_answer(deck_data([figures[0], alone], [action("ranking_red")], SCORED)))
    assert "Calibration (page 7): no order follows by itself." in page


WAITS = {"effective_from": "2024-03-01", "model_id": "2024-03-01-4b6745be", "state": "challenger", "why": ""}


@pytest.mark.parametrize("asked", [[], [action("ranking_red")]])
def test_a_model_that_waits_is_put_to_somebody_by_a_day_on_page_1(asked: list[Any]) -> None:
    data = deck_data([figure("pooled_auc", "red")], asked, SCORED)
    assert "Approve or reject" not in said(build_answer(data))
    page = said(build_answer(replace(data, models=[WAITS])))
    assert "Approve or reject the March 2024 model, which waits (page 10)" in page
    assert "Model risk" in page
    decided = [WAITS, {**WAITS, "state": "rejected"}]
    assert "Approve or reject" not in said(build_answer(replace(data, models=decided)))


def test_no_interval_of_the_bad_rate_ends_at_the_top_of_its_chart() -> None:
    rates = [money("bad_rate_approved", 0.06, ci_low=0.03, ci_high=0.1)]
    page = build_answer(deck_data([figure("psi", "green")], moneys=rates))
    (chart,) = (block for row in page.rows for block in row.blocks if block["kind"] == "line")
    (point,) = chart["series"][0]["points"]
    assert point["high"] < 1
    assert point["high"] > point["y"] > point["low"]


def test_a_month_without_an_order_says_what_comes_next() -> None:
    page = said(
        build_answer(deck_data([figure("fairness", "amber", subject="age_band under 25")], moneys=SCORED))
    )
    assert "1 July 2024" in page
    assert "next review: files of July 2024 are checked and scored" in page
    assert "loans of January 2024 are ripe: their forecast is judged" in page


def test_two_places_of_the_best_cut_off_are_told_apart_by_their_ranges() -> None:
    forecast = money("best_cutoff", 0.15, ci_low=0.08, ci_high=0.43)
    for low, words in (
        (0.2, "differ by chance, as their ranges overlap; the ripe loans' counts"),
        (0.5, "differ by more than chance"),
    ):
        ripe = money("best_cutoff", 0.55, basis="realised", ci_low=low, ci_high=0.6)
        page = build_money(deck_data([figure("psi", "green")], moneys=[*SCORED, forecast, ripe]))
        assert f"The forecast's best of 15% and the ripe loans' of 55% {words}" in page.plain
