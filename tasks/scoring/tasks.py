"""Score the applications of one day with the champion that was effective on it, and with shadows of it."""

import logging
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import NothingToDoError, VintageError
from tasks.features.presence import has_no_applications
from tasks.prefect import io_task
from tasks.registry.history import champion_on, load_registry, require_history
from tasks.registry.registered_files import load_model
from tasks.registry.settings_history import note_heads
from tasks.schemas.catalog import TABLES, in_order
from tasks.scoring.predictions import score_applications
from tasks.scoring.shadow_log import shadows_on
from tasks.sources.applications import read_applications
from tasks.store import tables

LOG = logging.getLogger("vintage")


@io_task
def score_day(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.predictions; return its row count.

    Raises: NothingToDoError before the first champion and where no loan starts on the day; ModelStoreError
    when the artefact was changed, or cannot be used by this code; TableNotReadyError for a month that lacks a
    feature that it learned.
    """
    if has_no_applications(as_of, settings):
        raise NothingToDoError(f"No scoring on {as_of}: no loan starts on that day.")
    tables.require("gold.feature_store", as_of, settings, flow="features")
    registry = load_registry(settings)
    require_history(registry, as_of, settings)
    champion = champion_on(registry, as_of)
    if champion is None:
        raise NothingToDoError(f"No scoring on {as_of}: no champion is effective yet.")
    applications = read_applications(as_of, [champion.model_id], settings)
    predictions = score_applications(
        applications, load_model(registry, champion.model_id), model_id=champion.model_id
    )
    notes = note_heads(registry, settings)
    return tables.replace_partitions(
        "gold.predictions", predictions, days=[as_of], settings=settings, notes=notes
    )


@io_task
def score_shadows(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.shadow_predictions; return its row count.

    The champion is left out. A model that cannot score is told in a warning: nothing waits for a shadow.
    """
    registry = load_registry(settings)
    champion = champion_on(registry, as_of)
    try:
        chosen = [name for name in shadows_on(as_of, settings) if not champion or name != champion.model_id]
        parts = [_score_shadow(name, as_of, settings) for name in chosen]
    except VintageError as error:
        LOG.warning("No shadow run on %s: %s", as_of, error)
        return 0
    if not parts:
        return 0
    tables.create_missing(settings)  # a datamart of older code has no such table
    rows = in_order(pl.concat(parts), TABLES["gold.shadow_predictions"])
    return tables.replace_partitions("gold.shadow_predictions", rows, days=[as_of], settings=settings)


def _score_shadow(model_id: str, as_of: date, settings: Settings) -> pl.DataFrame:
    """Rows of gold.shadow_predictions by one model."""
    model = load_model(load_registry(settings), model_id)
    applications = read_applications(as_of, [model_id], settings)
    return score_applications(applications, model, model_id=model_id)
