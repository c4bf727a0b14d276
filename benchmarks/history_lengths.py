"""How PDs hold when the same champion scores the same loans with shorter histories.

python -m benchmarks.history_lengths DATA HOME [DATA HOME ...]

Each HOME gets the features and the champions of a walk-forward from four ripe cohorts on, unless they are
there. The histories of every ripe loan with a champion are cut to the newest k months, and the champion of
its day scores it; the loans of all lenders are pooled. Where DATA tells the true PDs, these are held against
them too.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from benchmarks.once import build_features, home_settings
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.evaluation.walk_forward import TRUTH
from tasks.ingestion.tasks import months_received
from tasks.labels.cohorts import ripe_cohorts
from tasks.modelling.fallbacks import predict_ensemble
from tasks.modelling.tasks import promote, train_challenger
from tasks.modelling.training_set import label_array, see_history
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import load_model
from tasks.schemas.feature_store import MEASURES_OF
from tasks.sources.applications import read_applications
from tasks.statistics.performance import Floats, measure_performance
from tasks.store import tables

MONTHS = (1, 2, 3, 6, 9, 12, 0)  # 0: all
NAMES = ("observed_to_expected", "calibration_slope", "auc", "spiegelhalter_z")


def train_champions(settings: Settings) -> None:
    """Build the features of all months, and train on each whose own cohort is ripe in the end."""
    months = months_received(settings)
    build_features(months, settings)
    for day in ripe_cohorts(months[-1], settings):
        with suppress(NothingToDoError):
            promote(day, train_challenger(day, settings), settings)


def score_shortened(settings: Settings) -> Iterator[pl.DataFrame]:
    """loan_id, month, k and pd of the loans that a champion scored, for each k of MONTHS."""
    registry = load_registry(settings)
    past = tables.scan_history(settings)
    for day in tables.snapshot_dates("gold.feature_store", settings):
        champion = champion_on(registry, day)
        if champion is None:
            continue
        model = load_model(registry, champion.model_id)
        known = read_applications(day, [champion.model_id], settings)
        for k in MONTHS:
            counts = pl.Series(np.full(known.height, k))
            newest = dict.fromkeys(MEASURES_OF, counts) if k else None
            seen = see_history(known, past, day=None, newest=newest)
            pds = pl.Series(predict_ensemble(model, seen))
            yield seen.select("loan_id", month="snapshot_date", k=pl.lit(k), pd=pds)


def read_lender(data: str, home: str) -> pl.DataFrame:
    """The scores of `score_shortened` of one lender with label, and true_pd where it is known."""
    settings = home_settings(data, home, first_training_cohorts=4)
    if not load_registry(settings).entries:
        train_champions(settings)
    labels = tables.scan("gold.label_store", settings).select("loan_id", "label").collect()
    scored = pl.concat(score_shortened(settings)).join(labels, on="loan_id", validate="m:1")
    truth = Path(data) / TRUTH
    if not truth.exists():
        return scored.with_columns(true_pd=pl.lit(None, pl.Float64))
    true_pds = pl.read_csv(truth).select("loan_id", "true_pd")
    return scored.join(true_pds, on="loan_id", validate="m:1")


def measure(loans: pl.DataFrame) -> dict[str, Any]:
    """NAMES of the loans, and the first two by true PDs, without the noise of the outcomes."""
    labels, pds = label_array(loans), loans["pd"].to_numpy()
    figures = measure_performance(labels, pds, *NAMES)
    found: dict[str, Any] = {name: one.value for name, one in figures.items()}
    if loans["true_pd"].null_count() == 0:
        truth = loans["true_pd"].to_numpy()
        found |= {"true_to_expected": float(truth.sum() / pds.sum()), "true_slope": _true_slope(truth, pds)}
    return found


def _true_slope(truth: Floats, pds: Floats) -> float:
    log_odds, n = logit(pds).reshape(-1, 1), len(pds)
    labels, weights = np.repeat([1.0, 0.0], n), np.concatenate([truth, 1 - truth])
    model = LogisticRegression(C=np.inf).fit(np.vstack([log_odds] * 2), labels, sample_weight=weights)
    return float(model.coef_[0, 0])


def main(words: Sequence[str]) -> None:
    """Print the figures pooled over all loans by k, and the AUC at full length by month."""
    lenders = [read_lender(data, home) for data, home in zip(words[::2], words[1::2], strict=True)]
    loans = pl.concat(one.select("month", "k", "pd", "label", "true_pd") for one in lenders)
    for k in MONTHS:
        of_k = loans.filter(k=k)
        say = " ".join(f"{name} {value:.4f}" for name, value in measure(of_k).items())
        print(f"{k or 'all'}: n {of_k.height} {say}")
    for (month,), of_month in loans.filter(k=0).group_by("month", maintain_order=True):
        print(f"{month}: n {of_month.height} auc {measure(of_month)['auc']:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
