"""What base models are built of: pipelines from columns of the feature store to a log-odds score."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler

from tasks.modelling.history_transformers import CredibilityWeightedMeans, LogLikelihoodTerms
from tasks.schemas.feature_store import CATEGORIES, MONOTONE, PROFILE_NUMBERS, SUMMARY_OF
from tasks.schemas.source_features import source_of
from tasks.statistics.categories import shared_words

BINS = 32  # as good out of time as 255, and quicker
MAX_BINS = 127  # room for BINS and for categories; the boosting goes through all of them, used or not
MAX_CODES = 100  # categories of a column that are told apart
Params = Mapping[str, Any]
Sources = Collection[str]
# From hyperparameters, the columns that there are, and a seed: the transformer of the columns, and the model
# of what it gives, both unfitted.
Build = Callable[[Params, pl.DataFrame, int], tuple[ColumnTransformer, Any]]
Explainer = Literal["linear", "trees"]  # how the score is shared out among features: see tasks/scoring


@dataclass(frozen=True)
class BaseModel:
    """A model that is fitted by itself, then stacked: what it reads, how it is built and explained.

    Where its columns are not `fixed_columns`, what they make of the features depends on hyperparameters.
    """

    name: str
    sources: tuple[str, ...]
    build: Build
    explainer: Explainer
    fixed_columns: bool = True


def of_other_source(name: str) -> BaseModel:
    """The base model of another team's source, which is one by itself."""
    return BaseModel(name, (name,), build_other, "trees")


def build_base_model(
    base_model: BaseModel, params: Params, features: pl.DataFrame, *, seed: int
) -> tuple[ColumnTransformer, Any]:
    """What turns the columns of the base model's sources into numbers, and the model of those, both unfitted.

    Needs:  the `features` that they will be fitted to.
    """
    seen = features.select(name for name in features.columns if source_of(name) in base_model.sources)
    return base_model.build(params, seen, seed)


def present(names: Collection[str], features: pl.DataFrame) -> list[str]:
    """Those of the names that the features have."""
    return [name for name in names if name in features.columns]


def build_scorecard(params: Params, features: pl.DataFrame, seed: int) -> tuple[ColumnTransformer, Any]:
    """Logistic scorecard: normal scores of numbers, categories, log-likelihood terms of histories."""
    numbers = make_pipeline(
        QuantileTransformer(
            n_quantiles=min(50, features.height), output_distribution="normal", subsample=100_000
        ),
        SimpleImputer(strategy="constant", fill_value=0.0, add_indicator=True),
    )
    words = present(CATEGORIES, features)
    one_hot = OneHotEncoder(
        categories=_shared_categories(features[words]), handle_unknown="ignore", sparse_output=False
    )
    steps = [
        *_steps_of_histories("evidence", _evidence, features),
        ("numbers", numbers, present(PROFILE_NUMBERS, features)),
        ("categories", one_hot, words),
    ]
    return assemble(steps, LogisticRegression(C=params.get("c", 0.05), max_iter=2000, random_state=seed))


def build_history_scorecard(
    params: Params, features: pl.DataFrame, seed: int
) -> tuple[ColumnTransformer, Any]:
    """Log-odds linear in the log-likelihood terms of the histories."""
    model = LogisticRegression(C=params.get("evidence_c", 0.01), max_iter=2000, random_state=seed)
    return assemble(_steps_of_histories("evidence", _evidence, features), model)


def _evidence() -> Pipeline:
    return make_pipeline(LogLikelihoodTerms(), StandardScaler())


def _steps_of_histories(
    kind: str, build: Callable[[], Pipeline], features: pl.DataFrame
) -> list[tuple[str, Any, list[str]]]:
    """A step for each of the lender's histories, named after the kind, and after the history if not alone."""
    several = len(SUMMARY_OF) > 1
    return [
        (f"{kind} {history}" if several else kind, build(), present(names, features))
        for history, names in SUMMARY_OF.items()
    ]


def build_trees(params: Params, features: pl.DataFrame, seed: int) -> tuple[ColumnTransformer, Any]:
    """Gradient boosting; histories as means weighed by their credibility."""
    words = present(CATEGORIES, features)
    numbers = present(PROFILE_NUMBERS, features)

    def weigh() -> Pipeline:
        return make_pipeline(CredibilityWeightedMeans(params.get("kappa", 30.0)), QuantileBins())

    levels = _steps_of_histories("levels", weigh, features)
    steps = [
        ("categories", _word_codes(features[words]), words),
        ("numbers", QuantileBins(), numbers),
        *levels,
    ]
    n_levels = sum(len(names) // 2 for _, _, names in levels)
    signs = [0] * len(words) + [MONOTONE.get(name, 0) for name in numbers] + [0] * n_levels
    return assemble(steps, _trees(params, len(words), signs, seed))


def build_other(params: Params, features: pl.DataFrame, seed: int) -> tuple[ColumnTransformer, Any]:
    """Gradient boosting on the columns of another team's source, of which only the type is known."""
    words = [name for name, kind in features.schema.items() if kind == pl.String]
    numbers = [name for name in features.columns if name not in words]
    steps: list[tuple[str, Any, list[str]]] = [
        ("categories", _word_codes(features[words]), words),
        ("numbers", QuantileBins(), numbers),
    ]
    return assemble(steps, _trees(params, len(words), [0] * features.width, seed))


def _word_codes(words: pl.DataFrame) -> OrdinalEncoder:
    """Categories as codes, of which the rarest share one; one that too few share, or none had, is missing."""
    crowded = any(column.n_unique() > MAX_CODES for column in words)
    return OrdinalEncoder(
        categories=_shared_categories(words),
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAX_CODES if crowded else None,  # counting categories takes a tenth of a fit
    )


def _shared_categories(words: pl.DataFrame) -> Any:
    """The categories of each column for an encoder, so that it holds none that too few rows share."""
    shared = [shared_words(column) for column in words]
    if all(len(kept) == column.drop_nulls().n_unique() for kept, column in zip(shared, words, strict=True)):
        return "auto"
    nulls = [[None] * (column.has_nulls() or not kept) for column, kept in zip(words, shared, strict=True)]
    return [np.array([*kept, *null], dtype=object) for kept, null in zip(shared, nulls, strict=True)]


def _trees(params: Params, n_words: int, signs: Sequence[int], seed: int) -> Any:
    """Gradient boosting on columns of which the first `n_words` are codes of categories."""
    fixed: Any = {"categorical_features": list(range(n_words)) or None, "early_stopping": False}
    return HistGradientBoostingClassifier(
        learning_rate=params.get("learning_rate", 0.08),
        max_iter=int(params.get("max_iter", 80)),
        max_leaf_nodes=int(params.get("max_leaf_nodes", 8)),
        min_samples_leaf=int(params.get("min_samples_leaf", 20)),
        l2_regularization=params.get("l2", 1.0),
        max_features=params.get("max_features", 0.3),
        max_bins=MAX_BINS,
        monotonic_cst=signs,
        random_state=seed,
        **fixed,
    )


class QuantileBins(BaseEstimator, TransformerMixin):
    """Numbers as the place of their value among BINS quantiles of the training data; NaN stays NaN.

    A column without any value in training is always 0, which the boosting takes where it fails on NaN
    alone. The boosting would bin them itself, but for weighted rows it does so a hundred times slower.
    """

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: N803, ARG002 - scikit-learn's names
        """Learn the inner edges of each column."""
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        columns = np.asarray(X, dtype=float).T
        known = [column[~np.isnan(column)] for column in columns]
        self.edges_ = [np.unique(np.quantile(values, inner)) if len(values) else values for values in known]
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Places from 0 to BINS - 1."""
        columns = np.asarray(X, dtype=float).T
        placed = [np.searchsorted(edges, column) for edges, column in zip(self.edges_, columns, strict=True)]
        learned = np.array([len(edges) > 0 for edges in self.edges_])
        return np.where(np.isnan(columns).T & learned, np.nan, np.asarray(placed, dtype=float).T)


def assemble(steps: list[tuple[str, Any, list[str]]], model: Any) -> tuple[ColumnTransformer, Any]:
    """The steps (name, transformer, columns) that have a column, and the model of what they give."""
    return ColumnTransformer([step for step in steps if step[2]]), model


def columns_of(base_model: Pipeline) -> set[str]:
    """The feature store's columns that a fitted base model reads."""
    columns: Any = base_model.steps[0][1]
    return {name for _, step, names in columns.transformers_ if step != "drop" for name in names}
