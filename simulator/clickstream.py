"""Clickstream: 20 normal numbers per customer and month, around levels that tell defaulters apart.

Defaulters and the others differ in 10 means (by 5 to 25) and in 10 standard deviations (by 1 to 5, of 100).
There is nothing else in it: no memory from month to month, and no two columns move together.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.layout import FE_COLUMNS, SPREADS, source_of
from simulator.population import relation_left
from simulator.terms import Bools, Floats, Lender, Stream, draws, drifts_in, is_stopped, month_start


@dataclass(frozen=True)
class Levels:
    """Mean and standard deviation of the 20 columns: row 0 for those who pay, row 1 for defaulters."""

    mean: Floats
    sd: Floats


def levels_of(lender: Lender, cohort: int) -> Levels:
    """Return the levels of one cohort's customers."""
    step, none = np.arange(1.0, 6.0), np.zeros(5)
    left = relation_left(lender, cohort)
    mean = np.stack(
        [np.concatenate([none, 5 * step, none, none]), np.concatenate([5 * step, none, none, none])]
    )
    sd = np.stack([np.concatenate([none, none, none, step]), np.concatenate([none, none, step, none])])
    return Levels(100 + left * mean, 100 + left * sd)


def draw_clicks(lender: Lender, cohort: int, month: int, defaults: Bools) -> Floats:
    """Return a cohort's clean clickstream in one month: whole numbers, one row a customer, 20 columns."""
    levels, group = levels_of(lender, cohort), defaults.astype(np.int64)
    clicks = draws(lender, Stream.CLICKSTREAM, cohort, month).standard_normal(
        (len(defaults), len(FE_COLUMNS))
    )
    clicks *= levels.sd[group]
    clicks += levels.mean[group]
    return np.rint(clicks, out=clicks)


def build_clickstream(
    lender: Lender, cohort: int, month: int, ids: pl.Series, defaults: Bools
) -> pl.DataFrame:
    """Return the rows of feature_clickstream.csv for one cohort in one month, drift included.

    Keys: one row per customer, in the order of `ids`; no rows once the source has stopped.
    """
    if is_stopped(lender, "clickstream", month, cohort):
        ids, defaults = ids.head(0), defaults[:0]
    clicks = draw_clicks(lender, cohort, month, defaults).astype(np.int64)
    columns = {name: clicks[:, place] for place, name in enumerate(FE_COLUMNS)}
    for drift in drifts_in(lender, "shift", month):
        if source_of(drift.names[0]) == "clickstream":
            columns[drift.names[0]] = columns[drift.names[0]] + round(drift.amount * SPREADS[drift.names[0]])
    for drift in drifts_in(lender, "swap", month):
        if source_of(drift.names[0]) == "clickstream":
            one, other = drift.names
            columns[one], columns[other] = columns[other], columns[one]
    frame = pl.DataFrame(columns).with_columns(Customer_ID=ids)
    return frame.with_columns(snapshot_date=pl.lit(month_start(lender, month)))


def log_likelihood_ratio(lender: Lender, cohort: int, month: int, defaults: Bools) -> Floats:
    """Return how much one month of clickstream speaks for default (log odds), one number a customer.

    0 for a month in which the source has stopped. Shifts and swaps take no information away, so none is lost.
    """
    if is_stopped(lender, "clickstream", month, cohort):
        return np.zeros(len(defaults))
    levels = levels_of(lender, cohort)
    clicks = draw_clicks(lender, cohort, month, defaults)
    centre, precision = levels.mean, 1 / levels.sd**2
    square = (precision[0] - precision[1]) / 2
    slope = centre[1] * precision[1] - centre[0] * precision[0]
    constant = (centre[0] ** 2 * precision[0] - centre[1] ** 2 * precision[1]) / 2
    constant = constant + np.log(levels.sd[0] / levels.sd[1])
    return (clicks**2) @ square + clicks @ slope + constant.sum()
