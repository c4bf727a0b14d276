"""A whole training as one function: from what is known on a day to a model that may serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from tasks.modelling.ablation import measure_ablations
from tasks.modelling.candidates import (
    Candidate,
    choose_history_view,
    find_candidates,
    measure_fallbacks,
    refit,
    score_candidate_walk_forward,
    score_walk_forward,
)
from tasks.modelling.fallbacks import COMPLETE, FallbackEnsemble, predict_ensemble
from tasks.modelling.families import ModelSpec
from tasks.modelling.splits import Split, split_cohorts
from tasks.modelling.training_set import HistoryView, TrainingSnapshot, keep_features, label_array
from tasks.monitoring.early_arrears import count_arrears
from tasks.monitoring.stability import add_month_values, build_reference
from tasks.registry.promotion_gate import GateInput
from tasks.statistics.performance import Floats


@dataclass(frozen=True)
class TrainingConfig:
    """What a training needs besides data: `start`, each family's hyperparameters in the model before."""

    trials: int
    seed: int
    oot_cohorts: int
    start: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Challenger:
    """A trained model: `candidates` with the winner first, what was measured, and what would serve.

    `walk_forward` are the winner's PDs of the out-of-time loans, each cohort by a fit to all before it.
    """

    split: Split
    candidates: Sequence[Candidate]
    view: HistoryView
    views: Mapping[str, Any]
    fallbacks: Mapping[str, Mapping[str, Any]]
    walk_forward: Floats
    ablations: Sequence[Mapping[str, Any]]
    ensemble: FallbackEnsemble


def configure(previous: Mapping[str, Any] | None, trials: int, seed: int, oot_cohorts: int) -> TrainingConfig:
    """The configuration of a training whose searches begin where those of the `previous` card ended."""
    candidates = previous["candidates"] if previous else []
    return TrainingConfig(trials, seed, oot_cohorts, {one["family"]: one["params"] for one in candidates})


def train(snapshot: TrainingSnapshot, config: TrainingConfig) -> Challenger:
    """The challenger that these loans and this configuration lead to; the same each time, to the last bit."""
    split = split_cohorts(snapshot.ripe["snapshot_date"].to_list(), oot=config.oot_cohorts)
    candidates = find_candidates(snapshot, split, trials=config.trials, seed=config.seed, start=config.start)
    view, views = choose_history_view(candidates[0], snapshot, split, seed=config.seed)
    fallbacks = measure_fallbacks(candidates[0], snapshot, split, seed=config.seed)
    walk_forward = score_candidate_walk_forward(candidates[0], snapshot, split, seed=config.seed)
    ablations = measure_ablations(candidates[0], snapshot, split, seed=config.seed)
    ensemble = refit(candidates[0].spec, snapshot, view, seed=config.seed)
    return Challenger(split, candidates, view, views, fallbacks, walk_forward, ablations, ensemble)


def build_gate_input(
    challenger: Challenger, snapshot: TrainingSnapshot, *, champion: Floats | None
) -> GateInput:
    """What the gate sees: the challenger on each out-of-time cohort, fitted to all cohorts before it.

    Needs:  the champion's PDs of the same loans, or None without a champion.
    """
    development = snapshot.of(challenger.split.development)
    return GateInput(
        labels=label_array(snapshot.of(challenger.split.oot)),
        challenger=challenger.walk_forward,
        champion=champion,
        bad_rate=float(label_array(development).mean()),
        n_cohorts=len(challenger.split.oot),
        fallbacks={name: one["auc"] for name, one in challenger.fallbacks.items() if name != COMPLETE},
        red_fairness=snapshot.red_metrics.get("fairness", ()),
        red_coverage=snapshot.red_metrics.get("coverage", ()),
    )


def replay_walk_forward(card: Mapping[str, Any], snapshot: TrainingSnapshot, split: Split) -> Floats:
    """PDs of the out-of-time loans by the model of a card, each cohort by a fit to its own cohorts before.

    The artefact itself may have learned from some of the loans that two models are compared on.
    """
    cohorts = tuple(date.fromisoformat(day) for day in card["data"]["cohorts"])
    spec = ModelSpec(card["family"], card["candidates"][0]["params"])
    snapshot = keep_features(snapshot, card["data"]["features"])
    return score_walk_forward(spec, snapshot, split, learned=cohorts, seed=card["setup"]["seed"])


def build_model_reference(ensemble: FallbackEnsemble, snapshot: TrainingSnapshot) -> dict[str, Any]:
    """What monitoring compares later months with: distributions of the training data, and early arrears."""
    applications = snapshot.loans.filter(pl.col("snapshot_date") < snapshot.as_of)
    ripe = add_month_values(snapshot.ripe, snapshot.clickstream.collect())
    pds = pl.Series(predict_ensemble(ensemble, applications))
    counts = count_arrears(snapshot.ripe, snapshot.arrears)
    return {**build_reference(ripe, applications, pds), "arrears": counts}
