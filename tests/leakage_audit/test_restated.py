import numpy as np
import polars as pl
import pytest

from tasks.leakage_audit.checks import Verdict
from tasks.leakage_audit.restated import RESTATED, WHOLE_PERIOD, delivered_before_ripe, find_restated
from tasks.statistics.performance import measure_auc
from tests.builders import month

NOW = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "word": ["a", "b", None, "c"]})


def judge(column: str, before: list[object], verdict: Verdict | None = None) -> Verdict:
    return find_restated(verdict or Verdict(column), NOW, pl.DataFrame({column: before}, strict=False))


def test_a_value_that_later_months_changed_refuses_its_column() -> None:
    verdict = judge("x", [1.0, 2.0, 3.1, None])
    assert (verdict.admitted, verdict.check) == (False, RESTATED)
    assert verdict.evidence.startswith("1 of 3 values")
    assert not judge("word", ["a", "b", "b", "c"]).admitted


def test_values_that_came_later_or_differ_by_rounding_are_no_change() -> None:
    assert judge("x", [1.0 + 1e-9, None, None, 4.0]).admitted
    assert judge("word", ["a", None, None, "c"]).admitted


@pytest.mark.parametrize(
    ("before", "admitted"), [([1.0, 2.0, 3.0, None], True), ([1.0, 2.0, 5.0, None], False)]
)
def test_only_an_unchanged_column_is_cleared_of_whole_period_statistics(
    before: list[object], admitted: bool
) -> None:
    assert judge("x", before, Verdict("x", WHOLE_PERIOD, "looks scaled")).admitted is admitted


def test_another_refusal_stands_whatever_an_earlier_delivery_says() -> None:
    refused = Verdict("x", "the outcome itself", "AUC 1.000")
    assert judge("x", [1.0, 2.0, 3.0, 4.0], refused) == refused


def test_a_column_that_the_earlier_delivery_lacks_keeps_its_verdict() -> None:
    assert find_restated(Verdict("x"), NOW, pl.DataFrame({"y": [1.0] * 4})).admitted


def test_deciles_and_imputed_medians_of_all_months_change_with_later_months_and_are_refused() -> None:
    """What they look like does not give them away: the next delivery does."""
    incomes = pl.DataFrame(
        {"income": np.random.default_rng(1).lognormal(10, 1, 600) * np.linspace(1, 1.5, 600)}
    )
    known = pl.when(pl.int_range(pl.len()) % 7 > 0).then("income")
    made = {
        "decile": (pl.col("income").rank() * 10 / pl.len()).ceil(),
        "imputed": known.fill_null(known.median()),
    }
    for name, make in made.items():
        before, now = (months.select(make.alias(name)).head(300) for months in (incomes.head(300), incomes))
        assert find_restated(Verdict(name), now, before).check == RESTATED


def test_deciles_and_imputed_medians_of_all_months_rank_defaults_no_better_than_those_of_the_day() -> None:
    """Until a second delivery tells them apart they do no harm: a rank of later loans knows no outcome."""
    draw = np.random.default_rng(2)
    n, months_seen = 6000, 12
    risk, number = draw.normal(-1.3, 1.0, n), np.arange(n) * months_seen // n
    bad = (draw.random(n) < 1 / (1 + np.exp(-risk))).astype(float)
    score = risk + draw.normal(0, 1.0, n) + 0.1 * number
    stated = pl.DataFrame({"x": np.where(draw.random(n) < 0.2, np.nan, score)}).fill_nan(None)
    known = pl.col("x").fill_null(pl.col("x").median())
    for make in (known, (known.rank() * 10 / pl.len()).ceil()):
        whole = stated.select(make).to_series()
        by_day = pl.concat(
            stated.head(int((number <= last).sum())).select(make).tail(int((number == last).sum()))
            for last in range(months_seen)
        ).to_series()
        aucs = [measure_auc(bad, values.cast(pl.Float64).to_numpy()).value for values in (whole, by_day)]
        assert aucs[0] > 0.6
        assert aucs[0] - aucs[1] < 0.005


@pytest.mark.parametrize(
    ("newest", "proven"), [(11, []), (10, [5]), (8, [3, 4, 5]), (4, [0, 1, 2, 3, 4]), (-1, [])]
)
def test_an_earlier_delivery_proves_the_months_that_ripened_since(newest: int, proven: list[int]) -> None:
    """Of twelve months those up to month 5 are ripe; a delivery of today was made after their outcomes."""
    numbers = [number for number in range(12) for _ in range(4)]
    rows = pl.DataFrame(
        {
            "snapshot_date": [month(number) for number in numbers],
            "ripe": [number <= 5 for number in numbers],
            "same": [number <= newest for number in numbers],
            "known": [True] * len(numbers),
        }
    )
    assert sorted(delivered_before_ripe(rows)) == [month(number) for number in proven]
