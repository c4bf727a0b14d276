"""The charts of a run, drawn from its tables into the datamart."""

from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.schemas.feature_store import HAS_SOURCE, MEASURES_OF, has_values
from tasks.schemas.monitoring import CONFIDENCE, keep_metrics
from tasks.statistics.performance import wilson_interval
from tasks.store import documents, tables

RATES = {"month": pl.Date, "n": pl.Int64, "value": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64}


def draw_charts(as_of: date, settings: Settings) -> None:
    """Draw the months up to `as_of` into <datamart>/charts, one SVG a figure."""
    for name, svg in draw_figures(as_of, settings).items():
        documents.write_chart(name, svg, settings)


def draw_figures(as_of: date, settings: Settings, **sizes: int) -> dict[str, bytes]:
    """The months up to `as_of` as SVG, by the figure's name; `sizes` as draw_feature_stability has them."""
    from tasks.charts import draw_all  # here, as matplotlib takes long to import and nothing else needs it

    figures = tables.scan("gold.monitoring", settings, until=as_of).collect()
    ours = coverage_by_month(as_of, settings)
    coverage = pl.concat([ours, _coverage_of_others(figures, ours)])
    cohorts = add_measured_rates(_ripe_cohorts(as_of, settings), figures)
    limits = read_policy(settings.policy).policy.fixed_limits
    return draw_all(figures, cohorts=cohorts, coverage=coverage, limits=limits, **sizes)


def _ripe_cohorts(as_of: date, settings: Settings) -> pl.DataFrame:
    """month, n, value, ci_low, ci_high: bad rate of each cohort with labels, of all its loans."""
    labels = tables.scan("gold.label_store", settings, until=as_of)
    month = pl.col("loan_start_date").dt.truncate("1mo")
    counts = labels.group_by(month=month).agg(n=pl.len(), n_bad=pl.col("label").sum()).sort("month").collect()
    rows = [_rate(day, n, bad / n) for day, n, bad in counts.iter_rows()]
    return pl.DataFrame(rows, schema=RATES, orient="row")


def add_measured_rates(cohorts: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """Add `expected`; of a cohort that was scored the rate is that of gold.monitoring, of its scored loans.

    Needs:  RATES of all ripe cohorts; gold.monitoring. An interval that older code did not store is added.
    """
    observed = _of_cohorts(figures, "bad_rate_observed").drop_nulls("value").select(*RATES)
    stored = [row if row[3] is not None else _rate(*row[:3]) for row in observed.iter_rows()]
    scored = pl.DataFrame(stored, schema=RATES, orient="row")
    expected = _of_cohorts(figures, "bad_rate_expected").select("month", expected="value")
    rates = pl.concat([scored, cohorts.join(scored, on="month", how="anti")])
    return rates.join(expected, on="month", how="left", validate="1:1").sort("month")


def _rate(month: date, n: int, value: float) -> tuple[date, int, float, float, float]:
    return month, n, value, *wilson_interval(value * n, n, level=CONFIDENCE)


def _of_cohorts(figures: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Rows of a metric with the `month` of their cohort; of figures measured twice the newest."""
    rows = keep_metrics(figures, metric).filter(pl.col("window").str.starts_with("cohort "))
    month = (pl.col("window").str.strip_prefix("cohort ") + "-01").str.to_date("%Y-%m-%d")
    newest = rows.sort("snapshot_date").unique("window", keep="last", maintain_order=True)
    return newest.with_columns(month=month)


def coverage_by_month(as_of: date, settings: Settings) -> pl.DataFrame:
    """month, subject, n, value, status: the share of a month's applications per source, and scored.

    Of a history it is the application's own month that counts, as in gold.monitoring.
    """
    key = ["customer_id", "snapshot_date"]
    applications = tables.scan("gold.feature_store", settings, until=as_of)
    for name in MEASURES_OF:
        flag = HAS_SOURCE[name]
        past = tables.scan_history(settings, until=as_of).filter(has_values(name)).select(key).unique()
        here = past.with_columns(pl.lit(value=True).alias(flag))
        applications = applications.drop(flag).join(here, on=key, how="left", validate="m:1")
        applications = applications.with_columns(pl.col(flag).fill_null(value=False))
    by_month = applications.group_by(month="snapshot_date")
    months = by_month.agg(n=pl.len(), **{name: pl.col(flag).mean() for name, flag in HAS_SOURCE.items()})
    scored = tables.scan("gold.predictions", settings, until=as_of).group_by(month="snapshot_date")
    months = months.join(scored.agg(n_scored=pl.len()), on="month", how="left", validate="1:1")
    shares = months.with_columns(scored=pl.col("n_scored") / pl.col("n"))
    rows = shares.unpivot([*HAS_SOURCE, "scored"], index=["month", "n"], variable_name="subject")
    status = pl.when(pl.col("value").is_null()).then(pl.lit("not scored")).otherwise(pl.lit("measured"))
    return rows.with_columns(status=status).collect().sort("month", maintain_order=True)


def _coverage_of_others(figures: pl.DataFrame, ours: pl.DataFrame) -> pl.DataFrame:
    """The same columns for the sources of other teams, from gold.monitoring: since a model reads them."""
    read = keep_metrics(figures, "coverage").filter(~pl.col("subject").is_in([*HAS_SOURCE, "scoring"]))
    values = read.select("subject", "value", month="snapshot_date")
    every = ours.select("month", "n").unique().join(values.select("subject").unique(), how="cross")
    rows = every.join(values, on=["month", "subject"], how="left", validate="1:1")
    status = pl.when(pl.col("value").is_null()).then(pl.lit("not read")).otherwise(pl.lit("measured"))
    return rows.with_columns(status=status).select(ours.columns).sort("subject", "month")
