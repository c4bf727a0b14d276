import numpy as np
import pytest
from scipy.special import expit, logit

from tasks.core.models import Recipe
from tasks.core.performance import measure_spiegelhalter_z
from tasks.core.recalibration import Recalibration, correct, correct_served, recalibrate
from tasks.core.serving import fit_served, predict_served
from tests.builders import months
from tests.core.applicants import QUICK, applicants, lessons

RNG = np.random.default_rng(4)
TRUE = expit(RNG.normal(-1.0, 1.5, 1500))
LABELS = (RNG.random(1500) < TRUE).astype(float)
COHORTS = [months(3)[row // 500] for row in range(1500)]
TIMID = expit(0.5 * logit(TRUE) - 0.3)


def test_probabilities_that_hold_stay_as_they_are() -> None:
    judged, by = recalibrate(TRUE, LABELS, COHORTS)
    assert by is None
    assert np.array_equal(judged, TRUE)


def test_timid_probabilities_are_corrected_until_they_hold() -> None:
    judged, by = recalibrate(TIMID, LABELS, COHORTS)
    assert by is not None
    assert abs(by.z_before) > 2.58
    assert by.slope == pytest.approx(2.0, abs=0.25)
    assert abs(measure_spiegelhalter_z(LABELS, judged)) < 2.58


def test_a_cohort_is_judged_by_what_the_others_say_of_it() -> None:
    judged, _ = recalibrate(TIMID, LABELS, COHORTS)
    flipped = np.where(np.arange(1500) < 500, 1 - LABELS, LABELS)
    again, by = recalibrate(TIMID, flipped, COHORTS)
    assert by is not None
    assert np.array_equal(again[:500], judged[:500])
    assert not np.allclose(again[500:], judged[500:])


def test_the_model_that_serves_takes_the_correction_and_its_fallbacks_do_not() -> None:
    served = fit_served(Recipe("stack", QUICK), lessons(), seed=0)
    corrected = correct_served(served, Recalibration(slope=0.5, intercept=-0.2, z_before=3.0))
    before, after = (predict_served(model, applicants(seed=2)) for model in (served, corrected))
    assert after == pytest.approx(correct(before, 0.5, -0.2))
    assert corrected.blends["clickstream"] == served.blends["clickstream"]
