"""Applicants as plain arrays, and the columns that a compiled model makes of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
Words = Mapping[str | None, int]  # the code of each word, and of None
OTHER, NONE = 0, 1  # codes of a word that no encoder knows, and of none
FIRST = 2  # code of a word


@dataclass(frozen=True)
class Layout:
    """The features that a model learned, as columns of `Rows`: the place of each number and of each word.

    `codes` are those of the words of each, in their order.
    """

    numbers: Mapping[str, int]
    words: Mapping[str, int]
    codes: Mapping[str, Words]


@dataclass(frozen=True)
class Rows:
    """Applicants: numbers (n, numbers of the layout), NaN where unknown; codes (n, words) of their words."""

    numbers: Floats
    words: Codes


def layout_of(reference: pl.DataFrame, fitted: Iterable[Any]) -> Layout:
    """The layout of the features that a reference applicant has.

    Needs:  the fitted column transformers of all base models, which know words.
    """
    kinds = reference.schema
    words = [name for name, kind in kinds.items() if kind == pl.String]
    numbers = [name for name in kinds if name not in words]
    known: dict[str, set[str]] = {name: set() for name in words}
    for columns in fitted:
        for _, step, names in columns.transformers_:
            words_of: Sequence[Sequence[object]] = getattr(step, "categories_", ())
            for name, categories in zip(names, words_of, strict=False):
                known[name] |= {word for word in categories if isinstance(word, str)}
    return Layout(
        {name: place for place, name in enumerate(numbers)},
        {name: place for place, name in enumerate(words)},
        {
            name: {None: NONE, **{word: code for code, word in enumerate(sorted(some), FIRST)}}
            for name, some in known.items()
        },
    )


def to_rows(layout: Layout, applicants: Sequence[Mapping[str, Any]]) -> Rows:
    """Rows of applicants, each a value by the name of its feature, None where unknown."""
    n = len(applicants)
    numbers = [[one[name] for name in layout.numbers] for one in applicants]
    words = [[codes.get(one[name], OTHER) for name, codes in layout.codes.items()] for one in applicants]
    return Rows(
        np.array(numbers, dtype=float).reshape(n, len(layout.numbers)),
        np.array(words, dtype=np.int64).reshape(n, len(layout.words)),
    )


def frame_to_rows(layout: Layout, features: pl.DataFrame) -> Rows:
    """The same of a frame of the features."""
    numbers = features.select(pl.col(list(layout.numbers)).cast(pl.Float64)).to_numpy()
    words = features.select(_coded(name, codes) for name, codes in layout.codes.items()).to_numpy()
    return Rows(numbers, words.reshape(features.height, len(layout.words)))


def _coded(name: str, codes: Words) -> pl.Expr:
    known = {word: code for word, code in codes.items() if word is not None}
    coded = pl.col(name).replace_strict(
        list(known), list(known.values()), default=OTHER, return_dtype=pl.Int64
    )
    return pl.when(pl.col(name).is_null()).then(NONE).otherwise(coded if known else OTHER).alias(name)


def places(names: Sequence[str], among: Mapping[str, int]) -> list[int]:
    """Where the named columns are."""
    return [among[name] for name in names]


def encode_words(encoder: OrdinalEncoder, names: Sequence[str], layout: Layout) -> Callable[[Rows], Codes]:
    """What gives the codes (n, names) of words, UNKNOWN for those that the encoder does not know."""
    tables = [
        {word: UNKNOWN if np.isnan(row[place]) else int(row[place]) for word, row in table.items()}
        for place, table in enumerate(_table_of(encoder, names, place) for place in range(len(names)))
    ]
    return _look_up(names, tables, UNKNOWN, np.int64, layout)


def weigh_words(
    encoder: OneHotEncoder, names: Sequence[str], weights: Floats, layout: Layout
) -> Callable[[Rows], Floats]:
    """What gives the log-odds (n, names) of words by the `weights` of the encoder's columns; 0 if unknown."""
    ends = np.cumsum([len(known) for known in encoder.categories_])
    blocks = [slice(end - len(known), end) for end, known in zip(ends, encoder.categories_, strict=True)]
    tables = [
        {word: float(row[block] @ weights[block]) for word, row in table.items()}
        for block, table in zip(
            blocks, (_table_of(encoder, names, place) for place in range(len(names))), strict=True
        )
    ]
    return _look_up(names, tables, 0.0, np.float64, layout)


def _table_of(encoder: Any, names: Sequence[str], place: int) -> dict[str | None, Floats]:
    """What the encoder makes of a row with each word of one of its columns, and of one without."""
    known = [word for word in encoder.categories_[place] if isinstance(word, str)]
    asked = [*known, None]
    columns = {name: asked if name == names[place] else [None] * len(asked) for name in names}
    made = np.asarray(encoder.transform(pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))))
    return dict(zip(asked, made, strict=True))


def _look_up(
    names: Sequence[str],
    tables: Sequence[Mapping[str | None, float]],
    unknown: float,
    kind: Any,
    layout: Layout,
) -> Callable[[Rows], Any]:
    """What gives the value (n, names) of each word by the table of its column."""
    by_code = [
        np.array([unknown, *(table.get(word, unknown) for word in layout.codes[name])], dtype=kind)
        for name, table in zip(names, tables, strict=True)
    ]
    return partial(_look_up_codes, places(names, layout.words), by_code)


def _look_up_codes(at: Sequence[int], by_code: Sequence[Any], rows: Rows) -> Any:
    return np.column_stack([values[rows.words[:, place]] for place, values in zip(at, by_code, strict=True)])


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
    below = (edges.T[:, None] < values).view(np.uint8).sum(axis=0, dtype=np.uint8)
    return np.where(np.isnan(values) & learned, UNKNOWN, below)


def _edges(bins: QuantileBins) -> Floats:
    """The edges (columns, most edges) of each column, infinite where a column has fewer."""
    longest = max(len(edges) for edges in bins.edges_)
    return np.array(
        [np.pad(edges, (0, longest - len(edges)), constant_values=np.inf) for edges in bins.edges_]
    )


def _learned(bins: QuantileBins) -> Any:
    return np.array([len(edges) > 0 for edges in bins.edges_])
