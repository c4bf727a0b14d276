"""A customer's history as numbers whose weight grows with the number of months."""

from typing import Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin

from tasks.statistics.performance import Floats


class CredibilityWeightedMeans(BaseEstimator, TransformerMixin):
    """A customer's mean levels as features: distance from the overall mean, weighted by credibility.

    A mean of n months of noise around a level deserves the weight n / (n + kappa) (credibility, Buehlmann
    1967); kappa, in months, is the ratio of the variance within customers to that between them. No history
    has weight 0.

    Shapes: (rows, SUMMARY); gives (rows, measures).
    """

    def __init__(self, kappa: float = 10.0) -> None:
        self.kappa = kappa

    def fit(self, X: pl.DataFrame, y: object = None) -> Self:  # noqa: N803, ARG002 - scikit-learn's names
        """Learn the overall mean of each measure: over customers, weighted by their months."""
        months, levels, _ = _parts_of(_numbers_of(X))
        self.usual_ = _usual(months, levels)
        return self

    def transform(self, X: pl.DataFrame) -> Floats:  # noqa: N803
        """Weighted distances from the overall means; 0 where nothing is known."""
        return self.weigh(_numbers_of(X))

    def weigh(self, values: Floats) -> Floats:
        """As `transform`, of an array."""
        months, levels, _ = _parts_of(values)
        return np.nan_to_num(months / (months + self.kappa) * (levels - self.usual_))


class LogLikelihoodTerms(BaseEstimator, TransformerMixin):
    """Sums over the months known: the form in which log-likelihood ratios of independent months add up.

    If the months are independent given the outcome and about normal, the log-odds they carry are linear in
    the number of months, in the sum of the distances from the overall mean and in the sum of their squares.
    A linear model of these sums therefore holds for histories longer than those it was fitted on.

    Shapes: (rows, SUMMARY); gives (rows, 1 + 2 * measures): months, sums, sums of squares less expected.
    """

    def fit(self, X: pl.DataFrame, y: object = None) -> Self:  # noqa: N803, ARG002
        """Learn the overall mean and the mean monthly variance of each measure."""
        months, levels, spreads = _parts_of(_numbers_of(X))
        self.usual_ = _usual(months, levels)
        squares = _squares(months, levels - self.usual_, spreads).sum(axis=0)
        usual = squares / np.maximum((months * ~np.isnan(levels)).sum(axis=0), 1.0)
        self.variance_ = np.where(usual > 0, usual, 1.0)
        return self

    def transform(self, X: pl.DataFrame) -> Floats:  # noqa: N803
        """Months, sums and sums of squares in units of the standard deviation; 0 where nothing is known."""
        return self.sum_up(_numbers_of(X))

    def sum_up(self, values: Floats) -> Floats:
        """As `transform`, of an array."""
        months, levels, spreads = _parts_of(values)
        away = levels - self.usual_
        sums = _or_zero(months * away) / np.sqrt(self.variance_)
        squares = _squares(months, away, spreads) / self.variance_ - months * ~np.isnan(levels)
        return np.hstack([months, sums, squares])


def _numbers_of(frame: pl.DataFrame) -> Floats:
    return frame.to_numpy().astype(float)


def _parts_of(values: Floats) -> tuple[Floats, Floats, Floats]:
    n_measures = values.shape[1] // 2  # of a model's own: it may have learned fewer than the code makes now
    return _or_zero(values[:, :1]), values[:, 1 : 1 + n_measures], values[:, 1 + n_measures :]


def _usual(months: Floats, levels: Floats) -> Floats:
    known = np.where(np.isnan(levels), 0.0, months)
    return (known * _or_zero(levels)).sum(axis=0) / np.maximum(known.sum(axis=0), 1.0)


def _squares(months: Floats, away: Floats, spreads: Floats) -> Floats:
    """Sum over months of the squared distance from the overall mean, from a mean and a standard deviation."""
    within = np.maximum(months - 1, 0.0) * _or_zero(spreads) ** 2
    return np.where(np.isnan(away), 0.0, within + months * _or_zero(away) ** 2)


def _or_zero(values: Floats) -> Floats:
    return np.where(np.isnan(values), 0.0, values)
