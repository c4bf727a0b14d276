"""The figures of one month: stability and coverage of its applications, performance of its ripe cohort.

A figure without data says why in `status` and has a null value; it is never NaN and never a zero.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from tasks.core import performance
from tasks.core.stability import measure_psi
from tasks.schemas.catalog import TABLES
from tasks.schemas.feature_store import FEATURES, HAS_SOURCE

Figure = dict[str, Any]
MEASURED = "measured"
COLUMNS = TABLES["gold.monitoring"].columns


def measure_stability(
    features: pl.DataFrame, predictions: pl.DataFrame, reference: Mapping[str, Any]
) -> list[Figure]:
    """PSI of the score and CSI of every feature against the champion's training data.

    Needs:  gold.feature_store and gold.predictions of one day; the champion's reference distributions.
    """
    bins, n = reference["bins"], reference["n"]
    figures = [_figure("psi", "score", predictions.height, measure_psi(predictions["pd"], bins["pd"], n))]
    for name in FEATURES:
        figures.append(_figure("csi", name, features.height, measure_psi(features[name], bins[name], n)))
    return figures


def measure_coverage(features: pl.DataFrame, n_scored: int, reference: Mapping[str, Any]) -> list[Figure]:
    """Share of the day's applications that each source knows, and share that was scored."""
    n = features.height
    figures = [
        _figure(
            "coverage", source, n, float(features[flag].sum()) / n, reference=reference["coverage"][source]
        )
        for source, flag in HAS_SOURCE.items()
    ]
    return [*figures, _figure("coverage", "scoring", n, n_scored / n, reference=1.0)]


def measure_performance(ripened: pl.DataFrame) -> list[Figure]:
    """AUC, Gini, KS, Brier score, bad rates and observed to expected of the cohort that ripened.

    Needs:  label (0 or 1) and pd of the cohort's loans; no rows when it was never scored.
    """
    n = ripened.height
    names = ("auc", "gini", "ks", "brier", "bad_rate_observed", "bad_rate_expected", "observed_to_expected")
    if n == 0:
        return [_figure(name, "score", 0, None, status="not scored") for name in names]
    labels, pds = ripened["label"].cast(pl.Float64).to_numpy(), ripened["pd"].to_numpy()
    figures = [
        _figure("brier", "score", n, performance.measure_brier(labels, pds)),
        _figure("bad_rate_observed", "score", n, float(labels.mean())),
        _figure("bad_rate_expected", "score", n, float(pds.mean())),
        _figure("observed_to_expected", "score", n, performance.measure_observed_to_expected(labels, pds)),
    ]
    return _measure_ranking(labels, pds) + figures


def _measure_ranking(labels: performance.Floats, pds: performance.Floats) -> list[Figure]:
    n, n_bad = len(labels), int(labels.sum())
    if n_bad in (0, n):
        return [_figure(name, "score", n, None, status="single class") for name in ("auc", "gini", "ks")]
    if min(n_bad, n - n_bad) < 2:
        return [
            _figure(name, "score", n, None, status="too few of a class") for name in ("auc", "gini", "ks")
        ]
    auc = performance.measure_auc(labels, pds)
    low, high = auc.interval()
    return [
        _figure("auc", "score", n, auc.value, ci=(low, high)),
        _figure("gini", "score", n, 2 * auc.value - 1, ci=(2 * low - 1, 2 * high - 1)),
        _figure("ks", "score", n, performance.measure_ks(labels, pds)),
    ]


def to_rows(figures: list[Figure], *, as_of: date, window: str, model_id: str) -> pl.DataFrame:
    """Rows of gold.monitoring; `window` says which applications were measured."""
    frame = pl.DataFrame(figures, schema={name: COLUMNS[name] for name in _figure("", "", 0, None)})
    constants = {"snapshot_date": pl.lit(as_of), "window": pl.lit(window), "model_id": pl.lit(model_id)}
    return frame.with_columns(**constants).select(*COLUMNS)


def _figure(
    metric: str,
    subject: str,
    n: int,
    value: float | None,
    *,
    ci: tuple[float | None, float | None] = (None, None),
    reference: float | None = None,
    status: str = MEASURED,
) -> Figure:
    return {
        "metric": metric,
        "subject": subject,
        "n": n,
        "value": value,
        "ci_low": ci[0],
        "ci_high": ci[1],
        "reference": reference,
        "amber": None,
        "red": None,
        "status": status,
    }
