"""gold.feature_store: one row per application, everything the lender knew on the day it came in.

Key: loan_id. `has_<source>` says whether the source knew the customer; a feature is null where it did not.
The features are those that the lender declares, of each source of applications its columns, what is derived
of them and the words that are counted; of a history its months, and mean and spread of each measure over
them.
"""

from collections.abc import Mapping
from functools import cache

import polars as pl

from tasks.lender.current import NamesOfTheLender, OfTheLender, lender
from tasks.lender.declaration import NUMBERS as NUMERIC
from tasks.lender.declaration import Lender, LenderSource

KEYS = ("loan_id", "customer_id", "snapshot_date")
OTHER = "OTHER"  # the reason group of what has none of its own


def history_of(declared: Lender) -> LenderSource | None:
    """The lender's source of histories; None where it has none."""
    return next(iter(declared.histories), None)


def history() -> str:
    """Name of the source of histories; empty where the lender has none."""
    found = history_of(lender())
    return found.name if found else ""


def history_months() -> str:
    """The feature that counts the months of history known; of no column where the lender has none."""
    return f"n_{history()}_months"


@cache
def _measures(declared: Lender) -> tuple[str, ...]:
    found = history_of(declared)
    return tuple(found.feature_columns()) if found else ()


@cache
def _summary(declared: Lender) -> tuple[str, ...]:
    found, measures = history_of(declared), _measures(declared)
    if found is None:
        return ()
    return (f"n_{found.name}_months", *(f"{m}_mean" for m in measures), *(f"{m}_sd" for m in measures))


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


@cache
def _numbers(declared: Lender) -> dict[str, str]:
    return {name: group for one in declared.applications for name, group in numbers_of(one).items()}


@cache
def _words(declared: Lender) -> dict[str, str]:
    return {name: group for one in declared.applications for name, group in words_of(one).items()}


@cache
def reason_of(declared: Lender) -> dict[str, str]:
    """The reason group of each feature."""
    found = history_of(declared)
    months = dict.fromkeys(_summary(declared), found.reason if found else "")
    groups = {**_numbers(declared), **months, **_words(declared)}
    return {name: group or OTHER for name, group in groups.items()}


@cache
def _source_of(declared: Lender) -> dict[str, str]:
    of_columns = {
        name: one.name for one in declared.applications for name in (*numbers_of(one), *words_of(one))
    }
    found = history_of(declared)
    return {**of_columns, **dict.fromkeys(_summary(declared), found.name if found else "")}


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
    found, measures = history_of(declared), _measures(declared)
    columns = {
        name: one.meaning
        for source in declared.applications
        for name, one in (*source.feature_columns().items(), *source.features.items())
    }
    past = found.name if found else ""
    return {
        **columns,
        **dict.fromkeys(_summary(declared)[:1], f"months of {past} known up to the application"),
        **{f"{name}_mean": f"mean of {name} over those months" for name in measures},
        **{f"{name}_sd": f"standard deviation of {name}" for name in measures},
    }


HAS_SOURCE = OfTheLender(_has_source)
SOURCES = NamesOfTheLender(lambda declared: tuple(_has_source(declared)))
FEATURES = NamesOfTheLender(_features)
PROFILE_NUMBERS = NamesOfTheLender(lambda declared: tuple(_numbers(declared)))  # of sources of applications
CATEGORIES = NamesOfTheLender(lambda declared: tuple(_words(declared)))
MEASURES = NamesOfTheLender(_measures)  # of the history
SUMMARY = NamesOfTheLender(_summary)  # of the history: its months, then means, then spreads of its measures
SOURCE_OF = OfTheLender(_source_of)
REASON_GROUP_OF = OfTheLender(reason_of)
MONOTONE = OfTheLender(_monotone)  # +1: more of it must never lower the PD; -1: never raise it
FEATURE_STORE = OfTheLender(feature_store_of)
DESCRIPTIONS: Mapping[str, str] = OfTheLender(_descriptions)  # what each means, for cards and validators


def has_values() -> pl.Expr:
    """Whether a row of the history says anything: a row of blanks does not."""
    return pl.any_horizontal(pl.col(list(MEASURES)).is_not_null()) if MEASURES else pl.lit(value=False)


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
