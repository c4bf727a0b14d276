"""The model that serves: one stacked model for each score path, the way in which sources are missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from tasks.lender.current import lender
from tasks.modelling.families import ModelSpec
from tasks.modelling.stacking import (
    CROSS_FITS,
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

    These are the ways in which applications lack sources here, each source alone, and all of them, so that
    every application has an answer; not all subsets, which double with each source.

    Needs:  has_<source> where such ways are to be found.
    """
    ours = [source for source in may_be_missing() if source in all_sources(features)]
    order = [*ours, *other_sources(features.columns)]
    ways = {(), *((source,) for source in order), tuple(order)}
    if all(HAS_SOURCE[source] in features.columns for source in ours):
        ways |= {_lacking(name) for name in find_missing(features).unique()}

    def place(way: tuple[str, ...]) -> tuple[list[int], list[int]]:
        places = [order.index(source) for source in way]
        of_ours, of_others = ([at for at in places if (at < len(ours)) == own] for own in (True, False))
        return [len(of_ours), *of_ours], [len(of_others), *of_others]

    names = [name_missing(way) for way in sorted(ways, key=place)]
    return {name: sources_of_path(name, features) for name in names}


def sources_of_path(path: str, features: pl.DataFrame) -> tuple[str, ...]:
    """The sources that a score path reads, of those among the features."""
    lacking = _lacking(path)
    return tuple(source for source in all_sources(features) if source not in lacking)


def answering_path(missing: str, paths: Collection[str]) -> str:
    """The score path that answers an application which lacks these sources, of the `paths` of a model.

    It is the one without just these; where a model has none, of those that do without them the one that does
    without fewest others. So no path reads a source that says nothing.
    """
    if missing in paths:
        return missing
    able = [path for path in paths if set(_lacking(missing)) <= set(_lacking(path))]
    return min(able, key=lambda path: (path.count("+"), path), default=missing)


def may_be_missing() -> list[str]:
    """The lender's own sources without which an application is scored all the same."""
    return [source.name for source in lender().sources if source.may_be_missing]


def name_missing(lacking: Sequence[str]) -> str:
    """What gold.predictions records of an application that these sources do not know."""
    return "+".join(lacking) or COMPLETE


def _lacking(path: str) -> tuple[str, ...]:
    return () if path == COMPLETE else tuple(path.split("+"))


def path_without(path: str, sources: Collection[str], features: pl.DataFrame) -> str:
    """The score path that does without these sources too, besides those that the path does without."""
    lacking = {*sources, *_lacking(path)}
    return name_missing([source for source in all_sources(features) if source in lacking])


def fit_ensemble(
    spec: ModelSpec,
    training_set: TrainingSet,
    *,
    seed: int,
    paths: Collection[str] | None = None,
    cross_fits: int = CROSS_FITS,
) -> FallbackEnsemble:
    """The model fitted with all sources, and once more for each way that sources are missing.

    Needs:  `paths`, names of the score paths to fit, where they are not those of `sources_left`.
    """
    features = training_set.features
    known = sources_left(features)
    chosen = known if paths is None else [name for name in known if name in paths]
    more = [name for name in sorted(paths or ()) if name not in known]
    wanted = {name: sources_of_path(name, features) for name in (*chosen, *more)}
    models = fit_stacked_models(spec, training_set, wanted, seed=seed, cross_fits=cross_fits)
    return FallbackEnsemble(models, reference_applicant(training_set.features))


def refit_base_models(
    spec: ModelSpec, ensemble: FallbackEnsemble, training_set: TrainingSet, *, seed: int
) -> FallbackEnsemble:
    """The same models, stacked by the same weights, of base models fitted to another training set."""
    features = training_set.features
    used = {name: base_models_of(spec, features, sources_of_path(name, features)) for name in ensemble.models}
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
    if not lacks:  # no source of this lender may be missing
        return pl.repeat(COMPLETE, features.height, eager=True).alias("fallback")
    named = pl.concat_str(lacks, separator="+", ignore_nulls=True)
    return features.select(fallback=pl.when(named == "").then(pl.lit(COMPLETE)).otherwise(named)).to_series()


def _knows(features: pl.DataFrame) -> dict[str, pl.Expr]:
    """Whether each source that is among the features, and may be missing, knows the customer."""
    ours = [source for source in may_be_missing() if source in all_sources(features)]
    return {source: pl.col(HAS_SOURCE[source]) for source in ours} | knows_other(features.columns)


def find_paths(
    features: pl.DataFrame, learned: Sequence[str], paths: Collection[str] | None = None
) -> pl.Series:
    """The score path that each application takes in a model that learned these features.

    Needs:  the `paths` of the model, where it is fitted already.
    """
    missing = find_missing(features.select(*HAS_SOURCE.values(), *learned))
    if paths is None:
        return missing
    return missing.replace({way: answering_path(way, paths) for way in missing.unique()})


def keep_answerable(features: pl.DataFrame, path: str) -> pl.DataFrame:
    """The applications that a score path can answer, as if the sources that it lacks said nothing of them.

    So what the path would say is known of more applications than of those that took it.
    Keys:   rows keep their order.
    """
    lacking = _lacking(path)
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


def paths_taken(ensemble: FallbackEnsemble, features: pl.DataFrame) -> pl.Series:
    """The score path of the ensemble that answers each application."""
    return find_paths(features, ensemble.reference.columns, ensemble.models)


def rows_by_model(
    ensemble: FallbackEnsemble, features: pl.DataFrame
) -> list[tuple[StackedModel, np.ndarray]]:
    """Each model that is needed, with the numbers of the rows that it answers for."""
    taken = paths_taken(ensemble, features).to_numpy()
    pairs = [(model, np.flatnonzero(taken == name)) for name, model in ensemble.models.items()]
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
