"""A model that scored in the shadow against the champion of each month, on the loans that are ripe since."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from tasks.config import Settings
from tasks.decisions.shadow_scores import read_scores
from tasks.errors import NothingToDoError
from tasks.evaluation.scorers import POOLED
from tasks.modelling.training_set import label_array
from tasks.registry.listing import require_model
from tasks.statistics.performance import (
    MIN_OF_CLASS,
    Floats,
    measure_auc,
    measure_auc_gain,
    measure_brier,
    measure_brier_loss,
    measure_observed_to_expected,
)
from tasks.store import tables

LEVEL = 0.90  # of the paired intervals
BINS = 10
ONLINE = "online"
FIGURES = (
    "auc_champion",
    "auc_shadow",
    "auc_gain",
    "auc_gain_low",
    "auc_gain_high",
    "brier_champion",
    "brier_shadow",
    "brier_loss",
    "brier_loss_low",
    "brier_loss_high",
    "oe_champion",
    "oe_shadow",
)
SCHEMA = {
    "month": pl.String,
    "scored": pl.Int64,
    "psi": pl.Float64,
    "ripe": pl.Int64,
    **dict.fromkeys(FIGURES, pl.Float64),
}


def compare_shadow(model_id: str, settings: Settings) -> pl.DataFrame:
    """A row per month in which the model scored in the shadow, and one of all months, POOLED.

    Then a row per month of what `vintage serve` answered, by the day applied for, its name ending in ONLINE.

    `scored` applications and the `psi` between both models' scores of them; of those that are `ripe`, AUC,
    Brier score and observed/expected (oe) of both, the shadow's gain in AUC and loss in Brier score with
    their paired intervals. Figures are null where fewer than two good or bad loans are ripe.
    Raises: ModelStoreError for a model that the registry does not know; NothingToDoError for one that has not
    scored in the shadow.
    """
    require_model(model_id, settings)
    tables.create_missing(settings)  # a datamart of older code has no such table
    shadow = tables.scan("gold.shadow_predictions", settings).filter(pl.col("model_id") == model_id)
    champion = tables.scan("gold.predictions", settings).select("loan_id", pd_champion="pd")
    labels = tables.scan("gold.label_store", settings).select("loan_id", "label")
    online = _online(read_scores(model_id, settings), labels.collect())
    scored = (
        shadow.select("loan_id", "snapshot_date", pd_shadow="pd")
        .join(champion, on="loan_id", how="inner", validate="1:1")
        .join(labels, on="loan_id", how="left", validate="1:1")
        .sort("snapshot_date", "loan_id")
        .collect()
    )
    if scored.is_empty() and not online:
        raise NothingToDoError(
            f"{model_id} has scored no month in the shadow yet. Let it with: vintage models shadow "
            f"{model_id} --from YYYY-MM-01, then run inference or vintage serve"
        )
    named = [
        (f"{day[0]:%Y-%m}", loans) for day, loans in scored.group_by("snapshot_date", maintain_order=True)
    ]
    batch = [*named, (POOLED, scored)] if named else []
    return pl.DataFrame([_compare(*one) for one in (*batch, *online)], schema=SCHEMA)


def _online(scores: pl.DataFrame, labels: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """What was answered online by month; of a loan that was asked for more than once the last answer."""
    last = scores.filter(pl.col("loan_id").is_null() | pl.col("loan_id").is_last_distinct())
    months = last.select(
        "loan_id", "pd_champion", pd_shadow="pd", month=pl.col("application_date").str.head(7)
    )
    scored = months.join(labels, on="loan_id", how="left", validate="m:1").sort("month", maintain_order=True)
    return [(f"{month} {ONLINE}", loans) for (month,), loans in scored.group_by("month", maintain_order=True)]


def _compare(month: str, scored: pl.DataFrame) -> dict[str, Any]:
    ripe = scored.filter(pl.col("label").is_not_null())
    champion, shadow = scored["pd_champion"].to_numpy(), scored["pd_shadow"].to_numpy()
    row = {"month": month, "scored": scored.height, "psi": measure_psi(shadow, champion), "ripe": ripe.height}
    labels = label_array(ripe)
    if min(labels.sum(), len(labels) - labels.sum()) < MIN_OF_CLASS:
        return row
    return {**row, **_measure(labels, [ripe[name].to_numpy() for name in ("pd_champion", "pd_shadow")])}


def _measure(labels: Floats, pds: Sequence[Floats]) -> dict[str, float]:
    champion, shadow = pds
    aucs = [measure_auc(labels, scores) for scores in pds]
    figures = (
        *(auc.value for auc in aucs),
        *measure_auc_gain(aucs[1], aucs[0], level=LEVEL),
        *(measure_brier(labels, scores) for scores in pds),
        *measure_brier_loss(labels, shadow, champion, level=LEVEL),
        *(measure_observed_to_expected(labels, scores) for scores in pds),
    )
    return dict(zip(FIGURES, figures, strict=True))


def measure_psi(scores: Floats, reference: Floats) -> float:
    """Population stability index over the reference's deciles: sum((p - q) ln(p / q)), +1/2 a bin."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, one), minlength=len(edges) + 1) for one in (scores, reference)
    ]
    p, q = ((count + 0.5) / (count + 0.5).sum() for count in counts)
    return float(((p - q) * np.log(p / q)).sum())


def in_words(figures: pl.DataFrame) -> pl.DataFrame:
    """The same for people: a column per figure, champion / shadow, differences with their intervals."""
    rows = [
        {
            "month": one["month"],
            "scored": one["scored"],
            "PSI": f"{one['psi']:.3f}",
            "ripe": one["ripe"],
            "AUC": _pair(one, "auc"),
            "gain in AUC (90 %)": _interval(one, "auc_gain"),
            "Brier": _pair(one, "brier"),
            "loss in Brier (90 %)": _interval(one, "brier_loss"),
            "O/E": _pair(one, "oe"),
        }
        for one in figures.iter_rows(named=True)
    ]
    return pl.DataFrame(rows)


def _pair(row: dict[str, Any], name: str) -> str:
    champion, shadow = row[f"{name}_champion"], row[f"{name}_shadow"]
    return "not ripe" if champion is None else f"{champion:.3f} / {shadow:.3f}"


def _interval(row: dict[str, Any], name: str) -> str:
    value, low, high = (row[part] for part in (name, f"{name}_low", f"{name}_high"))
    return "not ripe" if value is None else f"{value:+.4f} ({low:+.4f} to {high:+.4f})"
