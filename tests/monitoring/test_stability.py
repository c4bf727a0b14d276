import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2

from tasks.monitoring.stability import add_month_values, build_reference, count_known, measure_shift
from tasks.schemas.catalog import TABLES
from tasks.schemas.feature_store import MEASURES
from tests.applicants import applicants

BINS = {"edges": [1.0, 2.0], "shares": [0.2, 0.5, 0.2, 0.1]}


def test_psi_agrees_with_the_formula_by_hand() -> None:
    current = pl.Series([0.5] * 30 + [1.5] * 40 + [9.0] * 20 + [None] * 10)
    p = (np.array([30, 40, 20, 10]) + 0.5) / 102
    q = (np.array([200, 500, 200, 100]) + 0.5) / 1002
    assert measure_shift(current, BINS, 1000).psi == pytest.approx(float(((p - q) * np.log(p / q)).sum()))


def test_the_reference_against_itself_is_stable() -> None:
    current = pl.Series([0.5] * 200 + [1.5] * 500 + [9.0] * 200 + [None] * 100)
    assert measure_shift(current, BINS, 1000).psi == pytest.approx(0.0)


def test_psi_under_no_change_is_as_large_as_its_theory_says() -> None:
    rng, n, m = np.random.default_rng(0), 500, 3000
    bins = {"edges": list(np.linspace(0.1, 0.9, 9)), "shares": [0.1] * 10 + [0.0]}
    mean = np.mean([measure_shift(pl.Series(rng.random(n)), bins, m).psi for _ in range(200)])
    assert mean == pytest.approx(9 / n, rel=0.15)  # the reference shares are exact here: (1/n) chi2(9)


def test_a_shift_in_one_direction_is_seen_where_single_bins_could_be_chance() -> None:
    tilted = np.repeat(np.arange(10), [42, 44, 46, 48, 50, 50, 52, 54, 56, 58]).astype(float)
    bins = {"edges": [i + 0.5 for i in range(9)], "shares": [0.1] * 10 + [0.0]}
    shift = measure_shift(pl.Series(tilted), bins, 2000)
    assert shift.p < chi2.sf(shift.psi / shift.unit, shift.freedom) / 2


def test_a_rare_word_is_not_in_the_reference_and_shifts_nothing() -> None:
    rows = applicants().with_columns(occupation=pl.Series(["a", "b"] * 298 + ["goatherd"] * 4))
    ripe = add_month_values(rows, pl.DataFrame(schema=TABLES["silver.clickstream"].columns))
    bins = build_reference(ripe, {})["bins"]["occupation"]
    assert bins["values"] == ["a", "b"]
    assert measure_shift(rows["occupation"], bins, rows.height).psi == pytest.approx(0.0, abs=1e-9)


def test_words_not_seen_before_have_a_bin_of_their_own() -> None:
    bins = {"values": ["a", "b"], "shares": [0.5, 0.5, 0.0, 0.0]}
    seen, unseen = pl.Series(["a", "b"] * 50), pl.Series(["a", "c"] * 50)
    assert measure_shift(seen, bins, 100).psi == pytest.approx(0.0, abs=1e-9)
    assert measure_shift(unseen, bins, 100).psi > 1.0


def test_a_month_without_rows_is_finite() -> None:
    assert np.isfinite(measure_shift(pl.Series([], dtype=pl.Float64), BINS, 1000).psi)


def test_a_clickstream_that_stopped_is_not_covered_by_its_history() -> None:
    silent = dict.fromkeys(MEASURES, None)
    rows = [
        {"has_clickstream": True, "has_attributes": True, "has_financials": False, **silent},
        {"has_clickstream": True, "has_attributes": True, "has_financials": False, **silent, "fe_7": 101.0},
    ]
    known = count_known(pl.DataFrame(rows, infer_schema_length=None))
    assert known == {"clickstream": 1, "attributes": 2, "financials": 0}
