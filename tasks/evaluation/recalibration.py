"""A model's PDs brought back to the bad rate: another intercept and slope, the same ranking."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from tasks.modelling.candidates import WalkForward
from tasks.modelling.fallbacks import FallbackEnsemble, keep_answerable, score_ensemble
from tasks.modelling.splits import cohort_groups
from tasks.modelling.stacking import StackedModel
from tasks.modelling.training_set import label_array
from tasks.statistics.performance import Floats


@dataclass(frozen=True)
class Calibration:
    """New log-odds are `intercept` + `slope` times those of the model."""

    intercept: float
    slope: float


def fit_calibration(labels: Floats, log_odds: Floats) -> Calibration:
    """The calibration by which the log-odds (n,) of these loans fit their labels best (Cox 1958)."""
    model = LogisticRegression(C=np.inf).fit(log_odds.reshape(-1, 1), labels)
    return Calibration(float(model.intercept_[0]), float(model.coef_[0, 0]))


def recalibrate_ensemble(ensemble: FallbackEnsemble, calibration: Calibration) -> FallbackEnsemble:
    """The same model with the calibration on each of its score paths."""
    models = {path: _recalibrate(model, calibration) for path, model in ensemble.models.items()}
    return FallbackEnsemble(models, ensemble.reference)


def _recalibrate(model: StackedModel, calibration: Calibration) -> StackedModel:
    slope = calibration.slope
    return replace(
        model,
        weights=tuple(slope * weight for weight in model.weights),
        intercept=calibration.intercept + slope * model.intercept,
        weights_by_history=tuple(slope * weight for weight in model.weights_by_history),
        intercept_by_history=slope * model.intercept_by_history,
    )


def score_cross_fitted(
    ensemble: FallbackEnsemble, loans: pl.DataFrame, paths: Sequence[str]
) -> tuple[WalkForward, WalkForward]:
    """PDs by the model as it is, and recalibrated on the other cohorts alone, as served and by path.

    Of a single cohort one half is recalibrated on the other.

    Needs:  loans with features, label and snapshot_date, both outcomes in any half or any cohorts but one.
    """
    labels, served = label_array(loans), score_ensemble(ensemble, loans)
    intercepts, slopes = np.zeros(loans.height), np.ones(loans.height)
    everyone = np.ones(loans.height, dtype=bool)
    cohorts = loans["snapshot_date"]
    for held in cohort_groups(cohorts.to_list(), everyone, most=max(2, cohorts.n_unique())):
        unseen = fit_calibration(labels[~held], served[~held])
        intercepts[held], slopes[held] = unseen.intercept, unseen.slope
    before, after = dict[str, Floats](), dict[str, Floats]()
    for path in paths:
        answered = keep_answerable(loans.with_row_index("row"), path)
        rows, log_odds = answered["row"].to_numpy(), score_ensemble(ensemble, answered.drop("row"))
        before[path], after[path] = expit(log_odds), expit(intercepts[rows] + slopes[rows] * log_odds)
    return WalkForward(expit(served), before), WalkForward(expit(intercepts + slopes * served), after)
