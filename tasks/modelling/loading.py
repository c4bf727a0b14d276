"""What a training rests on, loaded once: what is on record, then the data of the day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.features.presence import find_unbuilt_months
from tasks.governance.adopted_policy import read_policy
from tasks.governance.source_log import Kinds, retired_on, used_on
from tasks.labels.cohorts import ripe_cohorts
from tasks.lender.current import NamesOfTheLender
from tasks.modelling.decisions import TrainingContext
from tasks.modelling.training_set import TrainingSnapshot, add_targets
from tasks.monitoring.actions import red_metrics_before, requires_training
from tasks.monitoring.early_arrears import keep_arrears
from tasks.registry.history import Registry
from tasks.registry.records import Standing
from tasks.registry.registered_files import read_card
from tasks.schemas.feature_store import MEASURES_OF
from tasks.sources.applications import features_lacking
from tasks.sources.comparison import read_comparison
from tasks.sources.tasks import TABLE, add_source_features
from tasks.store import tables

READ = NamesOfTheLender(
    lambda declared: (
        "gold.feature_store",
        "gold.label_store",
        "silver.loans",
        *(f"silver.{source.name}" for source in declared.histories),
    )
)


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
    """All that a training of the day rests on, with the features of the champion's sources too."""
    as_of = standing.day
    sources, compared = used_on(as_of, settings), read_comparison(as_of, settings)
    champion = read_card(registry, standing.champion) if standing.champion else None
    learned = champion["data"]["sources"] if champion else {}
    others = {name: kinds for name, kinds in learned.items() if name not in sources}
    red_metrics, mob = red_metrics_before(as_of, settings), read_policy(settings.policy).policy.arrears.mob
    data = load_training_data(as_of, settings, sources={**sources, **others})
    read = {name: tables.scan(name, settings, until=as_of) for name in (*READ, *([TABLE] if sources else []))}
    deliveries = tables.scan("bronze.deliveries", settings, until=as_of)
    counts = {name: rows.select(pl.len()).collect().item() for name, rows in read.items()}
    return replace(
        data,
        arrears=keep_arrears(read["silver.loans"], mob=mob).collect(),
        sources=sources,
        retired=retired_on(as_of, settings),
        champion=champion,
        red_metrics=red_metrics,
        sources_compared=compared,
        tables={
            name: {"version": tables.version_of(name, settings), "rows": n} for name, n in counts.items()
        },
        history_digests=_history_digests(deliveries),
    )


def load_training_data(
    as_of: date,
    settings: Settings,
    *,
    sources: Mapping[str, Kinds],
    versions: Mapping[str, int] | None = None,
) -> TrainingSnapshot:
    """The loans that can be trained on as of `as_of`, and the histories, without what the gate looks at.

    A feature that some month lacks, since older code built it, is left out of all: its nulls would tell the
    months apart, and nothing else.

    Needs:  the columns of other teams' `sources` to take in; `versions` of the tables, to read them as they
            were, else as they are.
    Raises: TableNotReadyError when a table or a version is gone, or a source was not taken in.
    """
    at = versions or {}
    lacking = features_lacking(settings, until=as_of, version=at.get(READ[0]))
    read = (tables.scan(name, settings, until=as_of, version=at.get(name)) for name in READ[:3])
    applications, labels, loans = read
    past = tables.scan_history(settings, until=as_of, versions=at)
    known = applications.drop(set[str]().union(*lacking.values()))
    rows = add_targets(known, labels, loans, as_of=as_of).sort("snapshot_date", "loan_id").collect()
    wide = add_source_features(rows, sources, settings, until=as_of, version=at.get(TABLE))
    return TrainingSnapshot(as_of, wide, past, sources, lacking=lacking)


def _history_digests(deliveries: pl.LazyFrame) -> list[str]:
    """Digest of each month's histories, in order: a training may read it after the application too."""
    months = deliveries.sort("snapshot_date", "source").filter(pl.col("source").is_in(list(MEASURES_OF)))
    return months.select("digest").collect().to_series().to_list()
