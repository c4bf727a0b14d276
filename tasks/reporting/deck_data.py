"""What the deck is made from, and what a page of it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Facts:
    """All that the deck is made from, as of one monitored date.

    `now` and `past` are gold.monitoring of the date and up to it, `actions` gold.actions up to it, `months`
    the month table, `sources` bronze.deliveries up to it, `rows` the rows of each table, `card` that of the
    champion, `models` the registry (effective_from, model_id, state, why), `reasons` the most frequent first
    reasons of the day's scores with their shares, `triggers` those of the policy.
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
    policy: str
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


def one_of(facts: Facts, metric: str) -> Mapping[str, Any] | None:
    """The month's first figure of a metric that has a value."""
    rows = facts.now.filter(pl.col("metric") == metric, pl.col("value").is_not_null())
    return rows.row(0, named=True) if rows.height else None


def is_of_former_model(row: Mapping[str, Any], facts: Facts) -> bool:
    """Whether a figure is of loans none of which the model in service scored."""
    return facts.card["model_id"] not in row["model_id"].split()


def say_interval(row: Mapping[str, Any], digits: int = 3) -> str:
    """The limits of a figure's interval."""
    return f"{row['ci_low']:.{digits}f} to {row['ci_high']:.{digits}f}"


def compare_expected(past: pl.DataFrame) -> pl.DataFrame:
    """month, expected, low, high, realised: AUC that was forecast at scoring, of cohorts that are ripe now.

    Needs:  gold.monitoring.
    """
    month = pl.col("window").str.slice(-7).alias("month")
    told = past.filter(pl.col("metric") == "expected_auc").select(
        month, expected="value", low="ci_low", high="ci_high"
    )
    came = past.filter(pl.col("metric") == "auc", pl.col("window").str.starts_with("cohort"))
    came = came.select(month, realised="value").drop_nulls()
    return told.drop_nulls().join(came, on="month", how="inner", validate="1:1").sort("month")
