"""What a set of loans earns and costs, checked against sums done by hand."""

import numpy as np
import polars as pl
import pytest

from tasks.economics.book import measure_book, measure_paths
from tasks.economics.cutoff import CUTOFFS, measure_curve
from tasks.economics.path_cost import measure_path_costs, with_reference
from tasks.economics.swap_set import measure_swap
from tasks.economics.terms import Terms, keep_unpaid, measure_terms
from tests.economics.books import AMOUNT, expected, one, realised
from tests.policies import POLICY

TERMS = Terms(margin=0.2, lgd=0.6)


def test_approved_loans_earn_the_margin_and_lose_what_their_pds_say() -> None:
    found = measure_book(expected(0.1, 0.2, 0.5), TERMS, cutoff=0.3)
    assert one(found, "approval_rate").value == pytest.approx(2 / 3)
    assert one(found, "bad_rate_approved").value == pytest.approx(0.15)
    assert one(found, "loss").value == pytest.approx(0.3 * 0.6 * AMOUNT)
    assert one(found, "profit").value == pytest.approx((0.9 + 0.8) * 200 - 0.3 * 600)


def test_the_model_is_worth_what_the_declined_would_have_lost() -> None:
    found = measure_book(expected(0.1, 0.5), TERMS, cutoff=0.3)
    assert one(found, "value_over_all").value == pytest.approx(0.5 * 600 - 0.5 * 200)


def test_realised_figures_count_labels_in_the_place_of_pds() -> None:
    found = measure_book(realised(np.array([0.1, 0.2, 0.9]), np.array([0.0, 1.0, 1.0])), TERMS, cutoff=0.3)
    assert one(found, "bad_rate_approved").value == 0.5
    assert one(found, "profit").value == pytest.approx(200 - 600)


def test_where_nobody_is_approved_there_is_no_bad_rate() -> None:
    rate = one(measure_book(expected(0.5, 0.6), TERMS, cutoff=0.3), "bad_rate_approved")
    assert (rate.value, rate.status) == (None, "nobody approved")


def test_each_path_has_figures_of_its_own_loans() -> None:
    paths = np.array(["none", "clickstream", "none"])
    found = measure_paths(expected(0.1, 0.25, 0.2), paths, TERMS, cutoff=0.3)
    assert one(found, "bad_rate_approved", "clickstream").value == 0.25
    assert one(found, "bad_rate_approved", "none").value == pytest.approx(0.15)
    losses = {path: one(found, "loss", path).value or 0 for path in ("all", "none", "clickstream")}
    assert losses["all"] == pytest.approx(losses["none"] + losses["clickstream"])


def test_an_expected_interval_holds_the_sums_of_outcomes_drawn_from_the_pds() -> None:
    rng = np.random.default_rng(1)
    loans = expected(*rng.uniform(0.02, 0.6, 400))
    figure = one(measure_book(loans, TERMS, cutoff=0.3), "profit")
    approved = loans.pds <= 0.3
    drawn = [
        TERMS.profit(loans.amounts, (rng.random(400) < loans.pds).astype(float))[approved].sum()
        for _ in range(2000)
    ]
    assert figure.ci_low is not None
    assert figure.ci_high is not None
    inside = np.mean([figure.ci_low <= value <= figure.ci_high for value in drawn])
    assert 0.93 < inside < 0.97


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.4])
def test_expected_profit_is_highest_at_the_break_even_pd(margin: float) -> None:
    terms = Terms(margin, 0.6)
    loans = expected(*np.linspace(0.001, 0.999, 999))
    best = one(measure_curve(loans, terms, cutoff=0.3), "best_cutoff")
    assert best.value == pytest.approx(terms.break_even, abs=0.011)
    assert best.reference == pytest.approx(margin / (margin + 0.6))
    assert best.ci_low is not None
    assert best.ci_high is not None
    assert best.value is not None
    assert best.ci_low <= best.value <= best.ci_high


def test_the_curve_has_every_cutoff_once_with_that_of_the_policy() -> None:
    loans = expected(0.1, 0.2, 0.5)
    found = [*measure_book(loans, TERMS, cutoff=0.3), *measure_curve(loans, TERMS, cutoff=0.3)]
    assert sorted(one.cutoff for one in found if one.figure == "profit") == CUTOFFS.tolist()


def test_the_same_loans_give_the_same_interval_of_the_best_cutoff() -> None:
    loans = realised(np.linspace(0.01, 0.9, 200), (np.arange(200) % 3 == 0).astype(float))
    assert measure_curve(loans, TERMS, cutoff=0.3) == measure_curve(loans, TERMS, cutoff=0.3)


def test_a_swap_set_is_of_those_whom_one_model_alone_approves() -> None:
    loans = realised(np.array([0.1, 0.1, 0.6, 0.6]), np.array([0.0, 0.0, 1.0, 1.0]))
    found = measure_swap(loans, np.array([0.1, 0.5, 0.2, 0.7]), TERMS, cutoff=0.3)
    assert (one(found, "swapped_in").n, one(found, "swapped_in").value) == (1, 0.0)
    assert (one(found, "swapped_out").n, one(found, "swapped_out").value) == (1, 1.0)
    assert one(found, "value_over_former").value == pytest.approx(200 + 600)


def test_models_that_approve_the_same_people_move_nobody() -> None:
    found = measure_swap(expected(0.1, 0.6), np.array([0.2, 0.7]), TERMS, cutoff=0.3)
    assert one(found, "swapped_in").status == "nobody moved"
    assert one(found, "value_over_former").value == 0.0


def test_a_missing_source_costs_what_the_complete_model_would_have_earned_more() -> None:
    complete = expected(*[0.05, 0.6] * 50)
    path = expected(*[0.25, 0.4] * 50)
    (cost, together) = measure_path_costs(path, np.array(["clickstream"] * 100), complete, TERMS, cutoff=0.3)
    by_complete, by_path = 50 * (0.95 * 200 - 0.05 * 600), 50 * (0.75 * 200 - 0.25 * 600)
    assert cost.path == "clickstream"
    assert cost.value == together.value == pytest.approx(by_complete - by_path)
    assert cost.reference == pytest.approx(by_complete)


def test_without_a_complete_month_the_cost_is_unknown_and_says_so() -> None:
    paths = np.array(["clickstream"] * 60)
    cost, _ = measure_path_costs(expected(*[0.2] * 60), paths, expected(), TERMS, cutoff=0.3)
    assert (cost.value, cost.status) == (None, "no complete month")


def test_where_no_source_is_missing_nothing_is_said_to_cost() -> None:
    loans = expected(*[0.2] * 60)
    assert measure_path_costs(loans, np.array(["none"] * 60), loans, TERMS, cutoff=0.3) == []


def test_figures_of_a_path_stand_against_those_of_the_complete_model() -> None:
    paths = np.array(["clickstream", "none"])
    measured = measure_paths(expected(0.25, 0.1), paths, TERMS, cutoff=0.3)
    found = with_reference(measured, paths, expected(*[0.05, 0.6] * 50), cutoff=0.3)
    assert one(found, "bad_rate_approved", "clickstream").reference == pytest.approx(0.05)
    assert one(found, "approval_rate").reference == 0.5
    assert one(found, "profit").reference is None


def unpaid(n: int, balance: float) -> pl.DataFrame:
    return pl.DataFrame({"loan_amt": [AMOUNT] * n, "balance": [balance] * n})


def test_the_loss_given_default_is_measured_once_enough_bad_loans_have_ended() -> None:
    assumed = POLICY.economics
    few, many = unpaid(assumed.min_bad_loans - 1, 700), unpaid(assumed.min_bad_loans, 700)
    terms, figures = measure_terms(few, assumed)
    assert terms.lgd == assumed.loss_given_default
    assert one(figures, "lgd").basis == "assumption"
    terms, figures = measure_terms(many, assumed)
    assert terms.lgd == pytest.approx(0.7)
    assert one(figures, "lgd").basis == "measurement"
    assert one(figures, "margin").basis == "assumption"


def test_only_bad_loans_at_the_end_of_their_term_are_measured() -> None:
    loans = pl.LazyFrame(
        {
            "loan_id": ["bad", "bad", "good", "young"],
            "installment_num": [9, 10, 10, 9],
            "tenure": [10, 10, 10, 10],
            "loan_amt": [AMOUNT] * 4,
            "balance": [900.0, 800.0, 0.0, 900.0],
        }
    )
    labels = pl.LazyFrame({"loan_id": ["bad", "good", "young"], "label": [1, 0, 1]})
    assert keep_unpaid(loans, labels).collect()["balance"].to_list() == [800.0]
