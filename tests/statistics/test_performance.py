import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from tasks.schemas.monitoring import CONFIDENCE, METRICS
from tasks.statistics import performance

RNG = np.random.default_rng(3)
LABELS = (RNG.random(400) < 0.3).astype(float)
PDS = np.round(np.clip(0.3 + 0.15 * (LABELS - 0.3) + 0.15 * RNG.standard_normal(400), 0.01, 0.99), 2)


def test_figures_agree_with_independent_computations() -> None:
    auc = performance.measure_auc(LABELS, PDS)
    assert auc.value == pytest.approx(roc_auc_score(LABELS, PDS))
    assert performance.measure_ks(LABELS, PDS) == pytest.approx(
        ks_2samp(PDS[LABELS == 1], PDS[LABELS == 0]).statistic
    )
    assert performance.measure_brier(LABELS, PDS) == pytest.approx(brier_score_loss(LABELS, PDS))
    assert performance.measure_log_loss(LABELS, PDS) == pytest.approx(log_loss(LABELS, PDS))


@pytest.mark.parametrize("level", [*performance.Z_OF, 0.9, 0.99])
def test_z_is_the_normal_quantile_to_the_last_bit_whether_written_down_or_computed(level: float) -> None:
    assert performance.find_z(level) == float(ndtri(0.5 + level / 2))


def test_the_level_of_stored_intervals_is_among_those_written_down() -> None:
    assert CONFIDENCE in performance.Z_OF


def test_the_variance_of_the_auc_is_that_of_repeated_samples() -> None:
    aucs, variances = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        labels = np.repeat([1.0, 0.0], [40, 80])
        auc = performance.measure_auc(labels, rng.standard_normal(120) + labels)
        aucs.append(auc.value)
        variances.append(auc.variance)
    assert np.mean(variances) == pytest.approx(np.var(aucs), rel=0.15)


def test_a_score_gains_nothing_over_itself() -> None:
    auc = performance.measure_auc(LABELS, PDS)
    assert performance.measure_auc_gain(auc, auc, level=0.9) == (0.0, 0.0, 0.0)


def test_the_paired_interval_is_narrower_than_two_separate_ones() -> None:
    better, worse = PDS, np.clip(PDS + 0.05 * RNG.standard_normal(400), 0.01, 0.99)
    first, second = (performance.measure_auc(LABELS, pds) for pds in (better, worse))
    _, low, high = performance.measure_auc_gain(first, second, level=0.9)
    assert (high - low) ** 2 < (2 * 1.645) ** 2 * (first.variance + second.variance)


def test_observed_to_expected_is_one_on_target() -> None:
    assert performance.measure_observed_to_expected(
        np.array([1.0, 0.0]), np.array([0.4, 0.6])
    ) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("n_bad", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (150, 500, 0.2614, 0.3415)],
)
def test_the_interval_of_a_rate_is_wilsons(n_bad: int, n: int, low: float, high: float) -> None:
    assert performance.wilson_interval(n_bad, n, level=0.95) == pytest.approx((low, high), abs=1e-4)


def test_each_performance_metric_has_a_value_and_a_name_in_the_catalogue() -> None:
    found = performance.measure_performance(LABELS, PDS, *performance.PERFORMANCE)
    assert set(found) <= set(METRICS)
    assert all(np.isfinite(one.value) for one in found.values())
    intervals = [(one.low, one.value, one.high) for one in found.values() if one.low is not None]
    assert len(intervals) == 3
    assert all(low < value < high for low, value, high in intervals)


def test_a_pd_of_one_that_is_wrong_has_a_finite_log_loss() -> None:
    assert performance.measure_log_loss(np.array([0.0, 1.0]), np.array([1.0, 1.0])) < 11
