"""Population stability: how far this month's distribution is from the one the model was trained on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tasks.schemas.feature_store import CATEGORIES, FEATURES, HAS_SOURCE

Reference = Mapping[str, Any]
BINS = 10
MISSING = "missing"


def build_reference(features: pl.DataFrame, pds: pl.Series) -> dict[str, Any]:
    """The distributions to hold later months against: deciles, shares and coverage of the training data.

    Needs:  the training rows of gold.feature_store and their PDs in the same order.
    Shapes: {"n", "bins": {subject: {"edges" or "values", "shares"}}, "coverage": {source: share}}; the last
            share is of nulls.
    """
    columns = {"pd": pds, **{name: features[name] for name in FEATURES}}
    bins = {name: _bins_of(values, category=name in CATEGORIES) for name, values in columns.items()}
    coverage = {source: _share_of(features, flag) for source, flag in HAS_SOURCE.items()}
    return {"n": features.height, "bins": bins, "coverage": coverage}


def measure_psi(current: pl.Series, bins: Mapping[str, Any], n_reference: int) -> float:
    """Population stability index: sum of (p - q) ln(p / q) over the reference's bins, one of them for nulls.

    Half a row is added to every bin on both sides (Yurdakul 2018), so that an empty one stays finite.
    """
    p = _smoothed(_counts(current, bins))
    q = _smoothed(np.asarray(bins["shares"]) * n_reference)
    return float(np.sum((p - q) * np.log(p / q)))


def _bins_of(values: pl.Series, *, category: bool) -> dict[str, Any]:
    if category:
        bins: dict[str, Any] = {"values": sorted(values.drop_nulls().unique().to_list())}
    else:
        known = values.drop_nulls().to_numpy()
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        bins = {"edges": sorted({float(edge) for edge in np.quantile(known, inner)}) if len(known) else []}
    bins["shares"] = (_counts(values, bins) / max(len(values), 1)).tolist()
    return bins


def _counts(values: pl.Series, bins: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Rows per bin; for words one bin each and one for words not seen in the reference; nulls last."""
    known = values.drop_nulls()
    if "values" in bins:
        numbers = {value: i for i, value in enumerate(bins["values"])}
        place = known.replace_strict(numbers, default=len(numbers), return_dtype=pl.Int64).to_numpy()
        size = len(numbers) + 1
    else:
        place = np.searchsorted(np.asarray(bins["edges"], dtype=float), known.to_numpy(), side="left")
        size = len(bins["edges"]) + 1
    counted = np.bincount(place, minlength=size).astype(float)
    return np.append(counted, float(len(values) - len(known)))


def _smoothed(counts: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))


def _share_of(features: pl.DataFrame, flag: str) -> float:
    return float(features[flag].cast(pl.Float64).mean() or 0.0)  # pyright: ignore[reportArgumentType]
