"""Population stability: how far this month's distribution is from the one the model was trained on.

The mean and spread of a history's measure rest on a history that grows with the calendar, so their
distributions change although no customer does. What is compared with the training data is therefore the value
of the application's own month, which has the same distribution whatever came before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import chdtrc, gammaincinv

from tasks.lender.current import OfTheLender
from tasks.schemas.feature_store import FEATURES, HAS_SOURCE, MEASURES, MEASURES_OF, SUMMARY, has_values
from tasks.schemas.predictions import COMPLETE
from tasks.schemas.source_features import knows_other, other_features
from tasks.statistics.categories import shared_words
from tasks.statistics.significance import trend_p

Counts = np.ndarray[Any, np.dtype[np.float64]]
BINS = 10
NEWEST_MONTHS = 3
MIN_NEWEST = 100
GRID = 20  # quantiles of each path whose cells are merged into bins
# What is compared with the training data, and the feature that rests on it.
WATCHED = OfTheLender(
    lambda _: {name: name for name in FEATURES if name not in SUMMARY} | {m: f"{m}_mean" for m in MEASURES}
)


@dataclass(frozen=True)
class Shift:
    """PSI of a sample against its reference; `unit` times a chi-square of `freedom` is it under no change."""

    psi: float
    unit: float
    freedom: int
    p: float

    def quantile(self, level: float) -> float:
        """The PSI that no change stays below with this probability (Yurdakul 2018)."""
        return self.unit * 2 * float(gammaincinv(self.freedom / 2, level))


def add_month_values(applications: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """Add the measures of the histories: what the application's own month says, null if nothing.

    Needs:  customer_id, snapshot_date in both; the measures in `past`.
    Keys:   rows and their order are kept.
    """
    if not MEASURES:
        return applications
    values = past.select("customer_id", "snapshot_date", *(pl.col(m).cast(pl.Float64) for m in MEASURES))
    on = ["customer_id", "snapshot_date"]
    return applications.join(values, on=on, how="left", validate="m:1", maintain_order="left")


def count_known(applications: pl.DataFrame) -> dict[str, int]:
    """How many applications each source covers in their own month.

    A history that stops leaves customers what was known: has_<source> stays true, the month is empty.

    Needs:  the columns that `add_month_values` adds, and has_<source>.
    """
    covers = {source: pl.col(flag) for source, flag in HAS_SOURCE.items()} | knows_other(applications.columns)
    covers |= {name: has_values(name) for name in MEASURES_OF}
    counts = applications.select(covered.sum().alias(source) for source, covered in covers.items())
    return {source: int(count) for source, count in counts.row(0, named=True).items()}


def build_reference(ripe: pl.DataFrame, scores: Mapping[str, pl.Series]) -> dict[str, Any]:
    """What later months are compared with: deciles, shares and coverage of the training data, scores by path.

    Needs:  `ripe`, the training loans with the features that were learned, and the month's values of
            `add_month_values`; what each score path says of the applications that it can answer.
    Shapes: {"n": {feature: rows}, "bins": {feature: {"edges" or "values", "shares"}}, "coverage": {source:
            share}, "grid": edges, "paths": {path: {"n": rows, "shares"}}}; the last of a feature's shares is
            of nulls. The shares of the paths are of the cells between the same edges, which hold each path's
            twentieths.
    """
    learned = (name for name, feature in WATCHED.items() if feature in ripe.columns)
    columns = {name: ripe[name] for name in (*learned, *other_features(ripe.columns))}
    bins = {name: _bins_of(values, category=values.dtype == pl.String) for name, values in columns.items()}
    coverage = {source: count / ripe.height for source, count in count_known(ripe).items()}
    quantiles = np.linspace(0, 1, GRID + 1)[1:-1]
    known = {path: values for path, values in scores.items() if len(values)}
    edges = sorted({float(q) for values in known.values() for q in np.quantile(values.to_numpy(), quantiles)})
    shares = {path: _counts(values, {"edges": edges})[:-1] / len(values) for path, values in known.items()}
    return {
        "n": {name: len(values) for name, values in columns.items()},
        "bins": bins,
        "coverage": coverage,
        "grid": edges,
        "paths": {path: {"n": len(known[path]), "shares": share.tolist()} for path, share in shares.items()},
    }


def keep_newest(applications: pl.DataFrame) -> pl.DataFrame:
    """The applications of the newest NEWEST_MONTHS months, and of earlier ones until there are MIN_NEWEST.

    PDs part as histories grow, and older applications had shorter ones.

    Needs:  snapshot_date.
    """
    days = applications["snapshot_date"].sort(descending=True)
    if days.len() <= MIN_NEWEST:
        return applications
    first = min(days.unique().sort()[-NEWEST_MONTHS:][0], days[MIN_NEWEST - 1])
    return applications.filter(pl.col("snapshot_date") >= first)


def score_bins(
    reference: Mapping[str, Any], n_by_path: Mapping[str, int]
) -> tuple[dict[str, Any], float, list[str]]:
    """Deciles of what the paths said of the training data, mixed as the loans are; rows that they rest on.

    The third is which of the paths the reference knows: the others have no part in it. The number of rows is
    that of one sample with the sampling error of the mixture. The reference of a model made by older code
    has one score, which counts where most loans took the complete path.
    """
    paths = reference.get("paths")
    if paths is None:
        mostly = 2 * n_by_path.get(COMPLETE, 0) > sum(n_by_path.values())
        return reference["bins"]["pd"], reference["n"]["pd"], list(n_by_path) if mostly else []
    known = sorted(path for path in n_by_path if path in paths)
    weights = np.array([n_by_path[path] for path in known], dtype=float)
    if not weights.sum():
        return {}, 0.0, []
    weights /= weights.sum()
    cells = weights @ np.array([paths[path]["shares"] for path in known])
    rows = np.array([paths[path]["n"] for path in known])
    return _merge(reference["grid"], cells), float(1 / (weights**2 / rows).sum()), known


def _merge(edges: Sequence[float], cells: Counts) -> dict[str, Any]:
    """The edges that come nearest to deciles, and the shares between them; none is null."""
    reached = np.cumsum(cells)[:-1]
    kept = sorted({int(np.abs(reached - k / BINS).argmin()) for k in range(1, BINS)}) if len(edges) else []
    bounds = np.concatenate([[0.0], reached[kept], [1.0]])
    return {"edges": [edges[place] for place in kept], "shares": [*np.diff(bounds).tolist(), 0.0]}


def measure_shift(current: pl.Series, bins: Mapping[str, Any], n_reference: float) -> Shift:
    """How far a sample is from the reference, and how rarely chance alone brings it there.

    PSI is the sum of (p - q) ln(p / q) over the reference's bins, one of them for nulls, with half a row
    added to every bin on both sides, so that an empty one stays finite. The p-value is twice the smaller
    of two: of any change of shares (PSI as a chi-square), and of a shift up or down, seen much earlier.
    """
    now, before = _counts(current, bins), np.asarray(bins["shares"]) * n_reference
    p, q = _smoothed(now), _smoothed(before)
    psi = float(np.sum((p - q) * np.log(p / q)))
    freedom = max(1, int(((now + before) > 0).sum()) - 1)
    unit = 1 / max(1, len(current)) + 1 / max(1, n_reference)
    any_change = float(chdtrc(freedom, psi / unit))
    if "values" in bins:
        return Shift(psi, unit, freedom, any_change)
    return Shift(psi, unit, freedom, min(1.0, 2 * min(any_change, trend_p(now[:-1], before[:-1]))))


def _bins_of(values: pl.Series, *, category: bool) -> dict[str, Any]:
    if category:
        bins: dict[str, Any] = {"values": shared_words(values)}
    else:
        known = values.drop_nulls().to_numpy()
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        bins = {"edges": sorted({float(edge) for edge in np.quantile(known, inner)}) if len(known) else []}
    bins["shares"] = (_counts(values, bins) / max(len(values), 1)).tolist()
    return bins


def _counts(values: pl.Series, bins: Mapping[str, Any]) -> Counts:
    """Rows per bin; for words one bin each and one for those that are not in the reference; nulls last."""
    known = values.drop_nulls() if values.has_nulls() else values
    if "values" in bins:
        numbers = {value: i for i, value in enumerate(bins["values"])}
        place = known.replace_strict(numbers, default=len(numbers), return_dtype=pl.Int64).to_numpy()
        size = len(numbers) + 1
    else:
        place = np.searchsorted(np.asarray(bins["edges"], dtype=float), known.to_numpy(), side="left")
        size = len(bins["edges"]) + 1
    counted = np.bincount(place, minlength=size).astype(float)
    return np.append(counted, float(len(values) - len(known)))


def _smoothed(counts: Counts) -> Counts:
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
