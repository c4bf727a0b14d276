"""The families of models: which parts each has, how they are fitted, blended and calibrated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from tasks.core.parts import Part, Sources, build_part, reads
from tasks.core.side_by_side import call_all
from tasks.core.splits import cohort_groups
from tasks.schemas.feature_store import SOURCES
from tasks.schemas.source_features import features_in, other_sources

Family = Literal["logistic", "boosting", "stack"]
PARTS: dict[Family, tuple[Part, ...]] = {
    "logistic": ("linear",),
    "stack": ("evidence", "profile"),
    "boosting": ("boosted",),
}
FAMILIES: tuple[Family, ...] = tuple(PARTS)  # the simplest first: it wins a tie
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
CROSS_FITS = 3  # as good out of time as 4


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


def fit_parts(recipe: Recipe, lessons: Lessons, *, seed: int) -> tuple[Pipeline, ...]:
    """The recipe's parts fitted to the lessons, from all of our sources."""
    return tuple(
        fit_part(recipe, part, lessons, seed=seed, sources=reads(part)) for part in PARTS[recipe.family]
    )


def fit_part(recipe: Recipe, part: Part, lessons: Lessons, *, seed: int, sources: Sources) -> Pipeline:
    """One part fitted to the lessons, from the columns of `sources` alone.

    A target p counts as a default of weight p and a good loan of weight 1 - p (soft labels).
    """
    unsure = np.flatnonzero((lessons.targets > 0) & (lessons.targets < 1))
    features = lessons.features.select(features_in(lessons.features.columns))
    twice = pl.concat([features, features[unsure]]) if len(unsure) else features
    labels = np.concatenate([lessons.targets > 0, np.zeros(len(unsure))]).astype(float)
    weights = np.concatenate(
        [np.where(lessons.targets > 0, lessons.targets, 1.0), 1 - lessons.targets[unsure]]
    )
    pipeline = build_part(part, recipe.params, sources, twice, seed=seed)
    weighed = weights if len(unsure) else None
    return pipeline.fit(twice, labels, **{f"{pipeline.steps[-1][0]}__sample_weight": weighed})


def part_log_odds(parts: Sequence[Pipeline], features: pl.DataFrame) -> Floats:
    """Log-odds (rows, parts) of default that each part gives."""
    used = features.select(features_in(features.columns))
    return np.column_stack([part.decision_function(used) for part in parts])


def parts_of(recipe: Recipe, features: pl.DataFrame) -> tuple[Part, ...]:
    """The parts of a blend with all sources, in its order: ours, then each other team's source."""
    return (*PARTS[recipe.family], *other_sources(features.columns))


def all_sources(features: pl.DataFrame) -> tuple[str, ...]:
    """Our sources, and those of other teams among the columns."""
    return (*SOURCES, *other_sources(features.columns))


def fit_model(recipe: Recipe, lessons: Lessons, *, seed: int, sources: Sources | None = None) -> Blend:
    """The blend of `fit_blends` for one choice of sources, or for all."""
    chosen = all_sources(lessons.features) if sources is None else sources
    return fit_blends(recipe, lessons, {"": chosen}, seed=seed)[""]


def fit_blends(
    recipe: Recipe, lessons: Lessons, choices: Mapping[str, Sources], *, seed: int
) -> dict[str, Blend]:
    """For each choice of sources: parts fitted to all lessons, blended on loans that the parts did not see.

    The blend is a logistic regression on the log-odds of ripe loans, each from parts fitted without its
    cohort's group (stacked generalisation, Wolpert 1992; for a single part this is Platt's calibration).
    A part that reads the same sources in several choices is fitted once; a source of another team is a part
    by itself.
    """
    possible = parts_of(recipe, lessons.features)
    used = {
        name: [(part, left) for part in possible if (left := tuple(s for s in reads(part) if s in sources))]
        for name, sources in choices.items()
    }
    groups = cohort_groups(lessons.features["snapshot_date"].to_list(), lessons.ripe, most=CROSS_FITS)
    known = lessons.ripe & np.logical_or.reduce(groups)
    asked = list(dict.fromkeys(one for ones in used.values() for one in ones))
    fitted = dict(zip(asked, _cross_fit(recipe, asked, lessons, groups, seed=seed), strict=True))
    blends: dict[str, Blend] = {}
    for name, ones in used.items():
        parts, unseen = zip(*(fitted[one] for one in ones), strict=True)
        blend = LogisticRegression(C=10.0).fit(np.column_stack(unseen)[known], lessons.targets[known])
        blends[name] = Blend(parts, tuple(float(w) for w in blend.coef_[0]), float(blend.intercept_[0]))
    return blends


def _cross_fit(
    recipe: Recipe,
    asked: Sequence[tuple[Part, Sources]],
    lessons: Lessons,
    groups: Sequence[Mask],
    *,
    seed: int,
) -> list[tuple[Pipeline, Floats]]:
    """Each part fitted to all lessons, and log-odds (n,) of each group by a fit without its loans."""
    held_out = (np.zeros_like(lessons.ripe), *groups)
    fits = call_all(
        partial(_fit_without, held, recipe, part, lessons, seed=seed, sources=sources)
        for part, sources in asked
        for held in held_out
    )
    of_part = [fits[first : first + len(held_out)] for first in range(0, len(fits), len(held_out))]
    return [(whole, np.sum([unseen for _, unseen in others], axis=0)) for (whole, _), *others in of_part]


def _fit_without(
    held: Mask, recipe: Recipe, part: Part, lessons: Lessons, *, seed: int, sources: Sources
) -> tuple[Pipeline, Floats]:
    """A part fitted to the loans that are not held out, and its log-odds (n,) of those that are, else 0."""
    fitted = fit_part(recipe, part, lessons.take(~held), seed=seed, sources=sources)
    unseen = np.zeros(len(held))
    if held.any():
        unseen[held] = part_log_odds([fitted], lessons.features.filter(held))[:, 0]
    return fitted, unseen


def score_log_odds(model: Blend, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of each row."""
    return part_log_odds(model.parts, features) @ np.asarray(model.weights) + model.intercept


def predict_pd(model: Blend, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return expit(score_log_odds(model, features))
