"""The families of models: which parts each has, how they are fitted, blended and calibrated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from tasks.core.parts import SOURCES, Part, Sources, build_part
from tasks.core.splits import cohort_groups
from tasks.schemas.feature_store import FEATURES

Family = Literal["logistic", "boosting", "stack"]
PARTS: dict[Family, tuple[Part, ...]] = {
    "logistic": ("linear",),
    "stack": ("evidence", "profile"),
    "boosting": ("boosted",),
}
FAMILIES: tuple[Family, ...] = tuple(PARTS)  # the simplest first: it wins a tie
Floats = NDArray[np.float64]
CROSS_FITS = 4


@dataclass(frozen=True)
class Recipe:
    """A family and its hyperparameters: besides data and seed, all it takes to fit the same model again."""

    family: Family
    params: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Lessons:
    """Loans to learn from: `features` as known on the training day, `targets` (n,) from 0 to 1.

    A target between 0 and 1 is the probability of default of a loan that is not ripe, given its arrears so
    far; `ripe` (n,) says whose target is a label. Rows are in order of application date and loan.
    """

    features: pl.DataFrame
    targets: Floats
    ripe: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Lessons":
        """The lessons of some rows."""
        return Lessons(
            self.features.filter(rows) if rows.dtype == bool else self.features[rows], *self._of(rows)
        )

    def _of(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> tuple[Floats, NDArray[np.bool_]]:
        return self.targets[rows], self.ripe[rows]


@dataclass(frozen=True)
class Blend:
    """Fitted parts, and the weights that turn their log-odds into one calibrated log-odds."""

    parts: tuple[Pipeline, ...]
    weights: tuple[float, ...]
    intercept: float


def fit_parts(
    recipe: Recipe, lessons: Lessons, *, seed: int, sources: Sources = SOURCES
) -> tuple[Pipeline, ...]:
    """The recipe's parts fitted to the lessons, from the columns of `sources` alone.

    A target p counts as a default of weight p and a good loan of weight 1 - p (soft labels).
    """
    built = [build_part(part, recipe.params, sources, seed=seed) for part in PARTS[recipe.family]]
    unsure = np.flatnonzero((lessons.targets > 0) & (lessons.targets < 1))
    features = lessons.features.select(FEATURES)
    twice = pl.concat([features, features[unsure]]) if len(unsure) else features
    labels = np.concatenate([lessons.targets > 0, np.zeros(len(unsure))]).astype(float)
    weights = np.concatenate(
        [np.where(lessons.targets > 0, lessons.targets, 1.0), 1 - lessons.targets[unsure]]
    )
    weighed = weights if len(unsure) else None
    return tuple(
        part.fit(twice, labels, **{f"{part.steps[-1][0]}__sample_weight": weighed}) for part in built if part
    )


def part_log_odds(parts: tuple[Pipeline, ...], features: pl.DataFrame) -> Floats:
    """Log-odds (rows, parts) of default that each part gives."""
    used = features.select(FEATURES)
    return np.column_stack([part.decision_function(used) for part in parts])


def fit_model(recipe: Recipe, lessons: Lessons, *, seed: int, sources: Sources = SOURCES) -> Blend:
    """Parts fitted to all lessons, blended by a logistic regression on loans that the parts did not see.

    The blend is fitted to the log-odds of ripe loans, each from parts fitted without its cohort's group
    (stacked generalisation, Wolpert 1992; for a single part this is Platt's calibration).
    """
    parts = fit_parts(recipe, lessons, seed=seed, sources=sources)
    groups = cohort_groups(lessons.features["snapshot_date"].to_list(), lessons.ripe, most=CROSS_FITS)
    unseen = np.zeros((len(lessons.targets), len(parts)))
    for held in groups:
        others = fit_parts(recipe, lessons.take(~held), seed=seed, sources=sources)
        unseen[held] = part_log_odds(others, lessons.features.filter(held))
    known = lessons.ripe & np.logical_or.reduce(groups)
    blend = LogisticRegression(C=10.0).fit(unseen[known], lessons.targets[known])
    return Blend(parts, tuple(float(w) for w in blend.coef_[0]), float(blend.intercept_[0]))


def score_log_odds(model: Blend, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of each row."""
    return part_log_odds(model.parts, features) @ np.asarray(model.weights) + model.intercept


def predict_pd(model: Blend, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return expit(score_log_odds(model, features))
