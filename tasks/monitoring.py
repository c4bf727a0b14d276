"""Measure the month into gold.monitoring, and draw the months so far."""

from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.core.monitoring import measure_coverage, measure_performance, measure_stability, to_rows
from tasks.errors import NothingToDoError
from tasks.prefect import io_task
from tasks.storage import models, tables


@io_task
def measure_month(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partition of gold.monitoring; return its row count.

    Errors: NothingToDoError when the day has no predictions, as before the first champion.
    """
    predictions = tables.read("gold.predictions", settings, on=as_of)
    if predictions.is_empty():
        raise NothingToDoError(f"No monitoring on {as_of}: no application of that day was scored.")
    features = tables.read("gold.feature_store", settings, on=as_of)
    model_id = str(predictions["model_id"][0])
    reference = models.read_reference(model_id, settings)
    today = measure_stability(features, predictions, reference)
    today += measure_coverage(features, predictions.height, reference)
    month = to_rows(today, as_of=as_of, window=f"month {as_of:%Y-%m}", model_id=model_id)
    rows = pl.concat([month, _cohort_rows(as_of, settings)])
    return tables.replace_partitions("gold.monitoring", rows, days=[as_of], settings=settings)


def _cohort_rows(as_of: date, settings: Settings) -> pl.DataFrame:
    """Figures of the cohort whose labels came to exist on `as_of`, by the model that scored it."""
    labels = tables.read("gold.label_store", settings, on=as_of)
    predictions = tables.scan("gold.predictions", settings, until=as_of).select("loan_id", "pd", "model_id")
    ripened = (
        labels.lazy().join(predictions, on="loan_id", how="inner", validate="1:1").sort("loan_id").collect()
    )
    scored_by = str(ripened["model_id"][0]) if ripened.height else "none"
    cohort = labels["loan_start_date"].min() if labels.height else None
    window = f"cohort {cohort:%Y-%m}" if isinstance(cohort, date) else "no ripe cohort"
    return to_rows(measure_performance(ripened), as_of=as_of, window=window, model_id=scored_by)
