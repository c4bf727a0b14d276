"""Measure what the model earns and costs into gold.economics."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from tasks.config import Settings
from tasks.economics.book import measure_book, measure_paths
from tasks.economics.cutoff import measure_curve
from tasks.economics.figure import Figure, Loans, to_rows
from tasks.economics.path_cost import MIN_LOANS, measure_path_costs, with_reference
from tasks.economics.reading import read_scored
from tasks.economics.swap_set import measure_swap
from tasks.economics.terms import Terms, keep_unpaid, measure_terms, measured_months
from tasks.errors import ModelStoreError, TableNotReadyError
from tasks.governance.policy import Policy
from tasks.modelling.fallbacks import COMPLETE, predict_ensemble
from tasks.monitoring.backtest import newest_cohorts
from tasks.months import months_before
from tasks.prefect import io_task
from tasks.registry.history import Registry, champion_before, load_registry
from tasks.registry.registered_files import load_model
from tasks.registry.settings_of_record import policy_on
from tasks.schemas.catalog import TABLES, in_order
from tasks.schemas.economics import keep_economics
from tasks.sources.applications import read_applications
from tasks.store import tables

COMPLETE_MONTHS = 3  # newest months with complete applications that a missing source is held against


@io_task
def measure_economics(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.economics; return the number of figures.

    Expected figures are those of the day's applications, realised ones of the cohort that ripened on it, the
    curve of realised profit over the newest ripe cohorts.
    """
    tables.create_missing(settings)  # a datamart of older code has no such table
    policy, registry = policy_on(as_of, settings).policy, load_registry(settings)
    terms, assumed = _read_terms(as_of, settings, policy)
    parts = [to_rows(assumed, as_of=as_of, window=f"month {as_of:%Y-%m}", model_id="none")]
    parts += [
        _measure_month(as_of, registry, settings, policy, terms),
        _measure_ripened(as_of, registry, settings, policy, terms),
        _measure_pooled(as_of, settings, policy, terms),
    ]
    rows = in_order(pl.concat(parts), TABLES["gold.economics"])
    return tables.replace_partitions("gold.economics", rows, days=[as_of], settings=settings)


def _read_terms(as_of: date, settings: Settings, policy: Policy) -> tuple[Terms, list[Figure]]:
    """The terms by the bad loans whose term ended in the policy's newest months."""
    loans = tables.scan("silver.loans", settings, on=measured_months(as_of, policy.economics))
    labels = tables.scan("gold.label_store", settings, until=as_of)
    return measure_terms(keep_unpaid(loans, labels).sort("loan_id").collect(), policy.economics)


def _measure_month(
    as_of: date, registry: Registry, settings: Settings, policy: Policy, terms: Terms
) -> pl.DataFrame:
    scored = read_scored([as_of], settings)
    if scored.is_empty():
        return TABLES["gold.economics"].empty
    cutoff, loans, paths = policy.cutoff_pd, _expected(scored), scored["fallback"].to_numpy()
    complete = _read_complete(as_of, scored, settings)
    measured = measure_paths(loans, paths, terms, cutoff=cutoff)
    figures = [
        *with_reference(measured, paths, complete, cutoff=cutoff),
        *measure_curve(loans, terms, cutoff=cutoff),
        *measure_path_costs(loans, paths, complete, terms, cutoff=cutoff),
        *_swap(as_of, scored, loans, registry, settings, terms, cutoff),
    ]
    return to_rows(figures, as_of=as_of, window=f"month {as_of:%Y-%m}", model_id=_model_of(scored))


def _measure_ripened(
    as_of: date, registry: Registry, settings: Settings, policy: Policy, terms: Terms
) -> pl.DataFrame:
    labels = tables.read("gold.label_store", settings, on=as_of)
    cohorts = labels["loan_start_date"].unique().sort().to_list()
    ripe = _with_labels(cohorts[:1], labels, settings)
    if ripe.is_empty():
        return TABLES["gold.economics"].empty
    loans, cutoff = _realised(ripe), policy.cutoff_pd
    figures = [
        *measure_paths(loans, ripe["fallback"].to_numpy(), terms, cutoff=cutoff),
        *_swap(cohorts[0], ripe, loans, registry, settings, terms, cutoff),
    ]
    return to_rows(figures, as_of=as_of, window=f"cohort {cohorts[0]:%Y-%m}", model_id=_model_of(ripe))


def _measure_pooled(as_of: date, settings: Settings, policy: Policy, terms: Terms) -> pl.DataFrame:
    scored = set(tables.snapshot_dates("gold.predictions", settings))
    labels = tables.scan("gold.label_store", settings, until=as_of)
    started = labels.select(pl.col("loan_start_date").unique()).collect().to_series()
    newest = newest_cohorts([day for day in started if day in scored], policy.ranking)
    chosen = labels.filter(pl.col("loan_start_date").is_in(newest)).collect()
    ripe = _with_labels(newest, chosen, settings)
    if ripe.is_empty():
        return TABLES["gold.economics"].empty
    loans, cutoff = _realised(ripe), policy.cutoff_pd
    figures = [*measure_book(loans, terms, cutoff=cutoff), *measure_curve(loans, terms, cutoff=cutoff)]
    window = f"cohorts {newest[0]:%Y-%m} to {newest[-1]:%Y-%m}"
    return to_rows(figures, as_of=as_of, window=window, model_id=_model_of(ripe))


def _with_labels(cohorts: Sequence[date], labels: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The same of loans with a label, and the label."""
    known = labels.select("loan_id", "label")
    return read_scored(cohorts, settings).join(
        known, on="loan_id", how="inner", validate="1:1", maintain_order="left"
    )


def _expected(scored: pl.DataFrame) -> Loans:
    pds = scored["pd"].to_numpy()
    return Loans("expected", pds, scored["amount"].to_numpy(), pds)


def _realised(ripe: pl.DataFrame) -> Loans:
    labels = ripe["label"].cast(pl.Float64).to_numpy()
    return Loans("realised", ripe["pd"].to_numpy(), ripe["amount"].to_numpy(), labels)


def _model_of(scored: pl.DataFrame) -> str:
    return " ".join(scored["model_id"].unique().sort())


def _read_complete(as_of: date, now: pl.DataFrame, settings: Settings) -> Loans:
    """Applications that lacked nothing, of the newest months up to the day that have enough of them."""
    if now.filter(fallback=COMPLETE).height == now.height:
        return _expected(now)
    earlier = tables.scan("gold.economics", settings, until=months_before(as_of, 1))
    enough = earlier.filter(pl.col("path") == COMPLETE, pl.col("n") >= MIN_LOANS).collect()
    months = keep_economics(enough, "approval_rate", basis="expected")["snapshot_date"].unique().sort()
    days = [*months[1 - COMPLETE_MONTHS :], as_of]
    return _expected(read_scored(days, settings).filter(fallback=COMPLETE))


def _swap(
    day: date,
    scored: pl.DataFrame,
    loans: Loans,
    registry: Registry,
    settings: Settings,
    terms: Terms,
    cutoff: float,
) -> list[Figure]:
    """The champion of the day's applications against the one before; nothing where there is none to use."""
    former = champion_before(registry, day)
    if former is None:
        return []
    try:
        model = load_model(registry, former.model_id)
        applications = read_applications(day, [former.model_id], settings)
    except (ModelStoreError, TableNotReadyError):  # of other code or other features: the row says so
        status = "former model cannot score"
        n, amount = len(loans.pds), float(loans.amounts.sum())
        return [Figure("value_over_former", loans.basis, cutoff, n, amount, None, status=status)]
    known = applications.join(scored.select("loan_id"), on="loan_id", how="semi").sort("loan_id")
    return measure_swap(loans, np.asarray(predict_ensemble(model, known)), terms, cutoff=cutoff)
