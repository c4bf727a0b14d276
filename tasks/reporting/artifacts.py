"""What a run leaves on the Artifacts page of Prefect: a summary and a table."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.prefect import publish
from tasks.registry.history import load_registry
from tasks.registry.registered_files import read_card
from tasks.reporting.status import month_table
from tasks.schemas.actions import keep_open
from tasks.schemas.monitoring import METRICS
from tasks.store import tables


def publish_features(as_of: date, settings: Settings) -> None:
    """Counts of what came in for the month and what became of it."""
    deliveries = tables.read("bronze.deliveries", settings, on=as_of)
    applications = tables.scan("gold.feature_store", settings, on=[as_of]).select(pl.len()).collect().item()
    set_aside = deliveries["n_quarantined"].sum()
    lines = [
        f"{row['source']}: {row['n_received']} rows came in, {row['n_good']} taken, "
        f"{row['n_quarantined']} in quarantine"
        for row in _rows(deliveries)
    ]
    verdict = f"Features of {as_of}: {applications} applications; {set_aside} rows in quarantine."
    publish("features", verdict, *lines, table=_rows(deliveries))


def publish_training(as_of: date, model_id: str, settings: Settings) -> None:
    """The candidates' out-of-time figures and the gate's decision."""
    card = read_card(load_registry(settings), model_id)
    decided = "passed the gate" if card["gate"]["promoted"] else "did not pass the gate"
    table = [{"family": c["family"], **c["oot"]} for c in card["candidates"]]
    publish(
        "training",
        f"Training on {as_of}: {model_id} ({card['family']}) {decided}.",
        f"Gate: {card['gate']['why']}",
        table=table,
    )


def publish_inference(as_of: date, settings: Settings) -> None:
    """How many applications got which grade, and by which model."""
    predictions = tables.read("gold.predictions", settings, on=as_of)
    grades = predictions.group_by("grade").agg(n=pl.len(), mean_pd=pl.col("pd").mean()).sort("grade")
    model_id = predictions["model_id"][0]
    verdict = f"Inference of {as_of}: {predictions.height} applications scored by {model_id}."
    publish("inference", verdict, table=_rows(grades))


def publish_monitoring(as_of: date, settings: Settings) -> None:
    """What is outside its limits and what is to be done, and the month's figures as a table."""
    figures = tables.read("gold.monitoring", settings, on=as_of)
    actions = keep_open(tables.read("gold.actions", settings, on=as_of))
    outside = figures.filter(pl.col("status").is_in(["red", "amber"]))
    reds = outside.filter(status="red").height
    lines = [
        f"{row['status']}: {_describe(row)} ({row['window']})"
        for row in _rows(outside.sort("status", descending=True, maintain_order=True))
    ]
    lines += [f"action: {row['action']} {row['owner']}, until {row['due_date']}" for row in _rows(actions)]
    verdict = (
        f"Monitoring of {as_of}: {reds} red and {outside.height - reds} amber of {figures.height} figures, "
        f"{actions.height} open actions, {actions.filter(state='opened').height} of them new."
    )
    publish("monitoring", verdict, *lines, table=_rows(figures.drop("amber", "red")))


def publish_backfill(days: Sequence[date], names: Sequence[str], settings: Settings) -> None:
    """What was run, and the months so far."""
    months = month_table(settings)
    verdict = f"Backfill of {days[0]} to {days[-1]}: {', '.join(names)} done."
    publish("backfill", verdict, f"{months.height} months so far", table=_rows(months))


def _describe(row: Mapping[str, Any]) -> str:
    spec = METRICS[row["metric"]]
    value = "no value" if row["value"] is None else spec.write(row["value"])
    return f"{spec.name_of(row)} {value}"


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.with_columns(pl.col(pl.Date).cast(pl.String)).to_dicts()
