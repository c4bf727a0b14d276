"""Score one date's applications with the champion effective on it."""

from datetime import date

from flows.engine import monthly_flow
from tasks.config import Settings
from tasks.reporting.artifacts import publish_inference
from tasks.scoring.tasks import score_day, score_shadows


@monthly_flow("inference")
def inference(snapshot_date: date, settings: Settings) -> None:
    """Predictions for the applications of `snapshot_date`."""
    score_day(snapshot_date, settings)
    score_shadows(snapshot_date, settings)
    publish_inference(snapshot_date, settings)
