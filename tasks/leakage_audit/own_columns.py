"""Which of the lender's own columns seem to know the outcome: they explain an AUC too good to be true.

Nobody but the lender can say when its own columns were filled, so nothing is refused: a column that does not
pass is named with its evidence, before a model is trained on it. Histories are not looked at: their rows are
dated, and read up to the application.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from tasks.governance.policy import Audit
from tasks.leakage_audit.checks import CHECKS, Verdict, assemble_book, own_pds
from tasks.leakage_audit.maturity import without_uneven
from tasks.leakage_audit.reference import MIN_ROWS, Book, Column
from tasks.lender.current import lender
from tasks.schemas.feature_store import KEYS, numbers_of, words_of
from tasks.schemas.source import UNKNOWN
from tasks.statistics.performance import MIN_OF_CLASS, Floats, measure_auc

WORTH_A_LOOK = 0.60  # AUC alone: what ranks less makes no model too good
MOST = 12  # columns that are looked at, those that rank best
# A column of ours is a copy of itself, and may well know more of the risk than all others together.
NOT_OF_OURS = ("a copy of ours", "a shadow of the outcome", "certain outcome")


def audit_own(
    features: pl.DataFrame,
    labels: Floats,
    past: pl.LazyFrame,
    loans: pl.LazyFrame,
    limits: Audit,
    *,
    seed: int,
) -> list[Verdict]:
    """A verdict on each feature that ranks well alone and fails a check, best ranking first.

    Needs:  features of applications with their keys; labels (n,), NaN where a loan is not ripe; the rows of
            all histories, and silver.loans of all months.
    """
    names = _find_strong(features, labels)
    if not names:
        return []
    rest = features.drop(names)
    book = assemble_book(rest, labels, past, loans, seed=seed)
    found = _fail(features, names, book, limits)
    if not found:
        return []
    # Once more with what was not found among those that know the risk: honest columns may explain each other.
    rest = features.drop(one.column for one in found)
    return _fail(features, [one.column for one in found], _hold_against(book, rest, labels, seed), limits)


def _find_strong(features: pl.DataFrame, labels: Floats) -> list[str]:
    """The features that rank the ripe loans best alone, by their values or by having any."""
    if min((labels == 0).sum(), (labels == 1).sum()) < max(MIN_OF_CLASS, MIN_ROWS):
        return []
    aucs = dict[str, float]()
    listed = (name for source in lender().applications for name in (*numbers_of(source), *words_of(source)))
    for name in listed:
        column = _column(features, name)
        both = (_as_numbers(column, labels), column.there.astype(float))
        aucs[name] = max(_rank(values, labels) for values in both)
    strong = [name for name, auc in aucs.items() if auc >= WORTH_A_LOOK]
    return sorted(strong, key=lambda name: (-aucs[name], name))[:MOST]


def _column(features: pl.DataFrame, name: str) -> Column:
    """A feature; a word that says nothing is none."""
    values = features[name]
    return Column(values.replace(UNKNOWN, None) if values.dtype == pl.String else values)


def _rank(values: Floats, labels: Floats) -> float:
    """The AUC of values (n,) in whichever direction, 0 where too few loans of one outcome have one."""
    rows = np.isfinite(values) & ~np.isnan(labels)
    if min((labels[rows] == 0).sum(), (labels[rows] == 1).sum()) < MIN_OF_CLASS:
        return 0.0
    auc = measure_auc(labels[rows], values[rows]).value
    return max(auc, 1 - auc)


def _as_numbers(column: Column, labels: Floats) -> Floats:
    """The numbers (n,) of a feature, of words the default rate of each."""
    if column.values.dtype != pl.String:
        return column.numbers
    words = pl.DataFrame({"word": column.values, "label": pl.Series(labels).fill_nan(None)})
    rates = words.select(pl.col("label").mean().over("word")).to_series().fill_null(float("nan"))
    return np.where(column.there, rates.to_numpy(), np.nan)


def _hold_against(book: Book, rest: pl.DataFrame, labels: Floats, seed: int) -> Book:
    """The book with the PDs of other features."""
    pds, even = own_pds(rest, labels, seed=seed), without_uneven(rest, labels)
    even_pds = pds if even.equals(rest) else own_pds(even, labels, seed=seed)
    return replace(book, own=rest.drop(KEYS), pds=pds, even_pds=even_pds)


def _fail(features: pl.DataFrame, names: Sequence[str], book: Book, limits: Audit) -> list[Verdict]:
    """The verdicts on those features that fail a check."""
    checks = {check: find for check, find in CHECKS.items() if check not in NOT_OF_OURS}
    found = list[Verdict]()
    for name in names:
        column = _column(features, name)
        said = ((check, find(column, book, limits)) for check, find in checks.items())
        failed = next(((check, evidence) for check, evidence in said if evidence), None)
        if failed:
            found.append(Verdict(name, *failed))
    return found
