import numpy as np
import polars as pl
import pytest

from tasks.evaluation.scorers import POOLED, keep_last_month, summarise_scores
from tasks.features.application_features import summarise_history
from tasks.statistics.performance import measure_slope
from tests.builders import clickstream_rows, month
from tests.reference import CLICKSTREAM_LEVELS, CLICKSTREAM_MONTHS

RNG = np.random.default_rng(5)


def test_the_slope_of_a_true_probability_is_one_and_of_an_overconfident_one_is_below() -> None:
    log_odds = RNG.normal(0, 1.5, 20_000)
    labels = (RNG.random(20_000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    assert measure_slope(labels, 1 / (1 + np.exp(-log_odds))) == pytest.approx(1.0, abs=0.05)
    assert measure_slope(labels, 1 / (1 + np.exp(-2 * log_odds))) == pytest.approx(0.5, abs=0.05)


def test_figures_come_per_month_and_pooled_and_a_month_of_one_class_is_only_pooled() -> None:
    scored = pl.DataFrame(
        {
            "scorer": ["champion"] * 8,
            "month": [month(0)] * 5 + [month(1)] * 3,
            "label": [0, 0, 0, 1, 1, 0, 0, 0],
            "pd": [0.1, 0.2, 0.3, 0.8, 0.25, 0.1, 0.2, 0.3],
        }
    )
    figures = summarise_scores(scored)
    assert figures["month"].to_list() == ["2023-01", POOLED]
    assert figures["auc"][0] == pytest.approx(5 / 6)
    assert figures["n"].to_list() == [5.0, 8.0]


def test_the_last_month_is_that_of_the_application_alone() -> None:
    rows = clickstream_rows("CUS_1", [10, 20, 60, 1000])
    loan = summarise_history(rows.with_columns(loan_id=pl.lit("a")), "clickstream").with_columns(
        customer_id=pl.lit("CUS_1"), snapshot_date=pl.lit(month(2))
    )
    seen = keep_last_month(loan.collect(), rows)
    assert seen.select(CLICKSTREAM_MONTHS, CLICKSTREAM_LEVELS[0]).row(0) == (1.0, 60.0)
