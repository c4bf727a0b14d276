"""A scorecard as flat arrays: what each feature adds to the log-odds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtri
from sklearn.pipeline import Pipeline

from tasks.scoring.compiled_rows import Layout, Rows, places, weigh_words
from tasks.scoring.reason_codes import group_of_feature
from tasks.statistics.performance import Floats

Terms = Callable[[Rows], Floats]
BOUND = 1e-7  # of scikit-learn's normal scores: what lies nearer to an end is cut off
MIN_SCORE, MAX_SCORE = ndtri(BOUND - np.spacing(1)), ndtri(1 - (BOUND - np.spacing(1)))


@dataclass(frozen=True)
class CompiledLinear:
    """Terms of log-odds (n, terms) by step, the group (terms, groups) of each, and the reference's sums."""

    terms: tuple[Terms, ...]
    group_of: Floats
    intercept: float
    usual: Floats


def compile_linear(pipeline: Pipeline, layout: Layout, reference: Rows, n_groups: int) -> CompiledLinear:
    """The flat form of a fitted pipeline of columns and a logistic regression."""
    columns: Any = pipeline.steps[0][1]
    model: Any = pipeline.steps[-1][1]
    terms: list[Terms] = []
    groups: list[int] = []
    for name, step, names in columns.transformers_:
        if step != "drop":
            weights = model.coef_[0][columns.output_indices_[name]]
            terms.append(_terms_of(name, step, names, weights, layout))
            of_names = [group_of_feature(feature) for feature in names]
            groups += of_names[:1] if name.startswith("evidence") else of_names
    compiled = CompiledLinear(
        tuple(terms), np.eye(n_groups)[groups], float(model.intercept_[0]), np.zeros(n_groups)
    )
    return CompiledLinear(**{**vars(compiled), "usual": _by_group(compiled, reference)[0]})


def explain_linear(linear: CompiledLinear, rows: Rows) -> tuple[Floats, Floats]:
    """Log-odds (n,) of the rows, and what each group adds (n, groups) to those of the reference."""
    by_group = _by_group(linear, rows)
    return by_group.sum(axis=1) + linear.intercept, by_group - linear.usual


def _by_group(linear: CompiledLinear, rows: Rows) -> Floats:
    return np.hstack([terms(rows) for terms in linear.terms]) @ linear.group_of


def _terms_of(name: str, step: Any, names: Sequence[str], weights: Floats, layout: Layout) -> Terms:
    if name == "categories":
        return weigh_words(step, names, weights, layout)
    at = places(names, layout.numbers)
    first, second = (one for _, one in step.steps)
    if name.startswith("evidence"):
        return partial(_history_term, first, second.mean_, weights / second.scale_, at)
    known, missing = _weights_of_numbers(second, names, weights)
    return partial(_number_terms, first.quantiles_, first.references_, known, missing, at)


def _history_term(sums: Any, usual: Floats, weights: Floats, at: Sequence[int], rows: Rows) -> Floats:
    """The one term (n, 1) of a history, which is linear in its log-likelihood terms."""
    return ((sums.sum_up(rows.numbers[:, at]) - usual) @ weights)[:, None]


def _weights_of_numbers(imputer: Any, names: Sequence[str], weights: Floats) -> tuple[Floats, Floats]:
    """The weight of each number's score, and what its absence adds; 0 for one without a value in training."""
    of = dict(zip(imputer.get_feature_names_out(list(names)), weights, strict=True))
    known = [of.get(name, 0.0) for name in names]
    return np.array(known), np.array([of.get(f"missingindicator_{name}", 0.0) for name in names])


def _number_terms(
    quantiles: Floats, references: Floats, known: Floats, missing: Floats, at: Sequence[int], rows: Rows
) -> Floats:
    terms = np.empty((len(rows.numbers), len(at)))
    for place, column in enumerate(at):
        values = rows.numbers[:, column]
        score = _normal_score(values, quantiles[:, place], references) if known[place] else 0.0 * values
        terms[:, place] = np.where(np.isnan(values), missing[place], known[place] * score)
    return terms


def _normal_score(values: Floats, quantiles: Floats, references: Floats) -> Floats:
    """As scikit-learn's QuantileTransformer scores a column: the mean of two ways to place ties."""
    place = 0.5 * (
        np.interp(values, quantiles, references) - np.interp(-values, -quantiles[::-1], -references[::-1])
    )
    place = np.where(values + BOUND > quantiles[-1], 1.0, place)
    place = np.where(values - BOUND < quantiles[0], 0.0, place)
    return np.clip(ndtri(place), MIN_SCORE, MAX_SCORE)
