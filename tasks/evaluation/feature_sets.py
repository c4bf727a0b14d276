"""What each source is worth: ours alone, each alone, ours with each, ours with all, on the same loans."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.governance.policy import Choice
from tasks.modelling.families import ModelSpec
from tasks.modelling.stacking import fit_stacked_models, predict_pd
from tasks.modelling.training_set import TrainingSet, TrainingSnapshot, read_training_set
from tasks.schemas.feature_store import SOURCES
from tasks.statistics.performance import Floats, measure_auc, measure_auc_gain

OURS, ALL = "ours", "ours + all"


def list_choices(others: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The sources that each choice reads, by its name."""
    alone = {f"{name} alone": (name,) for name in others}
    added = {f"ours + {name}": (*SOURCES, name) for name in others}
    every = {ALL: (*SOURCES, *others)} if len(others) > 1 else {}
    return {OURS: SOURCES, **alone, **added, **every}


def score_choices(
    spec: ModelSpec, snapshot: TrainingSnapshot, applications: Any, others: Sequence[str], *, seed: int
) -> dict[str, Floats]:
    """PDs (n,) of applications by each choice, fitted to what is known on the day.

    Needs:  the columns of the `others` in the loans that are known and in the applications.
    """
    training_set: TrainingSet = read_training_set(
        snapshot, snapshot.ripe, day=snapshot.as_of, view="as of training"
    )
    models = fit_stacked_models(spec, training_set, list_choices(others), seed=seed)
    return {name: predict_pd(model, applications) for name, model in models.items()}


def judge_choices(
    labels: Floats, pds: Mapping[str, Floats], facts: Mapping[str, Mapping[str, Any]], rule: Choice
) -> list[dict[str, Any]]:
    """A record per choice: AUC with its 95 % interval, gain over ours with its paired 90 % one, cost, advice.

    A source is taken when what it adds to ours is significantly above 0, at least `min_gain`, and it knows at
    least `min_coverage` of the applications.

    Needs:  labels (n,) and PDs (n,) of the same loans; `facts` of each source: columns, coverage, freshness.
    """
    ours = measure_auc(labels, pds[OURS])
    records: list[dict[str, Any]] = []
    for name, scores in pds.items():
        auc = measure_auc(labels, scores)
        gain, low, high = measure_auc_gain(auc, ours, level=0.90)
        others = [facts[source] for source in list_choices(list(facts))[name] if source in facts]
        coverage = min((fact["coverage"] for fact in others), default=1.0)
        worth = low > 0 and gain >= rule.min_gain and coverage >= rule.min_coverage
        advice = ("take" if worth else "leave") if name.startswith("ours +") else ""
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
                "days_old": max((fact["days_old"] for fact in others), default=0.0),
                "columns": sum(fact["columns"] for fact in others),
                "recommendation": advice,
            }
        )
    return records
