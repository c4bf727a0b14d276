"""gold.feature_store: one row per application, everything the lender knew on the day it came in.

Key: loan_id. `has_<source>` says whether the source knew the customer; a feature is null where it did not.
Protected columns that are no features are kept beside them, for fairness alone.
The features are those that the lender declares, of each source of applications its columns, what is derived
of them and the words that are counted; of each history its months, and mean and spread of each measure over
them.
"""

from collections.abc import Mapping
from functools import cache

import polars as pl

from tasks.lender.columns import NUMBERS as NUMERIC
from tasks.lender.current import NamesOfTheLender, OfTheLender, lender
from tasks.lender.declaration import Lender, LenderSource

KEYS = ("loan_id", "customer_id", "snapshot_date")
OTHER = "OTHER"  # the reason group of what has none of its own


def name_histories() -> str:
    """The lender's histories in words, such as `calls and visits`; empty where it has none."""
    return " and ".join(MEASURES_OF)


def history_months(history: str) -> str:
    """The feature that counts the months known of a history."""
    return f"n_{history}_months"


def longest_history() -> pl.Expr:
    """Months known of the history of which most are known; 0 where none is, or no column counts them."""
    return pl.max_horizontal(pl.col(f"^({'|'.join(MONTHS)})$"), pl.lit(0.0)).fill_null(0.0)


@cache
def measures_of(declared: Lender) -> dict[str, tuple[str, ...]]:
    """The measures of each history, by our names."""
    return {
        one.name: tuple(n for n, column in one.feature_columns().items() if column.type in NUMERIC)
        for one in declared.histories
    }


@cache
def _measures(declared: Lender) -> tuple[str, ...]:
    return tuple(name for names in measures_of(declared).values() for name in names)


@cache
def _summary_of(declared: Lender) -> dict[str, tuple[str, ...]]:
    return {
        name: (history_months(name), *(f"{m}_mean" for m in measures), *(f"{m}_sd" for m in measures))
        for name, measures in measures_of(declared).items()
    }


@cache
def _summary(declared: Lender) -> tuple[str, ...]:
    return tuple(name for names in _summary_of(declared).values() for name in names)


def word_counts(source: LenderSource) -> dict[str, str]:
    """The features that count the words of lists, each with its word, by our name of the list."""
    lists = {n: column for n, column in source.by_our_name.items() if column.type == "list of words"}
    return {f"n_{word}s": name for name, column in lists.items() for word in column.words}


@cache
def numbers_of(source: LenderSource) -> dict[str, str]:
    """The numbers among the features of a source of applications, each with its reason group."""
    columns, counts = source.by_our_name, word_counts(source)
    own = {n: column.reason for n, column in source.feature_columns().items() if column.type in NUMERIC}
    derived = {name: one.reason for name, one in source.features.items()}
    return {**own, **derived, **{name: columns[listed].reason for name, listed in counts.items()}}


def words_of(source: LenderSource) -> dict[str, str]:
    """The words among the features of a source of applications, each with its reason group."""
    return {n: column.reason for n, column in source.feature_columns().items() if column.type == "word"}


def watched_of(source: LenderSource) -> dict[str, pl.DataType]:
    """The protected columns of a source of applications that are no features, with their types."""
    watched = source.watched_columns().items()
    return {name: pl.Float64() if column.type in NUMERIC else pl.String() for name, column in watched}


@cache
def _numbers(declared: Lender) -> dict[str, str]:
    return {name: group for one in declared.applications for name, group in numbers_of(one).items()}


@cache
def _words(declared: Lender) -> dict[str, str]:
    return {name: group for one in declared.applications for name, group in words_of(one).items()}


@cache
def reason_of(declared: Lender) -> dict[str, str]:
    """The reason group of each feature."""
    summaries, histories = _summary_of(declared), declared.histories
    months = {name: one.reason for one in histories for name in summaries[one.name]}
    groups = {**_numbers(declared), **months, **_words(declared)}
    return {name: group or OTHER for name, group in groups.items()}


@cache
def _source_of(declared: Lender) -> dict[str, str]:
    of_columns = {
        name: one.name for one in declared.applications for name in (*numbers_of(one), *words_of(one))
    }
    of_months = {name: one for one, names in _summary_of(declared).items() for name in names}
    return {**of_columns, **of_months}


@cache
def _has_source(declared: Lender) -> dict[str, str]:
    return {source.name: f"has_{source.name}" for source in declared.of_applicants}


@cache
def _features(declared: Lender) -> tuple[str, ...]:
    return (*_numbers(declared), *_summary(declared), *_words(declared))


@cache
def feature_store_of(declared: Lender) -> dict[str, pl.DataType]:
    """Columns and dtypes of gold.feature_store."""
    return {
        "loan_id": pl.String(),
        "customer_id": pl.String(),
        "snapshot_date": pl.Date(),
        **dict.fromkeys(_has_source(declared).values(), pl.Boolean()),
        **dict.fromkeys((*_numbers(declared), *_summary(declared)), pl.Float64()),
        **dict.fromkeys(_words(declared), pl.String()),
        **{name: kind for one in declared.applications for name, kind in watched_of(one).items()},
    }


@cache
def _monotone(declared: Lender) -> dict[str, int]:
    signs = {"rises": 1, "falls": -1}
    said = (
        (name, one.risk)
        for source in declared.applications
        for name, one in (*source.feature_columns().items(), *source.features.items())
    )
    return {name: signs[risk] for name, risk in said if risk}


@cache
def _descriptions(declared: Lender) -> dict[str, str]:
    measures = _measures(declared)
    columns = {
        name: one.meaning
        for source in declared.applications
        for name, one in (*source.feature_columns().items(), *source.features.items())
    }
    return {
        **columns,
        **{history_months(n): f"months of {n} known up to the application" for n in measures_of(declared)},
        **{f"{name}_mean": f"mean of {name} over those months" for name in measures},
        **{f"{name}_sd": f"standard deviation of {name}" for name in measures},
    }


HAS_SOURCE = OfTheLender(_has_source)
SOURCES = NamesOfTheLender(lambda declared: tuple(_has_source(declared)))
FEATURES = NamesOfTheLender(_features)
PROFILE_NUMBERS = NamesOfTheLender(lambda declared: tuple(_numbers(declared)))  # of sources of applications
CATEGORIES = NamesOfTheLender(lambda declared: tuple(_words(declared)))
MEASURES = NamesOfTheLender(_measures)  # of all histories
MEASURES_OF = OfTheLender(measures_of)  # by history
# By history and of all: its months, then the means, then the spreads of its measures.
SUMMARY_OF = OfTheLender(_summary_of)
SUMMARY = NamesOfTheLender(_summary)
MONTHS = NamesOfTheLender(lambda declared: tuple(history_months(name) for name in measures_of(declared)))
SOURCE_OF = OfTheLender(_source_of)
REASON_GROUP_OF = OfTheLender(reason_of)
MONOTONE = OfTheLender(_monotone)  # +1: more of it must never lower the PD; -1: never raise it
FEATURE_STORE = OfTheLender(feature_store_of)
DESCRIPTIONS: Mapping[str, str] = OfTheLender(_descriptions)  # what each means, for cards and validators


def has_values(history: str) -> pl.Expr:
    """Whether a row says anything of a history: a row of blanks does not."""
    return pl.any_horizontal(pl.col(MEASURES_OF[history]).is_not_null())


def join_histories(rows: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """The rows of all histories side by side; the measures of one that has no such row are null.

    Needs:  by name the rows of each silver table of a history.
    Keys:   customer_id, snapshot_date.
    """
    keys = ["customer_id", "snapshot_date"]
    histories = [rows[name].select(*keys, *measures) for name, measures in MEASURES_OF.items()]
    if not histories:
        return pl.LazyFrame(schema={"customer_id": pl.String(), "snapshot_date": pl.Date()})
    first, *others = histories
    for other in others:
        first = first.join(other, on=keys, how="full", coalesce=True, validate="1:1")
    return first


def describe_feature(name: str) -> str:
    """What a feature means; of words that are counted and of other teams' sources by their names."""
    if DESCRIPTIONS.get(name):
        return DESCRIPTIONS[name]
    for source in lender().applications:
        if name in word_counts(source):
            return f"number of other loans of type {name[2:-1].replace('_', ' ')}"
        if name in source.feature_columns():
            return f"{name.replace('_', ' ')}, of {source.name}"
    return "column of another team's source, as its declaration says"
