"""gold.economics as it is read, of a day or up to it (a datamart of older code holds none), and its loans."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.schemas.catalog import TABLES
from tasks.schemas.economics import ECONOMICS
from tasks.store import tables

SUMMARY = ("title", "basis", "window", "path", "cut_off", "n", "value", "interval", "status")


def economics_on(day: date, settings: Settings) -> pl.DataFrame:
    """Rows of gold.economics of a day.

    Raises: TableNotReadyError when the day was not measured.
    """
    tables.require("gold.economics", day, settings, flow="monitoring")
    return tables.read("gold.economics", settings, on=day)


def economics_until(day: date, settings: Settings) -> pl.DataFrame:
    """Rows of gold.economics up to a day, in date order; none where older code made the datamart."""
    if not tables.snapshot_dates("gold.economics", settings):
        return TABLES["gold.economics"].empty
    return tables.scan("gold.economics", settings, until=day).collect().sort("snapshot_date")


def read_scored(days: Sequence[date], settings: Settings) -> pl.DataFrame:
    """loan_id, pd, fallback, model_id and amount of the scored applications of some days, by loan."""
    loans = tables.scan("silver.loans", settings, on=days).filter(pl.col("installment_num") == 0)
    scored = tables.scan("gold.predictions", settings, on=days)
    return (
        scored.join(loans.select("loan_id", amount="loan_amt"), on="loan_id", how="inner", validate="1:1")
        .select("loan_id", "snapshot_date", "pd", "fallback", "model_id", "amount")
        .sort("snapshot_date", "loan_id")
        .collect()
    )


def summarise(rows: pl.DataFrame) -> pl.DataFrame:
    """SUMMARY, as people read it: each figure but the profit curve, in the catalogue's order."""
    chosen = rows.filter(pl.col("figure") == "best_cutoff")["cutoff"].unique().to_list()
    shown = rows.filter((pl.col("figure") != "profit") | pl.col("cutoff").is_in(chosen))
    order = pl.col("figure").replace_strict({name: at for at, name in enumerate(ECONOMICS)})
    lines = [_line(row) for row in shown.sort(order, "basis", "window", "path").to_dicts()]
    return pl.DataFrame(lines, schema=dict.fromkeys(SUMMARY, pl.String), orient="row")


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    spec = ECONOMICS[row["figure"]]
    value = "" if row["value"] is None else spec.write(row["value"])
    interval = "" if row["ci_low"] is None else f"{spec.write(row['ci_low'])} to {spec.write(row['ci_high'])}"
    about = (spec.title, row["basis"], row["window"], row["path"], f"{row['cutoff']:.0%}")
    return *about, f"{row['n']:,}", value, interval, row["status"]
