"""Rows of gold.monitoring as a figure needs them: one metric, one row a month, no month left out."""

from typing import Literal

import polars as pl

from tasks.months import month_number
from tasks.schemas.monitoring import keep_metrics

Window = Literal["month", "cohort"]


def keep_metric(figures: pl.DataFrame, metric: str, window: Window) -> pl.DataFrame:
    """Add `month`, `at` to one metric's rows; of figures measured twice the newest stays.

    Needs:  gold.monitoring; rows whose window is no month or cohort ("no ripe cohort") are left out.
    Adds:   month (Date, its first day), at (Int32, months since year 0).
    Keys:   (subject, month), sorted.
    """
    start = f"{window} "
    rows = keep_metrics(figures, metric).filter(pl.col("window").str.starts_with(start))
    month = (pl.col("window").str.strip_prefix(start) + "-01").str.to_date("%Y-%m-%d")
    newest = rows.sort("snapshot_date").unique(["subject", "window"], keep="last", maintain_order=True)
    return add_position(newest.with_columns(month=month)).sort("subject", "month")


def keep_months(figures: pl.DataFrame, metric: str) -> pl.DataFrame:
    """The same, whatever the window: of several months together the last one counts."""
    month = (pl.col("window").str.slice(-7) + "-01").str.to_date("%Y-%m-%d", strict=False)
    rows = keep_metrics(figures, metric).with_columns(month=month).drop_nulls("month").sort("snapshot_date")
    newest = rows.unique(["subject", "month"], keep="last", maintain_order=True)
    return add_position(newest).sort("subject", "month")


def add_position(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `at`: months since year 0, so that neighbours are one apart whatever their lengths."""
    return rows.with_columns(at=month_number(pl.col("month")))


def fill_months(rows: pl.DataFrame) -> pl.DataFrame:
    """Every month from the first to the last, once; those without a row get the status "no rows"."""
    first, last = rows["at"].min(), rows["at"].max()
    if not isinstance(first, int) or not isinstance(last, int):
        return rows
    every = pl.DataFrame({"at": range(first, last + 1)}, schema={"at": pl.Int32})
    filled = every.join(rows, on="at", how="left", validate="1:1", maintain_order="left")
    return filled.with_columns(pl.col("status").fill_null("no rows"))


def count_statuses(rows: pl.DataFrame) -> str:
    """The statuses of what was not measured, as words: "not scored: 6, single class: 1"."""
    unmeasured = rows.filter(pl.col("value").is_null()).group_by("status").agg(n=pl.len()).sort("status")
    return ", ".join(f"{row['status']}: {row['n']}" for row in unmeasured.to_dicts())


def lowest(rows: pl.DataFrame, *columns: str) -> float:
    """The least value of any of the columns."""
    return rows.select(pl.min_horizontal(pl.col(columns).min())).item()


def highest(rows: pl.DataFrame, *columns: str) -> float:
    """The largest value of any of the columns."""
    return rows.select(pl.max_horizontal(pl.col(columns).max())).item()


def count_words(counts: pl.Series, what: str = "") -> str:
    """How many a month: "485 to 518 applications a month"."""
    low, high = counts.min(), counts.max()
    number = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return " ".join(filter(None, (number, what, "a month")))
