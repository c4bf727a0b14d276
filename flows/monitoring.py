"""Measure one date: its applications, and the cohort that ripened on it."""

from datetime import date

from flows.engine import monthly_flow
from tasks.config import Settings
from tasks.economics.tasks import measure_economics
from tasks.monitoring.tasks import monitor_month
from tasks.reporting.artifacts import publish_monitoring


@monthly_flow("monitoring")
def monitoring(snapshot_date: date, settings: Settings) -> None:
    """Stability, coverage, performance and money of `snapshot_date`, and what follows from them."""
    monitor_month(snapshot_date, settings)
    measure_economics(snapshot_date, settings)
    publish_monitoring(snapshot_date, settings)
