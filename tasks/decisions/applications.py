"""What the scoring service answered, as applications of their month beside those that the batch scored."""

import json
from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from tasks.config import Settings
from tasks.store import tables

TABLE = "gold.decisions"


def read_online(models: Mapping[date, str], batch: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """As `keep_applications`, of what the model of each month answered of it, as far as the log is rolled.

    Needs:  the `batch`, the rows of gold.predictions of these months.
    """
    found = [batch.clear().with_columns(known=pl.lit(None, pl.String))]
    rolled = tables.snapshot_dates(TABLE, settings)
    for month, model_id in models.items():
        # An answer has its day by UTC, an application by the lender's clock.
        before = month - timedelta(days=1)
        if days := [day for day in rolled if day >= before]:
            of_month = pl.col("application_date").dt.truncate("1mo") == month
            answers = tables.scan(TABLE, settings, on=days).filter(of_month, pl.col("model_id") == model_id)
            found.append(keep_applications(answers.collect(), batch.filter(snapshot_date=month), month))
    return pl.concat(found)


def keep_applications(answers: pl.DataFrame, batch: pl.DataFrame, month: date) -> pl.DataFrame:
    """The columns of the batch and `known`, of applications that were answered and are not in the batch.

    An answer without a loan is of an application of its customer: the one that names a loan, where there is
    one. Of several answers to an application the newest counts.

    Keys:   loan_id, or the request's id where there is none.
    """
    in_order = answers.sort("at", "request_id")
    named = in_order.filter(pl.col("loan_id").is_not_null())
    nameless = in_order.filter(pl.col("loan_id").is_null()).unique("customer_id", keep="last")
    for others in (named, batch):
        nameless = nameless.join(others, on="customer_id", how="anti")
    found = [
        named.unique("loan_id", keep="last").join(batch, on="loan_id", how="anti"),
        nameless.with_columns(loan_id="request_id"),
    ]
    return (
        pl.concat(found)
        .with_columns(snapshot_date=pl.lit(month))
        .sort("loan_id")
        .select(*batch.columns, "known")
    )


def add_known(features: pl.DataFrame, online: pl.DataFrame) -> pl.DataFrame:
    """The features, and below them those that the scores of applications rest on; others are null.

    Needs:  loan_id, customer_id, snapshot_date and `known` of `keep_applications`.
    """
    if online.is_empty():
        return features
    rows = [{**json.loads(row["known"]), **row} for row in online.to_dicts()]
    columns = {name: [row.get(name) for row in rows] for name in features.columns}
    return pl.concat([features, pl.DataFrame(columns, schema=features.schema, strict=False)])
