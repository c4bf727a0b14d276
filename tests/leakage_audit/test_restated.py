import numpy as np
import polars as pl
import pytest

from tasks.leakage_audit.checks import Verdict
from tasks.leakage_audit.restated import RESTATED, WHOLE_PERIOD, delivered_before_ripe, find_restated
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
