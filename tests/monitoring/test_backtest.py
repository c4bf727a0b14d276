import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from scipy.stats import chi2_contingency

from tasks.monitoring.backtest import DevelopmentBenchmark, development_benchmark, measure_backtest
from tasks.schemas.predictions import grade_of
from tasks.statistics.performance import measure_slope
from tests.policies import POLICY

BENCHMARK = DevelopmentBenchmark(auc=0.86, variance=0.0001, n_learned=20_000)


def loans(
    n: int = 3000, *, seed: int = 0, slope: float = 1.0, shift: float = 0.0, noise: float = 0.0
) -> pl.DataFrame:
    """Loans with PDs that hold for slope 1, shift 0 and noise 0."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1.3, 2.2, n)
    labels = (rng.random(n) < expit(slope * log_odds + shift)).astype(int)
    told = expit(log_odds + noise * rng.normal(size=n))
    frame = pl.DataFrame({"label": labels, "pd": told})
    return frame.with_columns(grade=grade_of(pl.col("pd")))


def statuses(pooled: pl.DataFrame, benchmark: DevelopmentBenchmark = BENCHMARK) -> dict[str, str]:
    return {f["metric"]: f["status"] for f in measure_backtest(pooled, benchmark, policy=POLICY)}


def test_pds_that_hold_are_green_in_nineteen_of_twenty_books() -> None:
    reds = [
        name
        for seed in range(40)
        for name, status in statuses(loans(seed=seed)).items()
        if status == "red" and name != "grade_bad_rate"
    ]
    assert len(reds) <= 4


def test_too_many_defaults_are_red_in_the_large_and_the_ranking_stays_green() -> None:
    found = statuses(loans(shift=0.7))
    assert (found["calibration_in_the_large"], found["pooled_auc"]) == ("red", "green")


def test_a_score_that_lost_its_power_is_red() -> None:
    assert statuses(loans(noise=3.0))["pooled_auc"] == "red"


def test_too_extreme_pds_have_a_slope_below_one() -> None:
    book = loans(20_000, slope=0.5)
    slope = measure_slope(book["label"].cast(pl.Float64).to_numpy(), book["pd"].to_numpy())
    assert slope == pytest.approx(0.5, abs=0.05)


def test_without_outcomes_nothing_is_green() -> None:
    nothing = loans(10).clear()
    assert set(statuses(nothing).values()) == {"not ripe"}
    assert set(statuses(loans(100).with_columns(label=pl.lit(0))).values()) == {"single class"}


def test_grades_in_the_wrong_order_are_counted() -> None:
    rows = [("A", 1, 30), ("A", 0, 170), ("B", 1, 5), ("B", 0, 195), ("C", 1, 60), ("C", 0, 140)]
    book = pl.DataFrame([{"grade": g, "label": y, "pd": 0.15} for g, y, n in rows for _ in range(n)])
    found = {f["metric"]: f["value"] for f in measure_backtest(book, BENCHMARK, policy=POLICY)}
    assert found["grade_inversions"] == 1


def test_the_development_benchmark_several_models_weighs_their_loans() -> None:
    def card(auc: float) -> dict[str, object]:
        gate = {"figures": {"auc": auc, "auc_ci_90": [auc - 0.01645, auc + 0.01645]}}
        return {"gate": gate, "data": {"n_loans": 4000}}

    benchmark = development_benchmark(
        {("a", "none"): 300, ("b", "none"): 100}, {"a": card(0.9), "b": card(0.8)}
    )
    assert benchmark.auc == pytest.approx(0.875)
    assert benchmark.variance == pytest.approx((0.75**2 + 0.25**2) * 0.0001, rel=1e-3)
    assert benchmark.n_learned == pytest.approx(4000 / (0.75**2 + 0.25**2))


def test_the_benchmark_of_a_path_is_what_it_did_in_development() -> None:
    measured = {
        "none": {"n": 900, "auc": 0.90, "auc_ci_95": [0.88, 0.92]},
        "clickstream": {"n": 900, "auc": 0.80, "auc_ci_95": [0.78, 0.82]},
    }
    whole = {"auc": 0.85, "auc_ci_90": [0.83, 0.87]}
    card = {"gate": {"figures": whole}, "fallbacks": measured, "data": {"n_loans": 4000}}

    def benchmark(**n: int) -> DevelopmentBenchmark:
        return development_benchmark({("m", path): number for path, number in n.items()}, {"m": card})

    assert benchmark(clickstream=100).auc == pytest.approx(0.80)
    assert benchmark(clickstream=100, none=300).auc == pytest.approx(0.875)
    assert benchmark(financials=100).auc == pytest.approx(0.85)
    assert benchmark(clickstream=100, none=300).n_learned == pytest.approx(4000)
    older = {**card, "fallbacks": {"none": {"auc": 0.9, "auc_ci_95": [0.88, 0.92]}}}
    assert development_benchmark({("m", "none"): 100}, {"m": older}).auc == pytest.approx(0.85)


def test_figures_of_a_path_name_it_in_their_subjects() -> None:
    found = measure_backtest(loans(), BENCHMARK, policy=POLICY, path=" without clickstream")
    assert {one["subject"] for one in found if one["metric"] == "pooled_auc"} == {"score without clickstream"}
    grades = {one["subject"] for one in found if one["metric"] == "grade_bad_rate"}
    assert "A without clickstream" in grades


def test_the_raw_z_stands_beside_the_one_that_allows_for_what_was_learned() -> None:
    found = {f["metric"]: f["value"] for f in measure_backtest(loans(3000), BENCHMARK, policy=POLICY)}
    assert found["spiegelhalter_z"] == pytest.approx(found["spiegelhalter_z_raw"] * (20 / 23) ** 0.5)


def test_a_rate_learned_from_few_loans_is_hard_to_contradict() -> None:
    """The p-value against a learned rate is that of two samples: about a chi-square test of both."""
    rates, n, learned = (0.33, 0.30), 1500, 3000
    rows = [(1, 0.30)] * int(rates[0] * n) + [(0, 0.30)] * int((1 - rates[0]) * n)
    book = pl.DataFrame(rows, schema=["label", "pd"], orient="row").with_columns(grade=pl.lit("D"))
    table = [[rates[0] * n, (1 - rates[0]) * n], [rates[1] * learned, (1 - rates[1]) * learned]]
    p = chi2_contingency(table, correction=False).pvalue
    for level, status in ((p * 0.9, "green"), (p * 1.1, "amber")):
        limits = POLICY.calibration.model_copy(update={"amber_p": level, "red_p": level / 10})
        policy = POLICY.model_copy(update={"calibration": limits})
        found = measure_backtest(book, DevelopmentBenchmark(0.5, 0.01, learned), policy=policy)
        large = next(f for f in found if f["metric"] == "calibration_in_the_large")
        assert large["status"] == status


def test_at_any_volume_a_small_miss_is_no_alarm() -> None:
    book = loans(400_000, shift=0.05)  # two per cent more defaults: sure, and not worth a decision
    found = statuses(book, DevelopmentBenchmark(0.90, 1e-8, 10_000_000))
    assert (found["calibration_in_the_large"], found["spiegelhalter_z"]) == ("green", "green")
    auc = next(f for f in measure_backtest(book, BENCHMARK, policy=POLICY) if f["metric"] == "pooled_auc")
    assert statuses(book, DevelopmentBenchmark(auc["value"] + 0.009, 1e-9, 1e7))["pooled_auc"] == "green"
    assert statuses(book, DevelopmentBenchmark(auc["value"] + 0.011, 1e-9, 1e7))["pooled_auc"] == "red"


def test_a_grade_has_the_interval_of_its_defaults() -> None:
    grades = [
        f for f in measure_backtest(loans(), BENCHMARK, policy=POLICY) if f["metric"] == "grade_bad_rate"
    ]
    assert all(f["ci_low"] < f["value"] < f["ci_high"] for f in grades)
