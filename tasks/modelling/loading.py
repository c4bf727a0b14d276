"""What a training rests on, loaded once: what is on record, then the data of the day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.features.presence import find_unbuilt_months
from tasks.governance.adopted_policy import read_policy
from tasks.labels.cohorts import ripe_cohorts
from tasks.modelling.decisions import TrainingContext
from tasks.modelling.training_set import TrainingSnapshot, add_targets
from tasks.monitoring.actions import requires_training
from tasks.monitoring.early_arrears import keep_arrears
from tasks.registry.history import Registry
from tasks.registry.records import Standing
from tasks.registry.registered_files import read_card
from tasks.sources.applications import say_features_lacking, scan_applications
from tasks.sources.decision_log import Kinds, read_comparison, used_on
from tasks.sources.tasks import TABLE, add_source_features
from tasks.store import tables

READ = ("gold.feature_store", "gold.label_store", "silver.loans", "silver.clickstream")
STOPPING = ("coverage", "fairness")  # metrics whose red lets a promotion wait, or stops it


def load_training_context(registry: Registry, standing: Standing, settings: Settings) -> TrainingContext:
    """What decides whether a training of the day is due."""
    as_of = standing.day
    previous = read_card(registry, standing.trained_before) if standing.trained_before else None
    return TrainingContext(
        standing=standing,
        previous=previous,
        ripe_cohorts=ripe_cohorts(as_of, settings),
        requested=previous is not None and requires_training(previous["as_of"], as_of, settings),
        unbuilt_months=find_unbuilt_months(as_of, settings),
    )


def load_training_snapshot(registry: Registry, standing: Standing, settings: Settings) -> TrainingSnapshot:
    """All that a training of the day rests on."""
    as_of = standing.day
    sources, mob = used_on(as_of, settings), read_policy(settings.policy).policy.arrears.mob
    arrears = keep_arrears(tables.scan("silver.loans", settings, until=as_of), mob=mob)
    return replace(
        load_training_data(as_of, settings, sources=sources),
        arrears=arrears.collect(),
        champion=read_card(registry, standing.champion) if standing.champion else None,
        red_metrics=_red_metrics_before(as_of, settings),
        sources_compared=read_comparison(as_of, settings),
        tables={name: _state_of(name, as_of, settings) for name in ((*READ, TABLE) if sources else READ)},
        clickstream_digests=_clickstream_digests(as_of, settings),
        lacking=say_features_lacking(as_of, settings),
    )


def load_training_data(
    as_of: date,
    settings: Settings,
    *,
    sources: Mapping[str, Kinds],
    versions: Mapping[str, int] | None = None,
) -> TrainingSnapshot:
    """The loans that can be trained on as of `as_of`, and the clickstream, without what the gate looks at.

    A feature that a month lacks, since older code built it, is left out of all.
    Needs:  the columns of other teams' `sources` to take in; `versions` of the tables, to read them as they
            were, else as they are.
    Raises: TableNotReadyError when a table or a version is gone, or a source was not taken in.
    """
    at = versions or {}
    applications = scan_applications(as_of, settings, version=at.get(READ[0]))
    read = (tables.scan(name, settings, until=as_of, version=at.get(name)) for name in READ[1:])
    labels, loans, clickstream = read
    rows = add_targets(applications, labels, loans, as_of=as_of).sort("snapshot_date", "loan_id").collect()
    wide = add_source_features(rows, sources, settings, until=as_of, version=at.get(TABLE))
    return TrainingSnapshot(as_of, wide, clickstream, sources)


def _red_metrics_before(as_of: date, settings: Settings) -> dict[str, list[str]]:
    """Red figures of coverage and fairness, by metric, in the newest month that was monitored before `as_of`.

    The month of `as_of` itself is monitored after its training: a re-run must decide as the first run did.
    """
    days = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day < as_of]
    if not days:
        return {}
    figures = tables.read("gold.monitoring", settings, on=days[-1])
    red = figures.filter(pl.col("status") == "red")
    return {
        metric: [f"{metric} of {subject} on {days[-1]}" for subject in red.filter(metric=metric)["subject"]]
        for metric in STOPPING
    }


def _clickstream_digests(as_of: date, settings: Settings) -> list[str]:
    """Digest of each month's clickstream up to the day: a training may read it after the application too."""
    months = tables.scan("bronze.deliveries", settings, until=as_of).sort("snapshot_date")
    return months.filter(source="clickstream").select("digest").collect().to_series().to_list()


def _state_of(name: str, as_of: date, settings: Settings) -> dict[str, Any]:
    """Delta version of a table, and its rows until the day."""
    rows = tables.scan(name, settings, until=as_of).select(pl.len()).collect().item()
    return {"version": tables.version_of(name, settings), "rows": rows}
