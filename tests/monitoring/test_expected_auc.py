import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from tasks.monitoring.expected_auc import (
    count_optimistic,
    measure_expected_auc,
    measure_expected_auc_spread,
)
from tasks.monitoring.measurement import measurement, to_rows
from tests.builders import month


def test_the_expected_auc_is_what_pds_that_hold_reach_on_average() -> None:
    rng = np.random.default_rng(3)
    pds = rng.beta(0.6, 1.4, 800)
    realised = [roc_auc_score(rng.random(800) < pds, pds) for _ in range(400)]
    assert measure_expected_auc(pds) == pytest.approx(np.mean(realised), abs=0.003)
    assert measure_expected_auc_spread(pds) == pytest.approx(np.std(realised), rel=0.25)


def test_one_pd_for_all_separates_nothing_and_certainty_everything() -> None:
    assert measure_expected_auc(np.full(50, 0.3)) == pytest.approx(0.5)
    assert measure_expected_auc(np.array([0.0, 1.0, 1.0])) == pytest.approx(1.0)
    assert measure_expected_auc(np.array([])) is None


def figures_of(metric: str, *values: float | None) -> list[pl.DataFrame]:
    """One figure a month from 2024-01 on, of its application month or of its cohort."""
    kind = "cohort" if metric == "auc" else "month"
    return [
        to_rows(
            [measurement(metric, "score", 9, value, status="measured")],
            as_of=month(at + 12),
            window=f"{kind} 2024-{at + 1:02d}",
            model_id="m",
        )
        for at, value in enumerate(values)
    ]


def test_forecasts_that_were_too_high_are_counted_among_the_ripe_ones() -> None:
    rows = pl.concat([*figures_of("expected_auc", 0.9, 0.8, 0.8, 0.7), *figures_of("auc", 0.8, 0.85, None)])
    found = count_optimistic(rows)
    assert (found["value"], found["n"]) == (1.0, 2)
    assert count_optimistic(rows.clear())["status"] == "not ripe"
