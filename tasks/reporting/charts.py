"""The charts of a run, drawn from its tables into the datamart."""

from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.schemas.clickstream import HAS_VALUES
from tasks.schemas.feature_store import HAS_SOURCE
from tasks.store import documents, tables


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
