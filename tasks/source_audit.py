"""The book that columns of another source are audited against."""

from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.core.audit import own_pds
from tasks.core.audit_book import Book
from tasks.core.facts import known_facts, later_facts
from tasks.schemas.feature_store import KEYS
from tasks.storage import tables


def build_book(as_of: date, settings: Settings) -> tuple[pl.DataFrame, Book]:
    """Every application until `as_of` (loan_id, customer_id, snapshot_date), and what is known of it then."""
    features = (
        tables.scan("gold.feature_store", settings, until=as_of).sort("snapshot_date", "loan_id").collect()
    )
    known = tables.scan("gold.label_store", settings, until=as_of).select(
        "loan_id", pl.col("label").cast(pl.Float64)
    )
    labels = (
        features.lazy()
        .select("loan_id")
        .join(known, on="loan_id", how="left", validate="1:1", maintain_order="left")
        .collect()["label"]
        .fill_null(float("nan"))
        .to_numpy()
    )
    clickstream = tables.scan("silver.clickstream", settings, until=as_of)
    loans = tables.scan("silver.loans", settings, until=as_of)
    applications = features.select(KEYS)
    book = Book(
        days=applications["snapshot_date"],
        labels=labels,
        pds=own_pds(features, labels, seed=settings.seed),
        own=features.drop(KEYS),
        known=known_facts(applications, clickstream),
        later=later_facts(applications, clickstream, loans),
    )
    return applications, book
