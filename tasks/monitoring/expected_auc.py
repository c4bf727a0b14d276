"""What to expect of a month before its labels exist."""

import numpy as np
import polars as pl

from tasks.monitoring.measurement import Measurement, measurement
from tasks.schemas.monitoring import keep_metrics
from tasks.statistics.performance import Floats


def measure_expected_auc(pds: Floats) -> float | None:
    """AUC of a score whose PDs hold (0 to 1); None when they leave no doubt, or there are none.

    Confidence-based performance estimation: sorted by PD, each application counts as `pd` bad ones and
    `1 - pd` good ones; ties share a point of the curve (as in NannyML's CBPE). Blind to a changed relation
    between features and default.
    """
    levels, place = np.unique(pds, return_inverse=True)
    bad = np.bincount(place, weights=pds, minlength=len(levels))[::-1]
    good = np.bincount(place, weights=1 - pds, minlength=len(levels))[::-1]
    if not len(pds) or bad.sum() <= 0 or good.sum() <= 0:
        return None
    hit = np.concatenate([[0.0], np.cumsum(bad) / bad.sum()])
    false_alarm = np.concatenate([[0.0], np.cumsum(good) / good.sum()])
    return float(np.trapezoid(hit, false_alarm))


def measure_expected_auc_spread(pds: Floats) -> float:
    """Standard error of a realised AUC around its expectation, were the PDs true (Hanley & McNeil 1982)."""
    auc, n_bad = measure_expected_auc(pds), float(pds.sum())
    n_good = len(pds) - n_bad
    if auc is None or n_bad < 1 or n_good < 1:
        return 0.5
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    top = auc * (1 - auc) + (n_bad - 1) * (q1 - auc**2) + (n_good - 1) * (q2 - auc**2)
    return float((top / (n_bad * n_good)) ** 0.5)


def count_optimistic(figures: pl.DataFrame) -> Measurement:
    """Of the months with a forecast that are ripe, those whose AUC was forecast too high.

    Needs:  gold.monitoring up to the day; of figures measured twice the newest counts.
    """
    month = pl.col("window").str.slice(-7)
    newest = figures.sort("snapshot_date").with_columns(month=month).drop_nulls("value")
    forecast, realised = (
        keep_metrics(newest, metric)
        .unique("month", keep="last")
        .select("month", pl.col("value").alias(metric))
        for metric in ("expected_auc", "auc")
    )
    both = forecast.join(realised, on="month", how="inner", validate="1:1")
    if both.is_empty():
        return measurement("optimistic_forecasts", "score", 0, None, status="not ripe")
    above = both.filter(pl.col("expected_auc") > pl.col("auc")).height
    return measurement("optimistic_forecasts", "score", both.height, float(above))
