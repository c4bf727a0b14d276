"""Applicants as plain arrays, and the columns that a compiled model makes of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from tasks.modelling.base_models import QuantileBins
from tasks.modelling.history_transformers import CredibilityWeightedMeans
from tasks.scoring.tree_shap import UNKNOWN
from tasks.statistics.performance import Floats

Codes = NDArray[np.int64]
Words = Mapping[str | None, float]


@dataclass(frozen=True)
class Layout:
    """The features that a model learned, as columns of `Rows`: the place of each number and of each word."""

    numbers: Mapping[str, int]
    words: Mapping[str, int]


@dataclass(frozen=True)
class Rows:
    """Applicants: numbers (n, numbers of the layout), NaN where unknown; the words of each, None likewise."""

    numbers: Floats
    words: Sequence[Sequence[str | None]]


def layout_of(reference: pl.DataFrame) -> Layout:
    """The layout of the features that a reference applicant has."""
    kinds = reference.schema
    words = [name for name, kind in kinds.items() if kind == pl.String]
    numbers = [name for name in kinds if name not in words]
    return Layout(
        {name: place for place, name in enumerate(numbers)}, {name: place for place, name in enumerate(words)}
    )


def to_rows(layout: Layout, applicants: Sequence[Mapping[str, Any]]) -> Rows:
    """Rows of applicants, each a value by the name of its feature, None where unknown."""
    numbers = [[one[name] for name in layout.numbers] for one in applicants]
    shape = (len(applicants), len(layout.numbers))
    words = [[one[name] for name in layout.words] for one in applicants]
    return Rows(np.array(numbers, dtype=float).reshape(shape), words)


def places(names: Sequence[str], among: Mapping[str, int]) -> list[int]:
    """Where the named columns are."""
    return [among[name] for name in names]


def encode_words(encoder: OrdinalEncoder, names: Sequence[str], layout: Layout) -> Callable[[Rows], Codes]:
    """What gives the codes (n, names) of words, UNKNOWN for those that the encoder does not know."""
    tables = [_table_of(encoder, names, place) for place in range(len(names))]
    codes = [
        {word: int(row[place]) for word, row in table.items() if not np.isnan(row[place])}
        for place, table in enumerate(tables)
    ]
    return partial(_look_up, places(names, layout.words), codes, UNKNOWN, np.int64)


def weigh_words(
    encoder: OneHotEncoder, names: Sequence[str], weights: Floats, layout: Layout
) -> Callable[[Rows], Floats]:
    """What gives the log-odds (n, names) of words by the `weights` of the encoder's columns; 0 if unknown."""
    ends = np.cumsum([len(known) for known in encoder.categories_])
    blocks = [slice(end - len(known), end) for end, known in zip(ends, encoder.categories_, strict=True)]
    tables = [_table_of(encoder, names, place) for place in range(len(names))]
    log_odds = [
        {word: float(row[block] @ weights[block]) for word, row in table.items()}
        for block, table in zip(blocks, tables, strict=True)
    ]
    return partial(_look_up, places(names, layout.words), log_odds, 0.0, np.float64)


def _table_of(encoder: Any, names: Sequence[str], place: int) -> dict[str | None, Floats]:
    """What the encoder makes of a row with each word of one of its columns, and of one without."""
    known = [word for word in encoder.categories_[place] if isinstance(word, str)]
    asked = [*known, None]
    columns = {name: asked if name == names[place] else [None] * len(asked) for name in names}
    made = np.asarray(encoder.transform(pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))))
    return dict(zip(asked, made, strict=True))


def _look_up(at: Sequence[int], tables: Sequence[Words], unknown: float, kind: Any, rows: Rows) -> Any:
    pairs = list(zip(at, tables, strict=True))
    found = [[table.get(words[place], unknown) for place, table in pairs] for words in rows.words]
    return np.array(found, dtype=kind)


def encode_numbers(bins: QuantileBins, names: Sequence[str], layout: Layout) -> Callable[[Rows], Codes]:
    """What gives the codes (n, names) of numbers: their place among quantiles, UNKNOWN for NaN."""
    at = places(names, layout.numbers)
    return partial(_encode, partial(_take, at), _edges(bins), _learned(bins))


def encode_levels(
    means: CredibilityWeightedMeans, bins: QuantileBins, names: Sequence[str], layout: Layout
) -> Callable[[Rows], Codes]:
    """What gives the codes (n, measures) of a history's credibility-weighted means."""
    at = places(names, layout.numbers)
    return partial(_encode, partial(_weigh, means, at), _edges(bins), _learned(bins))


def _take(at: Sequence[int], rows: Rows) -> Floats:
    return rows.numbers[:, at]


def _weigh(means: CredibilityWeightedMeans, at: Sequence[int], rows: Rows) -> Floats:
    return means.weigh(rows.numbers[:, at])


def _encode(values_of: Callable[[Rows], Floats], edges: Floats, learned: Any, rows: Rows) -> Codes:
    values = values_of(rows)
    below = (edges < values[:, :, None]).sum(axis=2)
    return np.where(np.isnan(values) & learned, UNKNOWN, below)


def _edges(bins: QuantileBins) -> Floats:
    """The edges (columns, most edges) of each column, infinite where a column has fewer."""
    longest = max(len(edges) for edges in bins.edges_)
    return np.array(
        [np.pad(edges, (0, longest - len(edges)), constant_values=np.inf) for edges in bins.edges_]
    )


def _learned(bins: QuantileBins) -> Any:
    return np.array([len(edges) > 0 for edges in bins.edges_])
