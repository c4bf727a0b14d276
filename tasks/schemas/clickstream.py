"""Clickstream: twenty integer measures of a customer's behaviour, one row per customer and month."""

import polars as pl

MEASURES = tuple(f"fe_{i}" for i in range(1, 21))
HAS_VALUES = pl.any_horizontal(pl.col(MEASURES).is_not_null())  # a row of blanks says nothing
