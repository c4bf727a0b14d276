"""Bring bronze, silver and gold up to one date."""

from datetime import date

from flows.engine import monthly_flow
from tasks.config import Settings
from tasks.features.tasks import build_feature_store, histories_to_sum, keep_sums
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.reporting.artifacts import publish_features
from tasks.sources.tasks import sources_to_take_in, take_in_sources


@monthly_flow("features")
def features(snapshot_date: date, settings: Settings) -> None:
    """Raw files to bronze, silver and quarantine, gold labels and gold features of `snapshot_date`."""
    _take_in(snapshot_date, settings)
    _build_gold(snapshot_date, settings)


@monthly_flow("ingestion")
def ingestion(snapshot_date: date, settings: Settings) -> None:
    """The first part of `features`, which goes in date order: raw files to bronze, silver and quarantine."""
    _take_in(snapshot_date, settings)


@monthly_flow("features")
def gold_features(snapshot_date: date, settings: Settings) -> None:
    """The rest of `features`, which goes in any order once the months up to this one have come in."""
    _build_gold(snapshot_date, settings)


def _take_in(snapshot_date: date, settings: Settings) -> None:
    ingest([snapshot_date], settings)
    if histories_to_sum([snapshot_date], settings):
        keep_sums([snapshot_date], settings)


def _build_gold(snapshot_date: date, settings: Settings) -> None:
    build_labels([snapshot_date], settings)
    build_feature_store([snapshot_date], settings)
    if sources_to_take_in(settings):
        take_in_sources([snapshot_date], settings)
    publish_features(snapshot_date, settings)
