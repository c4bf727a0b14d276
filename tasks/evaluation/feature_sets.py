"""The value of each source: ours alone, each alone, ours with each, ours with all, on the same loans."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.governance.policy import Choice
from tasks.modelling.families import ModelSpec
from tasks.modelling.stacking import fit_stacked_models, predict_pd
from tasks.modelling.training_set import TrainingSet, TrainingSnapshot, read_training_set
from tasks.schemas.feature_store import SOURCES
from tasks.statistics.performance import Floats, measure_auc, measure_auc_gain

OURS, ALL = "ours", "ours + all"


def list_feature_sets(others: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The sources of each feature set, by its name."""
    alone = {f"{name} alone": (name,) for name in others}
    added = {f"ours + {name}": (*SOURCES, name) for name in others}
    every = {ALL: (*SOURCES, *others)} if len(others) > 1 else {}
    return {OURS: tuple(SOURCES), **alone, **added, **every}


def score_feature_sets(
    spec: ModelSpec, snapshot: TrainingSnapshot, applications: Any, others: Sequence[str], *, seed: int
) -> dict[str, Floats]:
    """PDs (n,) of applications by each feature set, fitted to what is known on the day.

    Needs:  the columns of the `others` in the loans that are known and in the applications.
    """
    training_set: TrainingSet = read_training_set(
        snapshot, snapshot.ripe, day=snapshot.as_of, view="as of training"
    )
    models = fit_stacked_models(spec, training_set, list_feature_sets(others), seed=seed)
    return {name: predict_pd(model, applications) for name, model in models.items()}


def compare_feature_sets(
    labels: Floats, pds: Mapping[str, Floats], source_figures: Mapping[str, Mapping[str, Any]], rule: Choice
) -> list[dict[str, Any]]:
    """A record per feature set: AUC with its 95 % interval, gain over ours with its 90 % one, cost, advice.

    A source is taken when what it adds to ours is significantly above 0, at least `min_gain`, and it knows at
    least `min_coverage` of the applications.

    Needs:  labels (n,) and PDs (n,) of the same loans; columns, coverage and age of each source.
    """
    ours = measure_auc(labels, pds[OURS])
    records: list[dict[str, Any]] = []
    for name, scores in pds.items():
        auc = measure_auc(labels, scores)
        gain, low, high = measure_auc_gain(auc, ours, level=0.90)
        others = [
            source_figures[source]
            for source in list_feature_sets(list(source_figures))[name]
            if source in source_figures
        ]
        coverage = min((figures["coverage"] for figures in others), default=1.0)
        pays = low > 0 and gain >= rule.min_gain and coverage >= rule.min_coverage
        advice = ("take" if pays else "leave") if name.startswith("ours +") else ""
        auc_low, auc_high = auc.interval()
        records.append(
            {
                "features": name,
                "n": len(labels),
                "auc": auc.value,
                "auc_low": auc_low,
                "auc_high": auc_high,
                "gain": gain,
                "gain_low": low,
                "gain_high": high,
                "coverage": coverage,
                "days_old": max((figures["days_old"] for figures in others), default=0.0),
                "columns": sum(figures["columns"] for figures in others),
                "recommendation": advice,
            }
        )
    return records
