"""Sums of a history by customer, with which a month costs no more for the months that were added up."""

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil

import polars as pl

from tasks.schemas.feature_store import MEASURES_OF, has_values
from tasks.schemas.history_sums import MONTHS_SUMMED, parts_of

SAMPLED = 100  # one row of so many tells where buckets of customers begin


def sum_months(rows: pl.LazyFrame, history: str, *, by: str) -> pl.LazyFrame:
    """What the months of a history add up to for each `by`: their number, and the parts of each measure.

    Needs:  `by`, snapshot_date and the measures of the history.
    Keys:   one row per `by` of which a month has any value.
    """
    measures = MEASURES_OF[history]
    whole = all(rows.collect_schema()[m].is_integer() for m in measures)
    # Integer sums are exact, so the result does not depend on the order in which rows are met; others are
    # taken in the order of the months.
    kind, ordered = (pl.Int64, rows) if whole else (pl.Float64, rows.sort(by, "snapshot_date"))
    parts = {
        part: made
        for m in measures
        for part, made in zip(
            parts_of((m,)),
            (
                pl.col(m).count().cast(pl.Int64),
                pl.col(m).cast(kind).sum(),
                (pl.col(m).cast(kind) ** 2).sum(),
            ),
            strict=True,
        )
    }
    return (
        ordered.filter(has_values(history))
        .group_by(by)
        .agg(pl.len().cast(pl.Int64).alias(MONTHS_SUMMED), **parts)
    )


def add_sums(parts: Sequence[pl.LazyFrame], *, by: str) -> pl.LazyFrame:
    """Sums of months that are not the same ones, added for each `by`.

    Needs:  the columns that `sum_months` gives, in its order.
    """
    return pl.concat(parts).group_by(by).agg(pl.all().sum())


def sums_of_applicants(sums: pl.LazyFrame, applications: pl.LazyFrame) -> pl.LazyFrame:
    """The sums by customer as those by loan_id of the customers' applications."""
    applied = applications.select("loan_id", "customer_id")
    return applied.join(sums, on="customer_id", how="inner").drop("customer_id")


def divide_customers(rows: Sequence[pl.LazyFrame], n: int) -> list[pl.Expr]:
    """Conditions that divide customers into `n` buckets or fewer of as many rows, in order of their ids."""
    if n == 1:
        return [pl.lit(value=True)]
    customer = pl.col("customer_id")
    sampled = pl.concat([one.select(customer).gather_every(SAMPLED) for one in rows])
    ids = sampled.collect().to_series().unique().sort()
    starts = ["", *ids.gather_every(ceil(len(ids) / n))[1:]]
    return [
        customer >= first if end is None else (customer >= first) & (customer < end)
        for first, end in zip_longest(starts, starts[1:])
    ]
