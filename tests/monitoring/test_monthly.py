from datetime import date

import polars as pl
import pytest

from tasks.monitoring.measurement import measurement, to_rows
from tasks.monitoring.monthly import (
    count_drifting,
    find_unwatched,
    measure_cohort,
    measure_coverage,
    measure_stability,
)
from tasks.schemas.feature_store import MEASURES
from tests.builders import month
from tests.policies import POLICY


def cohort(labels: list[int], pds: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"label": labels, "pd": pds}, schema={"label": pl.Int32, "pd": pl.Float64})


def figures(ripened: pl.DataFrame) -> dict[str, tuple[float | None, str]]:
    return {f["metric"]: (f["value"], f["status"]) for f in measure_cohort(ripened)}


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
        measure_cohort(cohort([], [])), as_of=date(2024, 1, 1), window="cohort 2023-07", model_id="m"
    )
    assert set(rows["window"]) == {"cohort 2023-07"}
    assert rows["n"].sum() == 0


def drift(*p_values: tuple[str, float]) -> list[dict]:
    return [measurement("drift_p", name, 500, p) for name, p in p_values]


def test_a_feature_drifts_when_two_months_say_so() -> None:
    now = drift(("age", 1e-9), ("fe_1", 0.5))
    for then, n in ((drift(("age", 1e-9), ("fe_1", 0.5)), 1.0), (drift(("age", 0.5), ("fe_1", 1e-9)), 0.0)):
        before = to_rows(then, as_of=month(0), window="month", model_id="m")
        found = count_drifting(now, [before], limits=POLICY.stability)
        assert (found["value"], found["status"]) == (n, "amber" if n else "green")


def test_a_source_far_below_its_share_in_the_training_data_is_red() -> None:
    limits = POLICY.coverage
    known = [True] * 8 + [False] * 2
    rows = pl.DataFrame({"has_clickstream": known, "has_attributes": known, "has_financials": known})
    rows = rows.with_columns(pl.lit(None, pl.Float64).alias(measure) for measure in MEASURES)
    usual = {"clickstream": 0.0, "attributes": 0.85, "financials": 0.95}
    figures = measure_coverage(rows, 10, {"coverage": usual, "n": {"pd": 500}}, limits=limits)
    status = {one["subject"]: one["status"] for one in figures}
    assert (status["attributes"], status["financials"]) == ("green", "red")


@pytest.mark.parametrize(
    ("usual", "known", "status"),
    [
        (0.92, 460, "green"),
        (0.92, 448, "green"),
        (0.92, 440, "amber"),
        (0.92, 409, "red"),
        (1.0, 499, "green"),
    ],
)
def test_a_source_is_compared_with_its_own_share_of_the_training_data(
    usual: float, known: int, status: str
) -> None:
    covered = [True] * known + [False] * (500 - known)
    rows = pl.DataFrame({f"has_{name}": covered for name in ("clickstream", "attributes", "financials")})
    rows = rows.with_columns(pl.lit(1.0, pl.Float64).alias(measure) for measure in MEASURES)
    shares = dict.fromkeys(("clickstream", "attributes", "financials"), usual)
    figures = measure_coverage(rows, 500, {"coverage": shares, "n": {"pd": 3000}}, limits=POLICY.coverage)
    assert next(one["status"] for one in figures if one["subject"] == "financials") == status


@pytest.mark.parametrize("status", ["red", "retired"])
def test_features_of_a_source_that_is_red_or_retired_are_not_watched(status: str) -> None:
    coverage = [measurement("coverage", "clickstream", 500, 0.0, status=status)]
    coverage += [measurement("coverage", "attributes", 500, 0.5, status="amber")]
    assert find_unwatched(coverage) == {"clickstream"}
    bins = {"edges": [0.5], "shares": [0.5, 0.5, 0.0]}
    reference = {"bins": dict.fromkeys(("fe_1", "age"), bins), "n": dict.fromkeys(("fe_1", "age"), 500)}
    features = pl.DataFrame(
        {"fe_1": [None] * 100, "age": [0.2] * 100}, schema=dict.fromkeys(("fe_1", "age"), pl.Float64)
    )
    figures = measure_stability(
        features, reference, limits=POLICY.stability, unwatched=find_unwatched(coverage)
    )
    got = {(one["metric"], one["subject"]): (one["value"] is None, one["status"]) for one in figures}
    assert got["csi", "fe_1"] == got["drift_p", "fe_1"] == (True, "no data")
    assert got["csi", "age"] == (False, "red")
    before = to_rows(figures, as_of=month(0), window="month", model_id="m")
    assert (found := count_drifting(figures, [before], limits=POLICY.stability))["value"] == 1.0
    assert found["n"] == 1


def test_a_retired_source_is_not_red_whatever_it_covers() -> None:
    rows = pl.DataFrame({f"has_{name}": [False] * 9 for name in ("clickstream", "attributes", "financials")})
    rows = rows.with_columns(pl.lit(None, pl.Float64).alias(measure) for measure in MEASURES)
    reference = {
        "coverage": dict.fromkeys(("clickstream", "attributes", "financials"), 1.0),
        "n": {"pd": 3000},
    }
    figures = measure_coverage(rows, 9, reference, limits=POLICY.coverage, retired={"clickstream"})
    status = {one["subject"]: (one["value"], one["status"]) for one in figures}
    assert (status["clickstream"], status["financials"]) == ((0.0, "retired"), (0.0, "red"))
