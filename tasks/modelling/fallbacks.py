"""The model that serves: one stacked model for each score path, the way in which sources are missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from tasks.lender.current import lender
from tasks.modelling.families import ModelSpec
from tasks.modelling.stacking import (
    StackedModel,
    all_sources,
    base_models_of,
    call_side_by_side,
    fit_base_model,
    fit_stacked_models,
    score_log_odds,
)
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import HAS_SOURCE
from tasks.schemas.predictions import COMPLETE
from tasks.schemas.source_features import features_in, knows_other, other_sources, source_of
from tasks.statistics.performance import Floats


@dataclass(frozen=True)
class FallbackEnsemble:
    """A model for each way that sources can be missing; the reference applicant (one row) of explanations."""

    models: Mapping[str, StackedModel]
    reference: pl.DataFrame

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled ensemble; older ones call the models `blends`."""
        vars(self).update({"models" if name == "blends" else name: value for name, value in state.items()})


def sources_left(features: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """The sources left in each way that some are missing, by the name that gold.predictions records.

    They double with each source of another team; base models are fitted once, so each costs a regression.
    """
    others = other_sources(features.columns)
    ours_there = [source for source in may_be_missing() if source in all_sources(features)]
    gone: dict[str, tuple[str, ...]] = {
        name_missing(lacking): lacking
        for ours in ((), *_subsets(ours_there))
        for lacking in (ours, *((*ours, *some) for some in _subsets(others)))
    }
    return {
        name: tuple(source for source in all_sources(features) if source not in lacking)
        for name, lacking in gone.items()
    }


def may_be_missing() -> list[str]:
    """The lender's own sources without which an application is scored all the same."""
    return [source.name for source in lender().sources if source.may_be_missing]


def _subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [some for n in range(1, len(names) + 1) for some in combinations(names, n)]


def name_missing(lacking: Sequence[str]) -> str:
    """What gold.predictions records of an application that these sources do not know."""
    return "+".join(lacking) or COMPLETE


def path_without(path: str, sources: Collection[str], features: pl.DataFrame) -> str:
    """The score path that does without these sources too, besides those that the path does without."""
    lacking = {*sources, *path.split("+")}
    return name_missing([source for source in all_sources(features) if source in lacking])


def fit_ensemble(
    spec: ModelSpec, training_set: TrainingSet, *, seed: int, paths: Collection[str] | None = None
) -> FallbackEnsemble:
    """The model fitted with all sources, and once more for each way that sources can be missing.

    Needs:  `paths`, names of the score paths to fit where not all of them are needed.
    """
    left = sources_left(training_set.features)
    wanted = left if paths is None else {name: left[name] for name in left if name in paths}
    models = fit_stacked_models(spec, training_set, wanted, seed=seed)
    return FallbackEnsemble(models, reference_applicant(training_set.features))


def refit_base_models(
    spec: ModelSpec, ensemble: FallbackEnsemble, training_set: TrainingSet, *, seed: int
) -> FallbackEnsemble:
    """The same models, stacked by the same weights, of base models fitted to another training set."""
    left = sources_left(training_set.features)
    used = {name: base_models_of(spec, training_set.features, left[name]) for name in ensemble.models}
    needed = list(dict.fromkeys(base_model for chosen in used.values() for base_model in chosen))
    fits = (partial(fit_base_model, spec, base_model, training_set, seed=seed) for base_model in needed)
    fitted = dict(zip(needed, call_side_by_side(fits), strict=True))
    models = {
        name: replace(model, base_models=tuple(fitted[base_model] for base_model in used[name]))
        for name, model in ensemble.models.items()
    }
    return FallbackEnsemble(models, ensemble.reference)


def reference_applicant(features: pl.DataFrame) -> pl.DataFrame:
    """One row: the median of every number and the most frequent word of every category."""
    used = features.select(features_in(features.columns))
    return used.select(
        pl.col(name).drop_nulls().mode().sort().first() if kind == pl.String else pl.col(name).median()
        for name, kind in used.schema.items()
    )


def find_missing(features: pl.DataFrame) -> pl.Series:
    """What each application lacks, as `name_missing` names it; `none` when the sources know the customer.

    Needs:  has_<source>, and the features that the model learned: what it did not learn from is not lacking.
    """
    lacks = [pl.when(~known).then(pl.lit(source)) for source, known in _knows(features).items()]
    named = pl.concat_str(lacks, separator="+", ignore_nulls=True)
    return features.select(fallback=pl.when(named == "").then(pl.lit(COMPLETE)).otherwise(named)).to_series()


def _knows(features: pl.DataFrame) -> dict[str, pl.Expr]:
    """Whether each source that is among the features, and may be missing, knows the customer."""
    ours = [source for source in may_be_missing() if source in all_sources(features)]
    return {source: pl.col(HAS_SOURCE[source]) for source in ours} | knows_other(features.columns)


def find_paths(features: pl.DataFrame, learned: Sequence[str]) -> pl.Series:
    """The score path that each application takes in a model that learned these features."""
    return find_missing(features.select(*HAS_SOURCE.values(), *learned))


def keep_answerable(features: pl.DataFrame, path: str) -> pl.DataFrame:
    """The applications that a score path can answer, as if the sources that it lacks said nothing of them.

    So what the path would say is known of more applications than of those that took it.
    Keys:   rows keep their order.
    """
    lacking = () if path == COMPLETE else path.split("+")
    needed = [known for source, known in _knows(features).items() if source not in lacking]
    return take_away(features.filter(pl.lit(value=True), *needed), lacking)


def take_away(features: pl.DataFrame, sources: Collection[str]) -> pl.DataFrame:
    """The same applications as if these sources said nothing of them."""
    gone = [name for name in features_in(features.columns) if source_of(name) in sources]
    flags = [HAS_SOURCE[source] for source in sorted(sources) if source in HAS_SOURCE]
    return features.with_columns(
        *(pl.lit(None, features.schema[name]).alias(name) for name in gone),
        *(pl.lit(value=False).alias(flag) for flag in flags),
    )


def rows_by_model(
    ensemble: FallbackEnsemble, features: pl.DataFrame
) -> list[tuple[StackedModel, np.ndarray]]:
    """Each model that is needed, with the numbers of the rows that it answers for."""
    missing = find_paths(features, ensemble.reference.columns).to_numpy()
    pairs = [(model, np.flatnonzero(missing == name)) for name, model in ensemble.models.items()]
    return [(model, rows) for model, rows in pairs if len(rows)]


def score_ensemble(ensemble: FallbackEnsemble, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of each row, by the model for the sources it has."""
    log_odds = np.zeros(features.height)
    for model, rows in rows_by_model(ensemble, features):
        log_odds[rows] = score_log_odds(model, features[rows])
    return log_odds


def predict_ensemble(ensemble: FallbackEnsemble, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return expit(score_ensemble(ensemble, features))


def score_by_path(ensemble: FallbackEnsemble, applications: pl.DataFrame) -> dict[str, pl.Series]:
    """PDs by every score path of the applications that it can answer."""
    answerable = {path: keep_answerable(applications, path) for path in ensemble.models}
    return {path: pl.Series(predict_ensemble(ensemble, rows)) for path, rows in answerable.items()}
