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
from tasks.storage import models, tables
from tasks.storage.registry import champion_on, load_registry, require_history


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
    _refuse_other_features(champion.model_id, settings)
    applications = read_applications(as_of, [champion.model_id], settings)
    predictions = score_applications(
        applications, models.load(champion, settings), model_id=champion.model_id
    )
    return tables.replace_partitions("gold.predictions", predictions, days=[as_of], settings=settings)


def _refuse_other_features(model_id: str, settings: Settings) -> None:
    """Do nothing if the feature store has the features that the model learned from, in their order."""
    learned = [
        name for name in models.read_card(model_id, settings)["data"]["features"] if BETWEEN not in name
    ]
    odd = sorted(set(learned) ^ set(FEATURES))
    if learned != list(FEATURES):
        raise ModelStoreError(
            f"The features do not match the list on the card of {model_id} "
            f"({', '.join(odd[:5]) or 'another order'}); nothing was scored. "
            "Use the code that trained the model, or train and promote another."
        )
