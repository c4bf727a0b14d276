"""Train a challenger on what was known on one date, and promote it if it earns it."""

from datetime import date

from flows.engine import monthly_flow
from tasks.config import Settings
from tasks.modelling.tasks import promote, train_challenger
from tasks.reporting.artifacts import publish_training


@monthly_flow("training")
def training(snapshot_date: date, settings: Settings) -> None:
    """A challenger when enough cohorts are ripe on `snapshot_date`; champion when it passes the gate."""
    model_id = train_challenger(snapshot_date, settings)
    promote(snapshot_date, model_id, settings)
    publish_training(snapshot_date, model_id, settings)
