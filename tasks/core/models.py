"""The families of models and what each does to the features; all that is learned is learned in `fit`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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

from tasks.schemas.feature_store import (
    ATTRIBUTE_NUMBERS,
    CATEGORIES,
    CLICKSTREAM_LEVELS,
    CLICKSTREAM_MONTHS,
    FEATURES,
    FINANCIAL_NUMBERS,
)

Family = Literal["logistic", "boosting"]
FAMILIES: tuple[Family, ...] = ("logistic", "boosting")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """A family and its hyperparameters: besides data and seed, all it takes to fit the same model again."""

    family: Family
    params: Mapping[str, float] = field(default_factory=dict)


class ClickstreamEvidence(BaseEstimator, TransformerMixin):
    """A customer's levels as evidence: their distance from the usual, weighed by the months behind them.

    A mean of n months of noise around a level deserves the weight n / (n + kappa) (credibility, Buehlmann
    1967); kappa, in months, is the ratio of the noise's variance to that of the levels. No history weighs 0.

    Shapes: (rows, 1 + levels), the months first; gives (rows, levels).
    """

    def __init__(self, kappa: float = 10.0) -> None:
        self.kappa = kappa

    def fit(self, X: pl.DataFrame, y: object = None) -> Self:  # noqa: N803, ARG002 - scikit-learn's names
        """Learn the usual level of each measure: the mean over customers, weighed by their months."""
        months, levels = _months_and_levels(X)
        known = np.where(np.isnan(levels), 0.0, months)
        self.usual_ = np.nansum(known * np.nan_to_num(levels), axis=0) / np.maximum(known.sum(axis=0), 1.0)
        return self

    def transform(self, X: pl.DataFrame) -> Floats:  # noqa: N803
        """Weighed distances from the usual levels; 0 where nothing is known."""
        months, levels = _months_and_levels(X)
        return np.nan_to_num(months / (months + self.kappa) * (levels - self.usual_))


def _months_and_levels(frame: pl.DataFrame) -> tuple[Floats, Floats]:
    values = frame.to_numpy().astype(float)
    return np.nan_to_num(values[:, :1]), values[:, 1:]


def build_estimator(recipe: Recipe, *, seed: int) -> Pipeline:
    """An unfitted scikit-learn pipeline from the feature store's columns to a probability of default."""
    builders = {"logistic": _logistic, "boosting": _boosting}
    return builders[recipe.family](dict(recipe.params), seed)


def fit_model(recipe: Recipe, features: pl.DataFrame, labels: Floats, *, seed: int) -> Pipeline:
    """The recipe fitted to loans with known labels.

    Needs:  the columns FEATURES of gold.feature_store; labels (n,) of 0 and 1 in the same order.
    """
    return build_estimator(recipe, seed=seed).fit(features.select(FEATURES), labels)


def predict_pd(model: Pipeline, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return model.predict_proba(features.select(FEATURES))[:, 1]


def _logistic(params: dict[str, Any], seed: int) -> Pipeline:
    numbers = make_pipeline(
        QuantileTransformer(n_quantiles=50, output_distribution="normal", subsample=100_000),
        SimpleImputer(strategy="constant", fill_value=0.0, add_indicator=True),
    )
    columns = ColumnTransformer(
        [
            ("evidence", _evidence(params), [CLICKSTREAM_MONTHS, *CLICKSTREAM_LEVELS]),
            ("numbers", numbers, [*ATTRIBUTE_NUMBERS, *FINANCIAL_NUMBERS]),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(CATEGORIES)),
        ]
    )
    model = LogisticRegression(C=params.get("c", 0.1), max_iter=2000, random_state=seed)
    return make_pipeline(columns, model)


def _evidence(params: dict[str, Any]) -> Pipeline:
    return make_pipeline(ClickstreamEvidence(params.get("kappa", 30.0)), StandardScaler())


def _boosting(params: dict[str, Any], seed: int) -> Pipeline:
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    columns = ColumnTransformer(
        [
            ("categories", encoder, list(CATEGORIES)),
            (
                "evidence",
                ClickstreamEvidence(params.get("kappa", 30.0)),
                [CLICKSTREAM_MONTHS, *CLICKSTREAM_LEVELS],
            ),
            ("numbers", "passthrough", [*ATTRIBUTE_NUMBERS, *FINANCIAL_NUMBERS]),
        ]
    )
    fixed: Any = {"categorical_features": list(range(len(CATEGORIES))), "early_stopping": False}
    model = HistGradientBoostingClassifier(
        learning_rate=params.get("learning_rate", 0.05),
        max_iter=int(params.get("max_iter", 150)),
        max_leaf_nodes=int(params.get("max_leaf_nodes", 6)),
        min_samples_leaf=int(params.get("min_samples_leaf", 30)),
        l2_regularization=params.get("l2", 1.0),
        max_features=params.get("max_features", 0.5),
        random_state=seed,
        **fixed,
    )
    return make_pipeline(columns, model)
