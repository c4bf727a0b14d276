"""What a run shows of itself: artifacts in the Prefect UI, charts in the datamart."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.prefect import publish
from tasks.schemas.clickstream import HAS_VALUES
from tasks.schemas.feature_store import HAS_SOURCE
from tasks.status import month_table
from tasks.storage.registered_files import read_card
from tasks.storage.registry import load_registry
from tasks.store import documents, tables


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
    decided = "promoted" if card["gate"]["promoted"] else "not promoted"
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
    actions = tables.read("gold.actions", settings, on=as_of)
    outside = figures.filter(pl.col("status").is_in(["red", "amber"]))
    reds = outside.filter(status="red").height
    lines = [
        f"{row['status']}: {row['metric']} of {row['subject']} ({row['window']}), {_said(row['value'])}"
        for row in _rows(outside.sort("status", descending=True, maintain_order=True))
    ]
    lines += [f"action: {row['action']} {row['owner']}, until {row['due_date']}" for row in _rows(actions)]
    verdict = (
        f"Monitoring of {as_of}: {reds} red and {outside.height - reds} amber of {figures.height} figures, "
        f"{actions.height} actions."
    )
    publish("monitoring", verdict, *lines, table=_rows(figures.drop("amber", "red")))


def publish_backfill(days: Sequence[date], names: Sequence[str], settings: Settings) -> None:
    """What was run, and the months so far."""
    months = month_table(settings)
    verdict = f"Backfill of {days[0]} to {days[-1]}: {', '.join(names)} done."
    publish("backfill", verdict, f"{months.height} months so far", table=_rows(months))


def draw_charts(as_of: date, settings: Settings) -> None:
    """Draw the months up to `as_of` into <datamart>/charts, one SVG a figure."""
    for name, svg in draw_figures(as_of, settings).items():
        documents.write_chart(name, svg, settings)


def draw_figures(as_of: date, settings: Settings, **limits: int) -> dict[str, bytes]:
    """The months up to `as_of` as SVG, by the figure's name; `limits` as draw_feature_stability has them."""
    from tasks.charts import draw_all  # seaborn takes seconds to import, and nothing else here needs it

    figures = tables.scan("gold.monitoring", settings, until=as_of).collect()
    ours = coverage_by_month(as_of, settings)
    coverage = pl.concat([ours, _coverage_of_others(figures, ours)])
    return draw_all(figures, cohorts=_ripe_cohorts(as_of, settings), coverage=coverage, **limits)


def _ripe_cohorts(as_of: date, settings: Settings) -> pl.DataFrame:
    """month, n, n_bad of each cohort with labels."""
    labels = tables.scan("gold.label_store", settings, until=as_of)
    month = pl.col("loan_start_date").dt.truncate("1mo")
    cohorts = labels.group_by(month=month).agg(n=pl.len(), n_bad=pl.col("label").sum())
    return cohorts.sort("month").collect()


def coverage_by_month(as_of: date, settings: Settings) -> pl.DataFrame:
    """month, subject, n, value, status: the share of a month's applications per source, and scored.

    Of the clickstream it is the application's own month that counts, as in gold.monitoring.
    """
    key = ["customer_id", "snapshot_date"]
    clicks = tables.scan("silver.clickstream", settings, until=as_of).filter(HAS_VALUES).select(key).unique()
    applications = (
        tables.scan("gold.feature_store", settings, until=as_of)
        .drop("has_clickstream")
        .join(clicks.with_columns(has_clickstream=pl.lit(value=True)), on=key, how="left", validate="m:1")
        .with_columns(pl.col("has_clickstream").fill_null(value=False))
        .group_by(month="snapshot_date")
    )
    months = applications.agg(n=pl.len(), **{name: pl.col(flag).mean() for name, flag in HAS_SOURCE.items()})
    scored = tables.scan("gold.predictions", settings, until=as_of).group_by(month="snapshot_date")
    months = months.join(scored.agg(n_scored=pl.len()), on="month", how="left", validate="1:1")
    shares = months.with_columns(scored=pl.col("n_scored") / pl.col("n"))
    rows = shares.unpivot([*HAS_SOURCE, "scored"], index=["month", "n"], variable_name="subject")
    status = pl.when(pl.col("value").is_null()).then(pl.lit("not scored")).otherwise(pl.lit("measured"))
    return rows.with_columns(status=status).collect().sort("month", maintain_order=True)


def _coverage_of_others(figures: pl.DataFrame, ours: pl.DataFrame) -> pl.DataFrame:
    """The same columns for the sources of other teams, from gold.monitoring: since a model reads them."""
    read = figures.filter(pl.col("metric") == "coverage", ~pl.col("subject").is_in([*HAS_SOURCE, "scoring"]))
    values = read.select("subject", "value", month="snapshot_date")
    asked = ours.select("month", "n").unique().join(values.select("subject").unique(), how="cross")
    rows = asked.join(values, on=["month", "subject"], how="left", validate="1:1")
    status = pl.when(pl.col("value").is_null()).then(pl.lit("not read")).otherwise(pl.lit("measured"))
    return rows.with_columns(status=status).select(ours.columns).sort("subject", "month")


def _said(value: float | None) -> str:
    return "no value" if value is None else f"{value:.3f}"


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.with_columns(pl.col(pl.Date).cast(pl.String)).to_dicts()
