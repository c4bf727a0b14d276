import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tasks.monitoring.expected_auc import measure_expected_auc, measure_expected_auc_spread


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
