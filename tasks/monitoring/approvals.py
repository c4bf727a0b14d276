"""Who is approved at a cut-off, which may change after a training, and the bad rate to expect of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.statistics.performance import Floats

CELLS = 100  # of the PD, each closed above, as an approval is


@dataclass(frozen=True)
class Approved:
    """Of `n_all` applications the `n` that are approved: their mean PD, and the variance of that mean."""

    n_all: float
    n: float
    mean: float
    variance: float


def summarise_pds(pds: Floats) -> dict[str, list[float]]:
    """Number, sum and sum of squares of the PDs in each of CELLS, for the model's reference."""
    cell = np.clip(np.ceil(pds * CELLS - 1e-9).astype(int) - 1, 0, CELLS - 1)
    powers = {"n": np.ones_like(pds), "sum": pds, "squares": pds**2}
    return {
        name: np.bincount(cell, weights=values, minlength=CELLS).tolist() for name, values in powers.items()
    }


def mix_summaries(
    summaries: Mapping[str, Mapping[str, Sequence[float]]], n_by_path: Mapping[str, int]
) -> dict[str, list[float]] | None:
    """One summary of those of the score paths, in the shares of so many loans; None where none is known.

    Its number is that of one sample with the sampling error of the mixture.
    """
    known = [path for path in sorted(n_by_path) if path in summaries and sum(summaries[path]["n"])]
    if not known:
        return None
    weights = np.array([n_by_path[path] for path in known], dtype=float)
    weights /= weights.sum()
    rows = np.array([sum(summaries[path]["n"]) for path in known])
    scale = weights / rows / float((weights**2 / rows).sum())
    return {
        name: (scale @ np.array([summaries[path][name] for path in known])).tolist()
        for name in ("n", "sum", "squares")
    }


def count_approved(summary: Mapping[str, Sequence[float]] | None, cutoff: float) -> Approved | None:
    """Who of those that `summarise_pds` summarised is below a cut-off; None without a summary.

    A cell that the cut-off parts counts in proportion.
    """
    if summary is None:
        return None
    part = np.clip(cutoff * CELLS - np.arange(CELLS), 0.0, 1.0)
    n, total, squares = (float(part @ np.asarray(summary[name])) for name in ("n", "sum", "squares"))
    return _approved(float(sum(summary["n"])), n, total, squares)


def keep_approved(pds: pl.Series, cutoff: float) -> Approved:
    """Who of these applications is below a cut-off."""
    kept = pds.filter(pds <= cutoff).to_numpy()
    return _approved(float(len(pds)), float(len(kept)), float(kept.sum()), float((kept**2).sum()))


def _approved(n_all: float, n: float, total: float, squares: float) -> Approved:
    if n <= 0:
        return Approved(n_all, 0.0, 0.0, 0.0)
    mean = total / n
    return Approved(n_all, n, mean, max(0.0, squares / n - mean**2) / n)
