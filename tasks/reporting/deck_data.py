"""What the deck is made from, and what a page of it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.reporting.findings import describe_figures
from tasks.schemas.monitoring import keep_metrics


@dataclass(frozen=True)
class DeckData:
    """All that the deck is made from, as of one monitored date.

    `now` and `past` are gold.monitoring of the date and up to it, `actions` gold.actions up to it, `months`
    the month table, `sources` bronze.deliveries up to it, `rows` the rows of each table, `card` that of the
    champion, `models` the registry (effective_from, model_id, state, why), `reasons` the most frequent first
    reasons of the day's scores with their shares, `triggers` those of the `policy` in words.
    """

    day: date
    now: pl.DataFrame
    past: pl.DataFrame
    actions: pl.DataFrame
    months: pl.DataFrame
    sources: pl.DataFrame
    rows: Mapping[str, int]
    card: Mapping[str, Any]
    models: Sequence[Mapping[str, str]]
    reasons: Sequence[tuple[str, float]]
    triggers: Sequence[Mapping[str, str]]
    policy: Policy
    policy_name: str
    label_mob: int


@dataclass(frozen=True)
class Page:
    """One page: a finding as its title, plain words, exact words, and what is drawn or listed."""

    title: str
    plain: str
    exact: Sequence[str] = ()
    figure: str = ""
    numbers: Sequence[tuple[str, str]] = ()
    header: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    drawing: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def one_of(data: DeckData, metric: str) -> Mapping[str, Any] | None:
    """The month's first figure of a metric that has a value."""
    rows = keep_metrics(data.now, metric).drop_nulls("value")
    return rows.row(0, named=True) if rows.height else None


def describe_month(data: DeckData) -> dict[str, str]:
    """What the month shows, by metric."""
    findings = describe_figures(data.now, month=f"{data.day:%Y-%m}", policy=data.policy)
    return {metric: finding for metric, (finding, _) in findings.items()}


def is_of_former_model(row: Mapping[str, Any], data: DeckData) -> bool:
    """Whether a figure is of loans none of which the model in service scored."""
    return data.card["model_id"] not in row["model_id"].split()


def describe_interval(row: Mapping[str, Any], digits: int = 3) -> str:
    """The limits of a figure's interval."""
    return f"{row['ci_low']:.{digits}f} to {row['ci_high']:.{digits}f}"


def compare_expected(past: pl.DataFrame) -> pl.DataFrame:
    """month, expected, low, high, realised: AUC that was forecast at scoring, of cohorts that are ripe now.

    Needs:  gold.monitoring.
    """
    month = pl.col("window").str.slice(-7).alias("month")
    forecast = keep_metrics(past, "expected_auc").select(
        month, expected="value", low="ci_low", high="ci_high"
    )
    ripe = keep_metrics(past, "auc").filter(pl.col("window").str.starts_with("cohort"))
    realised = ripe.select(month, realised="value").drop_nulls()
    return forecast.drop_nulls().join(realised, on="month", how="inner", validate="1:1").sort("month")
