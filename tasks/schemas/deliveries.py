"""Deliveries: what came in for a month, per source, and what became of each row."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import dataframely as dy
import polars as pl

Delivery = Mapping[str, Any]  # a row of Deliveries


class Volume(NamedTuple):
    """Rows of a source in a month: all, and the new ones, which for loans are those at MOB 0."""

    n: int
    n_new: int


class Deliveries(dy.Schema):
    """Key: (source, snapshot_date). Counts are rows of the file, `n_cleaned` is cells set to null.

    `digest` is of the rows as received; `n_new` of loans counts the rows at MOB 0.
    """

    source = dy.String(nullable=False, primary_key=True)
    snapshot_date = dy.Date(nullable=False, primary_key=True)
    source_file = dy.String(nullable=False)
    digest = dy.String(nullable=False)
    n_received = dy.Int64(nullable=False, min=0)
    n_new = dy.Int64(nullable=False, min=0)
    n_good = dy.Int64(nullable=False, min=0)
    n_quarantined = dy.Int64(nullable=False, min=0)
    n_duplicates = dy.Int64(nullable=False, min=0)
    n_cleaned = dy.Int64(nullable=False, min=0)

    @dy.rule()
    def every_row_is_accounted_for(cls) -> pl.Expr:
        return pl.col("n_received") == pl.col("n_good") + pl.col("n_quarantined") + pl.col("n_duplicates")


def by_month(deliveries: pl.DataFrame) -> dict[date, dict[str, Delivery]]:
    """The rows of bronze.deliveries of each month, by source."""
    months: dict[date, dict[str, Delivery]] = {}
    for row in deliveries.iter_rows(named=True):
        months.setdefault(row["snapshot_date"], {})[row["source"]] = row
    return months
