from datetime import date

import polars as pl
import pytest

from tasks.core.figure import to_rows
from tasks.core.monitoring import measure_performance


def cohort(labels: list[int], pds: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"label": labels, "pd": pds}, schema={"label": pl.Int32, "pd": pl.Float64})


def figures(ripened: pl.DataFrame) -> dict[str, tuple[float | None, str]]:
    return {f["metric"]: (f["value"], f["status"]) for f in measure_performance(ripened)}


def test_a_cohort_that_was_never_scored_says_so() -> None:
    assert set(figures(cohort([], [])).values()) == {(None, "not scored")}


def test_a_cohort_of_one_class_has_rates_but_no_ranking() -> None:
    got = figures(cohort([0, 0, 0], [0.1, 0.2, 0.3]))
    assert got["auc"] == (None, "single class")
    assert got["bad_rate_observed"] == (0.0, "measured")


def test_a_perfect_score_has_an_auc_of_one() -> None:
    got = figures(cohort([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]))
    assert got["auc"] == (1.0, "measured")
    assert got["observed_to_expected"][0] == pytest.approx(1.0)


def test_rows_name_the_window_and_the_model() -> None:
    rows = to_rows(
        measure_performance(cohort([], [])), as_of=date(2024, 1, 1), window="cohort 2023-07", model_id="m"
    )
    assert set(rows["window"]) == {"cohort 2023-07"}
    assert rows["n"].sum() == 0
