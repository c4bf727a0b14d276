"""Applications as a model needs them: with the features that it learned, from months that have them."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.registry.compatibility import require_features_made
from tasks.registry.history import load_registry
from tasks.registry.registered_files import read_card
from tasks.schemas.feature_store import FEATURES
from tasks.sources.tasks import add_source_features, sources_of
from tasks.store import tables

TABLE = "gold.feature_store"


def scan_applications(until: date, settings: Settings, *, version: int | None = None) -> pl.LazyFrame:
    """Rows of gold.feature_store up to a day, without the features that some of its months lack.

    A feature that is null because older code did not make it tells the months apart, and nothing else.
    """
    lacking = features_lacking(settings, until=until, version=version)
    gone = set[str]().union(*lacking.values())
    return tables.scan(TABLE, settings, until=until, version=version).drop(gone)


def features_lacking(
    settings: Settings,
    *,
    until: date | None = None,
    on: Sequence[date] | None = None,
    version: int | None = None,
) -> dict[date, set[str]]:
    """Features that months of gold.feature_store lack, since older code built them, by month."""
    missing = tables.missing_columns(TABLE, settings, until=until, on=on, version=version)
    return {day: gone for day, columns in missing.items() if (gone := columns & set(FEATURES))}


def require_features(model_ids: Sequence[str], days: Sequence[date], settings: Settings) -> None:
    """Do nothing if the code makes all features that the models learned, and these months have them.

    Raises: ModelStoreError; TableNotReadyError that names the command to run.
    """
    registry = load_registry(settings)
    cards = [read_card(registry, model_id) for model_id in model_ids]
    for card in cards:
        require_features_made(card)
    learned = set[str]().union(*(card["data"]["features"] for card in cards))
    lacking = features_lacking(settings, on=days)
    gone = {day: names & learned for day, names in lacking.items() if names & learned}
    if gone:
        named = ", ".join(sorted(set[str]().union(*gone.values())))
        raise TableNotReadyError(
            f"{TABLE} lacks {named} in months from {min(gone)} to {max(gone)}, and {' and '.join(model_ids)} "
            "learned from it. Make it with: vintage backfill --flows features "
            f"--start {min(gone)} --end {max(gone)}"
        )


def read_applications(day: date, model_ids: Sequence[str], settings: Settings) -> pl.DataFrame:
    """The day's rows of gold.feature_store, with the features of other sources that the models learned.

    Raises: as `require_features`.
    """
    require_features(model_ids, [day], settings)
    applications = tables.read(TABLE, settings, on=day)
    return add_source_features(applications, sources_of(model_ids, settings), settings, until=day)
