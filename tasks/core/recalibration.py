"""A second look at a challenger's probabilities, where they do not hold on loans that it did not fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from tasks.core.models import Floats
from tasks.core.performance import measure_spiegelhalter_z
from tasks.core.promotion import WORST_Z
from tasks.core.serving import COMPLETE, Served
from tasks.core.splits import cohort_groups


@dataclass(frozen=True)
class Recalibration:
    """Log-odds times `slope` plus `intercept` (Cox 1958); `z_before` is Spiegelhalter's without it."""

    slope: float
    intercept: float
    z_before: float


def recalibrate(pds: Floats, labels: Floats, cohorts: Sequence[date]) -> tuple[Floats, Recalibration | None]:
    """PDs (n,) to be judged, and what corrects the model; both as they were when |z| is below WORST_Z.

    The correction is learned from out-of-time loans. The PDs of each group of cohorts are corrected by what
    the others say, so that the gate never sees a correction on the loans that it came from.

    Needs:  PDs and labels (n,) of loans that the model did not fit, in order of their cohorts.
    """
    z = measure_spiegelhalter_z(labels, pds)
    if abs(z) < WORST_Z:
        return pds, None
    groups = cohort_groups(cohorts, np.ones(len(labels), dtype=bool), most=len(labels))
    corrected = pds.copy()
    for held in groups:
        corrected[held] = correct(pds[held], *_fit(pds[~held], labels[~held]))
    return corrected, Recalibration(*_fit(pds, labels), z_before=z)


def correct(pds: Floats, slope: float, intercept: float) -> Floats:
    """PDs after a recalibration of their log-odds."""
    return expit(slope * logit(pds) + intercept)


def correct_served(served: Served, by: Recalibration | None) -> Served:
    """The model with its blend for complete applications recalibrated; fallbacks stay as they are."""
    if by is None:
        return served
    blend = served.blends[COMPLETE]
    weights = tuple(by.slope * weight for weight in blend.weights)
    corrected = replace(blend, weights=weights, intercept=by.slope * blend.intercept + by.intercept)
    return replace(served, blends={**served.blends, COMPLETE: corrected})


def _fit(pds: Floats, labels: Floats) -> tuple[float, float]:
    model = LogisticRegression(C=1e6).fit(logit(pds)[:, None], labels)
    return float(model.coef_[0, 0]), float(model.intercept_[0])
