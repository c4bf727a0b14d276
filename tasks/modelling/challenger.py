"""A whole training as one function: from what is known on a day to a model that may serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.modelling.ablation import measure_ablations
from tasks.modelling.candidates import (
    Candidate,
    Known,
    Reading,
    choose_reading,
    find_candidates,
    labels_of,
    measure_fallbacks,
    refit,
    score_candidate_as_new,
)
from tasks.modelling.fallbacks import COMPLETE, Served
from tasks.modelling.splits import Split, split_cohorts
from tasks.registry.promotion_gate import GateInput
from tasks.statistics.performance import Floats


@dataclass(frozen=True)
class Setup:
    """What a training needs besides data: `start`, each family's hyperparameters in the model before."""

    trials: int
    seed: int
    oot_cohorts: int
    start: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Challenger:
    """A trained model: `candidates` with the winner first, what was measured, and what would serve.

    `as_new` are the winner's PDs of the out-of-time loans, each cohort by a fit to all before it.
    """

    split: Split
    candidates: Sequence[Candidate]
    reading: Reading
    readings: Mapping[str, Any]
    fallbacks: Mapping[str, Mapping[str, Any]]
    as_new: Floats
    ablations: Sequence[Mapping[str, Any]]
    served: Served


def train(known: Known, setup: Setup) -> Challenger:
    """The challenger that these loans and this setup lead to; again gives the same to the last bit."""
    split = split_cohorts(known.ripe["snapshot_date"].to_list(), oot=setup.oot_cohorts)
    candidates = find_candidates(known, split, trials=setup.trials, seed=setup.seed, start=setup.start)
    reading, readings = choose_reading(candidates[0], known, split, seed=setup.seed)
    fallbacks = measure_fallbacks(candidates[0], known, split, seed=setup.seed)
    as_new = score_candidate_as_new(candidates[0], known, split, seed=setup.seed)
    ablations = measure_ablations(candidates[0], known, split, seed=setup.seed)
    served = refit(candidates[0].recipe, known, reading, seed=setup.seed)
    return Challenger(split, candidates, reading, readings, fallbacks, as_new, ablations, served)


def find_single_class(known: Known, setup: Setup) -> Sequence[date]:
    """The cohorts, of those to learn from or those out of time, whose ripe loans all have one outcome."""
    split = split_cohorts(known.ripe["snapshot_date"].to_list(), oot=setup.oot_cohorts)
    parts = (split.development, split.oot)
    return next((part for part in parts if known.of(part)["label"].n_unique() < 2), ())


def build_gate_input(
    challenger: Challenger, known: Known, *, champion: Floats | None, red_metrics: Sequence[str]
) -> GateInput:
    """What the gate looks at: the challenger's recipe on each out-of-time cohort, fitted to all before it.

    Needs:  the champion's PDs of the same loans, or None without a champion.
    """
    development = known.of(challenger.split.development)
    return GateInput(
        labels=labels_of(known.of(challenger.split.oot)),
        challenger=challenger.as_new,
        champion=champion,
        bad_rate=float(labels_of(development).mean()),
        n_cohorts=len(challenger.split.oot),
        fallbacks={name: its["auc"] for name, its in challenger.fallbacks.items() if name != COMPLETE},
        red_metrics=red_metrics,
    )
