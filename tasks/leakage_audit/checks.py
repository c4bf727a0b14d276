"""Whether a column of another team's table could have been known when the loan was applied for.

Nobody vouches for such a table, so each column has to pass every check; the first that it fails is the
evidence against it. A column that does no more than repeat a feature of ours is refused as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.governance.policy import Audit
from tasks.leakage_audit.hindsight import find_hindsight
from tasks.leakage_audit.known_values import known_facts, later_facts
from tasks.leakage_audit.maturity import ripens_at, without_uneven
from tasks.leakage_audit.origin import find_copy, find_later_dates, find_later_value, find_whole_period
from tasks.leakage_audit.outcome import (
    find_certainty,
    find_choice,
    find_encoding,
    find_outcome,
    find_ripening,
    find_shadow,
)
from tasks.leakage_audit.reference import Book, Column
from tasks.leakage_audit.timing import find_timing
from tasks.modelling.families import default_spec
from tasks.modelling.splits import cohort_groups
from tasks.modelling.stacking import fit_model, predict_pd
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import KEYS
from tasks.schemas.source_features import EMPTY, NAMELESS, TAKEN, UNREADABLE, USELESS, plain_name
from tasks.statistics.performance import Floats

CHECKS: dict[str, Callable[[Column, Book, Audit], str]] = {
    "dates after the application": find_later_dates,
    "the outcome itself": find_outcome,
    "a shadow of the outcome": find_shadow,
    "certain outcome": find_certainty,
    "chosen by the outcome": find_choice,
    "ripens with the loan": find_ripening,
    "a later value": find_later_value,
    "encodes the outcomes": find_encoding,
    "whole-period statistics": find_whole_period,
    "knows more as loans ripen": find_hindsight,
    "made of early arrears": find_timing,
    "a copy of ours": find_copy,
}
GROUPS = 3
READABLE = (pl.Boolean, pl.String, pl.Date, pl.Datetime)  # and numbers


@dataclass(frozen=True)
class Verdict:
    """What an audit says of a column: the `check` that it failed, "" when it passed all, and the evidence."""

    column: str
    check: str = ""
    evidence: str = ""

    @property
    def admitted(self) -> bool:
        """Whether the column passed every check."""
        return not self.check


def audit_columns(columns: pl.DataFrame, book: Book, limits: Audit) -> list[Verdict]:
    """A verdict on each column, in their order.

    Needs:  a row per application in the book's order, null where the source had none for it.
    """
    verdicts: list[Verdict] = []
    taken: dict[str, str] = {}  # columns by the name that they get as features
    for name in columns.columns:
        verdict = _audit(Column(columns[name]), book, limits)
        plain = plain_name(name)
        if verdict.check not in USELESS:
            first = taken.setdefault(plain, name)
            if first != name:
                evidence = f"it would be the feature {plain!r}, as {first!r} is already"
                verdict = Verdict(name, TAKEN, evidence)
        verdicts.append(verdict)
    return verdicts


def _audit(column: Column, book: Book, limits: Audit) -> Verdict:
    name, dtype = column.values.name, column.values.dtype
    if not plain_name(name):
        return Verdict(name, NAMELESS, "its name has no letter or digit that a feature's name could have")
    if not column.there.any():
        return Verdict(name, EMPTY, "it has no value for any application")
    if not dtype.is_numeric() and not isinstance(dtype, READABLE):
        return Verdict(name, UNREADABLE, f"its values are of the type {dtype}")
    for check, find in CHECKS.items():
        evidence = find(column, book, limits)
        if evidence:
            return Verdict(name, check, evidence)
    return Verdict(name)


def assemble_book(
    features: pl.DataFrame, labels: Floats, past: pl.LazyFrame, loans: pl.LazyFrame, *, seed: int
) -> Book:
    """All that columns are audited against, a row per application in the order of `features`.

    Needs:  features of applications with their keys; labels (n,), NaN where a loan is not ripe; the rows of
            all histories and of silver.loans of all months until the audit.
    """
    applications = features.select(KEYS)
    pds, even = own_pds(features, labels, seed=seed), without_uneven(features, labels)
    return Book(
        days=applications["snapshot_date"],
        labels=labels,
        pds=pds,
        even_pds=pds if even.equals(features) else own_pds(even, labels, seed=seed),
        own=features.drop(KEYS),
        known=known_facts(applications, past),
        later=later_facts(applications, past, loans, ripens=ripens_at(applications["snapshot_date"], labels)),
    )


def own_pds(features: pl.DataFrame, labels: Floats, *, seed: int) -> Floats:
    """PD (n,) of each loan from our features, by a scorecard fitted without its group of cohorts."""
    ripe = ~np.isnan(labels)
    pds = np.full(len(labels), np.nan)
    training_set = TrainingSet(features.filter(ripe), labels[ripe], np.ones(int(ripe.sum()), dtype=bool))
    places = np.flatnonzero(ripe)
    for held in cohort_groups(
        training_set.features["snapshot_date"].to_list(), training_set.ripe, most=GROUPS
    ):
        model = fit_model(default_spec("logistic"), training_set.take(~held), seed=seed)
        pds[places[held]] = predict_pd(model, training_set.features.filter(held))
    if not ripe.all():
        pds[~ripe] = predict_pd(
            fit_model(default_spec("logistic"), training_set, seed=seed), features.filter(~ripe)
        )
    return pds
