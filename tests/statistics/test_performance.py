import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

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
