"""What is known of customers before they apply: their features as of a day, by the features flow's code."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError, UsageError
from tasks.features.application_features import build_features, features_of
from tasks.features.known_rows import scan_known
from tasks.governance.source_log import Kinds
from tasks.ingestion.cleaning import read_word
from tasks.lender.current import lender
from tasks.lender.declaration import LenderSource
from tasks.schemas.catalog import TABLES
from tasks.schemas.feature_store import FEATURE_STORE, HAS_SOURCE, numbers_of, words_of
from tasks.schemas.source import UNKNOWN
from tasks.schemas.source_features import widen
from tasks.sources.tasks import add_as_of
from tasks.store import tables

LOG = logging.getLogger("vintage")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class CustomerState:
    """Rows of gold.feature_store for customers who would apply on `day`, and the place of each by its id.

    `newest` is the newest month of each source that was known; `others` the columns of other teams' sources
    that are among the features.
    """

    day: date
    features: pl.DataFrame
    places: Mapping[str, int]
    newest: Mapping[str, date | None]
    others: Mapping[str, Kinds] = field(default_factory=dict[str, Kinds])

    @cached_property
    def as_of(self) -> dict[str, str | None]:
        """The newest months in words, as answers name them."""
        return {name: str(month) if month else None for name, month in self.newest.items()}

    @property
    def bytes_per_customer(self) -> float:
        """Memory of the features that a customer takes."""
        return self.features.estimated_size() / max(1, self.features.height)


def load_state(
    day: date,
    settings: Settings,
    *,
    customers: Sequence[str] | None = None,
    before: bool = False,
    others: Mapping[str, Kinds] | None = None,
) -> CustomerState:
    """The state of the `customers`, else of all, as of a day.

    Needs:  `before`, to leave out a history's rows of the day itself, as at an application on it: the batch
            at the end of the month knows them, the service cannot; `others`, columns of other teams' sources.
    """
    sources, sums = scan_known([day], settings, before=before)
    known = (
        _all_customers([*sources.values(), *sums.values()]) if customers is None else sorted(set(customers))
    )
    applications = pl.LazyFrame({"customer_id": known}, schema={"customer_id": pl.String}).select(
        "customer_id", loan_id="customer_id", snapshot_date=pl.lit(day), installment_num=0
    )
    features = build_features(applications, sources, days=[day], sums=sums).sort("customer_id")
    places = {customer: place for place, customer in enumerate(features["customer_id"])}
    if others:
        features = _add_others(features, others, settings)
    return CustomerState(day, features, places, _newest_months(day, settings), others or {})


def _add_others(features: pl.DataFrame, others: Mapping[str, Kinds], settings: Settings) -> pl.DataFrame:
    """With what other teams' sources say as of the day; one that cannot be read is silent."""
    for name, kinds in others.items():
        try:
            features = add_as_of(features, {name: kinds}, settings)
        except (BadInputError, UsageError) as error:
            LOG.warning("Nothing of the source %s: %s", name, error)
            features = widen(features, TABLES["gold.source_features"].empty, {name: kinds})
    return features


def _all_customers(known: Sequence[pl.LazyFrame]) -> list[str]:
    ids = pl.concat([rows.select("customer_id") for rows in known])
    return ids.unique().collect()["customer_id"].sort().to_list()


def _newest_months(day: date, settings: Settings) -> dict[str, date | None]:
    months = {
        one.name: tables.snapshot_dates(f"silver.{one.name}", settings) for one in lender().of_applicants
    }
    return {
        name: max((month for month in days if month <= day), default=None) for name, days in months.items()
    }


def features_known(state: CustomerState, customer_id: str, given: Mapping[str, Row]) -> dict[str, Any]:
    """The features of an applicant, with has_<source>: those of the state, those of `given` rows over them.

    A customer whom no source knows has none of them.
    Needs:  `given`, by source of applications, the columns that the applicant stated now, by our names.
    """
    place = state.places.get(customer_id)
    if place is None:
        known: dict[str, Any] = dict.fromkeys(FEATURE_STORE) | dict.fromkeys(HAS_SOURCE.values(), False)
    else:
        known = state.features.row(place, named=True)
    for source in lender().applications:
        if source.name in given:
            known |= features_stated(source, given[source.name])
    return known


def features_stated(source: LenderSource, row: Row) -> dict[str, Any]:
    """The features that a row of a source's columns gives, as if it had come in with the application."""
    silver = TABLES[f"silver.{source.name}"].columns
    stated = pl.LazyFrame([{name: row.get(name) for name in silver}], schema=silver)
    typed = stated.with_columns(_as_cleaned(source), loan_id=pl.lit(""))
    kinds = [pl.col(name).cast(FEATURE_STORE[name]) for name in _made_by(source)]
    return features_of(source, typed).select(kinds).collect(engine="in-memory").row(0, named=True)


def _made_by(source: LenderSource) -> list[str]:
    return [HAS_SOURCE[source.name], *numbers_of(source), *words_of(source)]


def _as_cleaned(source: LenderSource) -> list[pl.Expr]:
    """Words as the features flow cleans them: one that says nothing is `unknown`."""
    kinds = {name: one.type for name, one in source.by_our_name.items()}
    words = [read_word(name) for name, kind in kinds.items() if kind == "word"]
    lists = [pl.col(name).fill_null(UNKNOWN) for name, kind in kinds.items() if kind == "list of words"]
    return words + lists
