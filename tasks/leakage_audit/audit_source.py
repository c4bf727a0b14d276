"""Audit a source: one verdict a column, written down with its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError, TableNotReadyError, UsageError
from tasks.governance.adopted_policy import read_policy
from tasks.governance.declarations import read_declared
from tasks.governance.source_log import Kinds, note_decision
from tasks.governance.sources import Declared
from tasks.leakage_audit.checks import Verdict, assemble_book, audit_columns
from tasks.leakage_audit.reference import Book
from tasks.leakage_audit.restated import (
    delivered_before_ripe,
    find_other_than_captured,
    find_restated,
    on_probation,
)
from tasks.leakage_audit.spans import find_span
from tasks.place import Place
from tasks.registry.settings_of_record import settings_on
from tasks.schemas.feature_store import KEYS
from tasks.schemas.source_features import kind_of
from tasks.sources.applications import scan_applications
from tasks.sources.as_of_join import ROW_DAY
from tasks.sources.capture import read_captured
from tasks.sources.files import read_numbers
from tasks.sources.join import join_source
from tasks.store import documents, tables

OF_USE = (
    pl.when(pl.col("kind") == "other")
    .then(pl.lit("of no use to a model: dates, one value throughout, or more than 50 different texts"))
    .otherwise(pl.lit("of use"))
)


@dataclass(frozen=True)
class Audited:
    """A row a column (column, verdict, check, evidence, kind), a summary, and the CSV that says the same."""

    verdicts: pl.DataFrame
    summary: str
    path: Place

    @property
    def alike(self) -> pl.DataFrame:
        """Verdicts for people: columns of which the same is said in one row, refused ones first."""
        named = pl.format("{} columns: {}", pl.len(), pl.col("column").str.join(", "))
        numbered = self.verdicts.with_row_index().with_columns(
            evidence=pl.when(pl.col("evidence") != "").then("evidence").otherwise(OF_USE)
        )
        together = numbered.group_by("verdict", "check", "evidence").agg(
            pl.when(pl.len() > 1).then(named).otherwise(pl.col("column").first()).alias("column"),
            pl.col("index").min(),
        )
        ordered = together.sort(pl.col("verdict") == "admitted", "check", "index")
        return ordered.select("column", "verdict", "check", "evidence")


def audit_source(
    name: str, as_of: date | None, settings: Settings, *, earlier: Sequence[str] = ()
) -> Audited:
    """Check every column of a source against all applications until `as_of` (default: the newest).

    Needs:  `earlier`, where an earlier delivery of the same source lies, to compare its values with.
    Raises: UsageError for an unknown source; TableNotReadyError before two cohorts are ripe; BadInputError
            for files that cannot be used, or that know none of the applications.
    """
    declared = read_declared(name, settings)
    if declared.own:
        raise UsageError(
            f"{name} is one of the lender's own four files, which the features are made of already."
        )
    days = tables.snapshot_dates("gold.feature_store", settings)
    if not days:
        raise TableNotReadyError("There is no application to audit against. Begin with: vintage backfill")
    applications, book = build_book(as_of or days[-1], settings)
    joined = join_source(applications, declared, settings)
    coverage = joined[ROW_DAY].is_not_null().mean()
    if not coverage:
        span = find_span(applications, declared, settings)
        raise BadInputError(
            span
            or f"{name} knows none of the {applications.height} applications: no {declared.key} equals a "
            f"{declared.matches}, or none is dated {declared.delay_days} to "
            f"{declared.delay_days + declared.valid_days} days before. Correct its declaration."
        )
    columns = read_numbers(joined.drop(*KEYS, ROW_DAY))
    limits = read_policy(settings.policy).policy.audit
    verdicts = audit_columns(columns, book, limits)
    ripe = applications.select("snapshot_date", ripe=~np.isnan(book.labels))
    proven = set[date]()
    if earlier:
        other = join_source(applications, declared, settings, where=earlier)
        # Where they differ a newer row came, and no value changed.
        same = other[ROW_DAY].eq_missing(joined[ROW_DAY]).alias("same")
        before = read_numbers(other.filter(same).drop(*KEYS, ROW_DAY))
        now = columns.filter(same)
        verdicts = [find_restated(verdict, now, before) for verdict in verdicts]
        proven = delivered_before_ripe(ripe.with_columns(same, known=joined[ROW_DAY].is_not_null()))
    captured = read_captured(name, settings)
    now = joined.select("loan_id").hstack(columns)
    verdicts = [find_other_than_captured(verdict, now, captured) for verdict in verdicts]
    proven |= set(captured["snapshot_date"]) & set(ripe.filter("ripe")["snapshot_date"])
    probation = on_probation(len(proven), limits)
    table = _tabulate(verdicts, columns)
    usable = table.filter(pl.col("kind") != "other", verdict="admitted").height
    summary = (
        f"{name} knows {coverage:.0%} of {applications.height} applications; {usable} of its {table.height} "
        f"columns are admitted and of use to a model.{probation and f' {name} is on probation: {probation}'}"
    )
    path = _publish(table, declared, applications, earlier, probation, settings)
    return Audited(table, summary, path)


def build_book(as_of: date, settings: Settings) -> tuple[pl.DataFrame, Book]:
    """Every application until `as_of` (loan_id, customer_id, snapshot_date), and what is known of it then.

    Raises: TableNotReadyError before two cohorts are ripe.
    """
    rows = scan_applications(as_of, settings)
    features = rows.sort("snapshot_date", "loan_id").collect()
    known = tables.scan("gold.label_store", settings, until=as_of).select("loan_id", pl.col("label"))
    loans = features.lazy().select("loan_id")
    labels = loans.join(known, on="loan_id", how="left", validate="1:1", maintain_order="left").collect()
    outcomes = labels["label"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    n_ripe = features.filter(labels["label"].is_not_null())["snapshot_date"].n_unique()
    if n_ripe < 2:
        raise TableNotReadyError(
            f"An audit needs two ripe cohorts to hold a source against, and on {as_of} {n_ripe} had ripened. "
            "Audit on a later day, after: vintage backfill"
        )
    past = tables.scan_history(settings, until=as_of)
    silver_loans = tables.scan("silver.loans", settings, until=as_of)
    seed = settings_on(as_of, settings).seed
    return features.select(KEYS), assemble_book(features, outcomes, past, silver_loans, seed=seed)


def _tabulate(verdicts: Sequence[Verdict], columns: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {
            "column": verdict.column,
            "verdict": "admitted" if verdict.admitted else "refused",
            "check": verdict.check,
            "evidence": verdict.evidence,
            "kind": kind_of(columns[verdict.column]),
        }
        for verdict in verdicts
    ]
    return pl.DataFrame(rows)


def _publish(
    table: pl.DataFrame,
    declared: Declared,
    applications: pl.DataFrame,
    earlier: Sequence[str],
    probation: str,
    settings: Settings,
) -> Place:
    as_of = applications["snapshot_date"].max()
    kinds: Kinds = dict(table.select("column", "kind").iter_rows())
    admitted = table.filter(verdict="admitted")["column"].to_list()
    refused = dict(table.filter(verdict="refused").select("column", "check").iter_rows())
    fields = {
        "as_of": str(as_of),
        "earlier": list(earlier),
        "declared": declared.model_dump(),
        "kinds": kinds,
        "admitted": admitted,
        "refused": refused,
        "probation": probation,
    }
    note_decision("check", declared.name, fields, settings)
    path = settings.datamart / "sources" / f"{declared.name}-audit.csv"
    return documents.write_spreadsheet(path, table)
