"""Score the applications of one day with the champion that was effective on it."""

from datetime import date

from tasks.config import Settings
from tasks.core.scoring import score_applications
from tasks.errors import ModelStoreError, NothingToDoError
from tasks.prefect import io_task
from tasks.schemas.feature_store import FEATURES
from tasks.schemas.source_features import BETWEEN
from tasks.source_features import read_applications
from tasks.status import lacks_applications
from tasks.storage import tables
from tasks.storage.registered_files import load_model, read_card
from tasks.storage.registry import Registry, champion_on, load_registry, require_history


@io_task
def score_day(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.predictions; return its row count.

    Errors: NothingToDoError before the first champion and where no loan starts on the day; ModelStoreError
    when the artefact was changed or learned from other features.
    """
    if lacks_applications(as_of, settings):
        raise NothingToDoError(f"No scoring on {as_of}: no loan starts on that day.")
    tables.require("gold.feature_store", as_of, settings, flow="features")
    registry = load_registry(settings)
    require_history(registry, as_of, settings)
    champion = champion_on(registry, as_of)
    if champion is None:
        raise NothingToDoError(f"No scoring on {as_of}: no champion is effective yet.")
    _refuse_other_features(registry, champion.model_id)
    applications = read_applications(as_of, [champion.model_id], settings)
    predictions = score_applications(
        applications, load_model(registry, champion.model_id), model_id=champion.model_id
    )
    return tables.replace_partitions("gold.predictions", predictions, days=[as_of], settings=settings)


def _refuse_other_features(registry: Registry, model_id: str) -> None:
    """Do nothing if the feature store has the features that the model learned from, in their order."""
    learned = [name for name in read_card(registry, model_id)["data"]["features"] if BETWEEN not in name]
    odd = sorted(set(learned) ^ set(FEATURES))
    if learned != list(FEATURES):
        raise ModelStoreError(
            f"The features do not match the list on the card of {model_id} "
            f"({', '.join(odd[:5]) or 'another order'}); nothing was scored. "
            "Use the code that trained the model, or train and promote another."
        )
