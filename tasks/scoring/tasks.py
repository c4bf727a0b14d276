"""Score the applications of one day with the champion that was effective on it."""

from datetime import date

from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.features.presence import has_no_applications
from tasks.prefect import io_task
from tasks.registry.history import champion_on, load_registry, require_history
from tasks.registry.registered_files import load_model
from tasks.registry.settings_history import note_heads
from tasks.scoring.predictions import score_applications
from tasks.sources.applications import read_applications
from tasks.store import tables


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
