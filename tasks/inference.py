"""Score the applications of one day with the champion that was effective on it."""

from datetime import date

from tasks.config import Settings
from tasks.core.scoring import score_applications
from tasks.errors import NothingToDoError
from tasks.prefect import io_task
from tasks.storage import models, tables


@io_task
def score_day(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.predictions; return its row count.

    Errors: NothingToDoError before the first champion; ModelStoreError when the artefact was changed.
    """
    tables.require("gold.feature_store", as_of, settings, flow="features")
    champion = models.champion_on(as_of, settings)
    if champion is None:
        raise NothingToDoError(f"No scoring on {as_of}: no champion is effective yet.")
    applications = tables.read("gold.feature_store", settings, on=as_of)
    predictions = score_applications(
        applications, models.load(champion, settings), model_id=champion.model_id
    )
    return tables.replace_partitions("gold.predictions", predictions, days=[as_of], settings=settings)
