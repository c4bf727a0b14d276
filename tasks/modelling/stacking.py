"""The families of models: which parts each has, how they are fitted, blended and calibrated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from tasks.modelling.base_models import Part, Sources, build_part, reads
from tasks.modelling.parallel import call_all
from tasks.modelling.splits import cohort_groups
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import SOURCES
from tasks.schemas.source_features import features_in, other_sources
from tasks.statistics.performance import Floats

Family = Literal["logistic", "boosting", "stack"]
PARTS: dict[Family, tuple[Part, ...]] = {
    "logistic": ("linear",),
    "stack": ("evidence", "profile"),
    "boosting": ("boosted",),
}
FAMILIES: tuple[Family, ...] = tuple(PARTS)  # the simplest first: it wins a tie
Mask = NDArray[np.bool_]
CROSS_FITS = 3  # as good out of time as 4


@dataclass(frozen=True)
class ModelSpec:
    """A family and its hyperparameters: besides data and seed, all it takes to fit the same model again."""

    family: Family
    params: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StackedModel:
    """Fitted parts, and the weights that turn their log-odds into one calibrated log-odds."""

    parts: tuple[Pipeline, ...]
    weights: tuple[float, ...]
    intercept: float


def fit_parts(spec: ModelSpec, training_set: TrainingSet, *, seed: int) -> tuple[Pipeline, ...]:
    """The spec's parts fitted to the training set, from all of our sources."""
    return tuple(
        fit_part(spec, part, training_set, seed=seed, sources=reads(part)) for part in PARTS[spec.family]
    )


def fit_part(
    spec: ModelSpec, part: Part, training_set: TrainingSet, *, seed: int, sources: Sources
) -> Pipeline:
    """One part fitted to the training set, from the columns of `sources` alone."""
    columns, model, numbers = _prepare(spec, part, training_set.features, seed=seed, sources=sources)
    return make_pipeline(columns, _fit_numbers(model, numbers, training_set.targets))


def _prepare(
    spec: ModelSpec, part: Part, features: pl.DataFrame, *, seed: int, sources: Sources
) -> tuple[ColumnTransformer, Any, Floats]:
    """A part's fitted columns, its unfitted model, and the numbers (n, columns) to fit it to."""
    used = features.select(features_in(features.columns))
    columns, model = build_part(part, spec.params, sources, used, seed=seed)
    return columns, model, np.asarray(columns.fit_transform(used))


def _fit_numbers(model: Any, numbers: Floats, targets: Floats) -> Any:
    """A copy of the model fitted to numbers (n, columns) and targets (n,).

    A target p counts as a default of weight p and a good loan of weight 1 - p (soft labels). Where all loans
    have one outcome, as in a small cohort, half a mean loan of the other is added: its odds are unknown, not
    infinite.
    """
    fresh: Any = clone(model)
    if np.ptp(targets) == 0 and targets[0] in (0, 1):
        labels, weights = np.append(targets, 1 - targets[0]), np.append(np.ones(len(targets)), 0.5)
        return fresh.fit(np.vstack([numbers, numbers.mean(axis=0)]), labels, sample_weight=weights)
    unsure = np.flatnonzero((targets > 0) & (targets < 1))
    if not len(unsure):
        return fresh.fit(numbers, targets)
    labels = np.concatenate([targets > 0, np.zeros(len(unsure))]).astype(float)
    weights = np.concatenate([np.where(targets > 0, targets, 1.0), 1 - targets[unsure]])
    return fresh.fit(np.vstack([numbers, numbers[unsure]]), labels, sample_weight=weights)


def part_log_odds(parts: Sequence[Pipeline], features: pl.DataFrame) -> Floats:
    """Log-odds (rows, parts) of default that each part gives."""
    used = features.select(features_in(features.columns))
    return np.column_stack([part.decision_function(used) for part in parts])


def parts_of(spec: ModelSpec, features: pl.DataFrame) -> tuple[Part, ...]:
    """The parts of a model with all sources, in its order: ours, then each other team's source."""
    return (*PARTS[spec.family], *other_sources(features.columns))


def all_sources(features: pl.DataFrame) -> tuple[str, ...]:
    """Our sources, and those of other teams among the columns."""
    return (*SOURCES, *other_sources(features.columns))


def fit_model(
    spec: ModelSpec, training_set: TrainingSet, *, seed: int, sources: Sources | None = None
) -> StackedModel:
    """The model of `fit_stacked_models` for one choice of sources, or for all."""
    chosen = all_sources(training_set.features) if sources is None else sources
    return fit_stacked_models(spec, training_set, {"": chosen}, seed=seed)[""]


def fit_stacked_models(
    spec: ModelSpec, training_set: TrainingSet, choices: Mapping[str, Sources], *, seed: int
) -> dict[str, StackedModel]:
    """For each choice of sources: parts fitted to all loans, stacked on loans that the parts did not see.

    The model is a logistic regression on the log-odds of ripe loans, each from parts fitted without its
    cohort's group (stacked generalisation, Wolpert 1992; for a single part this is Platt's calibration).
    A part that reads the same sources in several choices is fitted once; a source of another team is a part
    by itself.
    """
    possible = parts_of(spec, training_set.features)
    used = {
        name: [(part, left) for part in possible if (left := tuple(s for s in reads(part) if s in sources))]
        for name, sources in choices.items()
    }
    groups = cohort_groups(
        training_set.features["snapshot_date"].to_list(), training_set.ripe, most=CROSS_FITS
    )
    known = training_set.ripe & np.logical_or.reduce(groups)
    asked = list(dict.fromkeys(one for ones in used.values() for one in ones))
    fitted = {
        (part, left): cross_fit(spec, part, training_set, groups, seed=seed, sources=left)
        for part, left in asked
    }
    models: dict[str, StackedModel] = {}
    for name, ones in used.items():
        parts, unseen = zip(*(fitted[one] for one in ones), strict=True)
        model = LogisticRegression(C=10.0).fit(np.column_stack(unseen)[known], training_set.targets[known])
        models[name] = StackedModel(
            parts, tuple(float(w) for w in model.coef_[0]), float(model.intercept_[0])
        )
    return models


def cross_fit(
    spec: ModelSpec,
    part: Part,
    training_set: TrainingSet,
    groups: Sequence[Mask],
    *,
    seed: int,
    sources: Sources,
) -> tuple[Pipeline, Floats]:
    """A part fitted to all loans, and log-odds (n,) of each group by a model fitted without its loans.

    The columns, which know no outcome, are prepared once, from all loans.
    """
    columns, model, numbers = _prepare(spec, part, training_set.features, seed=seed, sources=sources)

    def fit_without(held: Mask) -> Any:
        return _fit_numbers(model, numbers[~held], training_set.targets[~held])

    nothing = np.zeros_like(training_set.ripe)
    whole, *others = call_all(partial(fit_without, held) for held in (nothing, *groups))
    unseen = np.zeros(len(numbers))
    for held, fitted in zip(groups, others, strict=True):
        unseen[held] = fitted.decision_function(numbers[held])
    return make_pipeline(columns, whole), unseen


def score_log_odds(model: StackedModel, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of each row."""
    return part_log_odds(model.parts, features) @ np.asarray(model.weights) + model.intercept


def predict_pd(model: StackedModel, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return expit(score_log_odds(model, features))
