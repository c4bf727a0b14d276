"""Compare the audited sources month by month, each with what was known on its day; write it down."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import NothingToDoError, UsageError
from tasks.evaluation.feature_sets import compare_feature_sets, score_feature_sets
from tasks.governance.adopted_policy import read_policy
from tasks.governance.declarations import read_declared
from tasks.governance.source_log import Kinds, retired_on
from tasks.modelling.families import ModelSpec, default_spec
from tasks.modelling.loading import load_training_data
from tasks.modelling.training_set import leave_out_retired
from tasks.place import Place
from tasks.registry.history import champion_on, load_registry
from tasks.registry.model_card import describe_gain
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import settings_on
from tasks.schemas.feature_store import KEYS
from tasks.schemas.source_features import widen
from tasks.sources.as_of_join import ROW_DAY
from tasks.sources.comparison import comparison_path
from tasks.sources.decisions import admitted_columns, audited_sources
from tasks.sources.join import join_source
from tasks.sources.tasks import to_rows
from tasks.store import documents, tables


@dataclass(frozen=True)
class Compared:
    """A row per feature set, and the CSV of the same."""

    table: pl.DataFrame
    path: Place

    @property
    def for_people(self) -> pl.DataFrame:
        """The same for people."""
        rows = [
            {
                "features": one["features"],
                "n": one["n"],
                "AUC (95 %)": f"{one['auc']:.3f} ({one['auc_low']:.3f} to {one['auc_high']:.3f})",
                "gain over ours (90 %)": describe_gain(one),
                "coverage": f"{one['coverage']:.0%}",
                "days old": f"{one['days_old']:.0f}",
                "columns": one["columns"],
                "advice": one["recommendation"],
            }
            for one in self.table.iter_rows(named=True)
        ]
        return pl.DataFrame(rows)


def compare_sources(start: date, end: date, settings: Settings, *, step: Callable[[date], None]) -> Compared:
    """Fit each feature set on every month of the range, score its applications, pool what ripened.

    The specification is the champion's, or the default one before it. `step` is called with each month.
    Raises: UsageError when no source was audited; NothingToDoError when no month of the range is ripe.
    """
    names = audited_sources(settings)
    if not names:
        raise UsageError(
            "No source was audited yet. Begin with: vintage sources add, then vintage sources check"
        )
    used = {name: admitted_columns(name, settings) for name in names}
    applications = (
        tables.scan("gold.feature_store", settings, until=end).sort("snapshot_date", "loan_id").collect()
    )
    rows, source_figures = _join_all(applications, used, start, settings)
    labels = tables.scan("gold.label_store", settings).select("loan_id", "label").collect()
    days = [day for day in tables.snapshot_dates("gold.feature_store", settings) if start <= day <= end]
    scored: list[pl.DataFrame] = []
    for day in days:
        ripe = applications.filter(snapshot_date=day).join(
            labels, on="loan_id", how="inner", maintain_order="left"
        )
        retired = retired_on(day, settings)
        snapshot = leave_out_retired(replace(load_training_data(day, settings, sources={}), retired=retired))
        if (
            min(ripe["label"].sum(), snapshot.ripe.height) < 2
            or snapshot.ripe["snapshot_date"].n_unique() < 2
        ):
            continue
        step(day)
        wide = widen(ripe, rows, used)
        pds = score_feature_sets(
            _spec(day, settings),
            replace(snapshot, loans=widen(snapshot.loans, rows, used)),
            wide,
            names,
            seed=settings_on(day, settings).seed,
        )
        scored.append(pl.DataFrame({"label": ripe["label"].cast(pl.Float64), **pds}))
    if not scored:
        raise NothingToDoError(
            f"Nothing to compare from {start} to {end}: no month has labels and ripe loans before."
        )
    pooled = pl.concat(scored)
    pds = {name: pooled[name].to_numpy() for name in pooled.columns if name != "label"}
    rule = read_policy(settings.policy).policy.choice
    choices = compare_feature_sets(pooled["label"].to_numpy(), pds, source_figures, rule)
    return _publish(choices, start, end, settings)


def _join_all(
    applications: pl.DataFrame, used: Mapping[str, Kinds], start: date, settings: Settings
) -> tuple[pl.DataFrame, dict[str, dict[str, Any]]]:
    """Rows of gold.source_features of all sources, and of each the columns, the share known and the age.

    The share and the age are of the applications from `start` on.
    """
    parts: list[pl.DataFrame] = []
    source_figures: dict[str, dict[str, Any]] = {}
    for name, kinds in used.items():
        joined = join_source(applications.select(KEYS), read_declared(name, settings), settings)
        parts.append(to_rows(joined, name, kinds))
        joined = joined.filter(pl.col("snapshot_date") >= start)
        age = (pl.col("snapshot_date") - pl.col(ROW_DAY)).dt.total_days()
        source_figures[name] = {
            "coverage": 1 - joined[ROW_DAY].null_count() / max(1, joined.height),
            "days_old": joined.select(age.fill_null(0).median()).item() or 0.0,
            "columns": len(kinds),
        }
    return pl.concat(parts), source_figures


def _spec(day: date, settings: Settings) -> ModelSpec:
    registry = load_registry(settings)
    champion = champion_on(registry, day)
    if champion is None:
        return default_spec("stack")
    card = read_card(registry, champion.model_id)
    return ModelSpec(card["family"], card["candidates"][0]["params"])


def _publish(choices: list[dict[str, Any]], start: date, end: date, settings: Settings) -> Compared:
    path = comparison_path(settings)
    last = tables.snapshot_dates("gold.label_store", settings)[-1]
    comparison = {"start": str(start), "end": str(end), "known_on": str(last), "choices": choices}
    documents.write_page(path, json.dumps(comparison, indent=1))
    table = pl.DataFrame(choices)
    return Compared(table, documents.write_spreadsheet(path.with_suffix(".csv"), table))
