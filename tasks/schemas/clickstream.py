"""Clickstream: twenty integer measures of a customer's behaviour, one row per customer and month."""

import dataframely as dy
import polars as pl

from tasks.schemas.source import SilverRow, Source

MEASURES = tuple(f"fe_{i}" for i in range(1, 21))
HAS_VALUES = pl.any_horizontal(pl.col(MEASURES).is_not_null())  # a row of blanks says nothing


class SilverClickstream(SilverRow):
    """Key: (customer_id, snapshot_date). Measures have no unit; negative values are normal."""

    fe_1 = dy.Int32(nullable=True)
    fe_2 = dy.Int32(nullable=True)
    fe_3 = dy.Int32(nullable=True)
    fe_4 = dy.Int32(nullable=True)
    fe_5 = dy.Int32(nullable=True)
    fe_6 = dy.Int32(nullable=True)
    fe_7 = dy.Int32(nullable=True)
    fe_8 = dy.Int32(nullable=True)
    fe_9 = dy.Int32(nullable=True)
    fe_10 = dy.Int32(nullable=True)
    fe_11 = dy.Int32(nullable=True)
    fe_12 = dy.Int32(nullable=True)
    fe_13 = dy.Int32(nullable=True)
    fe_14 = dy.Int32(nullable=True)
    fe_15 = dy.Int32(nullable=True)
    fe_16 = dy.Int32(nullable=True)
    fe_17 = dy.Int32(nullable=True)
    fe_18 = dy.Int32(nullable=True)
    fe_19 = dy.Int32(nullable=True)
    fe_20 = dy.Int32(nullable=True)


CLICKSTREAM = Source(
    name="clickstream",
    columns=(*MEASURES, "Customer_ID", "snapshot_date"),
    silver=SilverClickstream,
    every_month=False,
)
