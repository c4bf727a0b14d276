"""A whole training as one function: from what is known on a day to a model that may serve."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit, logit

from tasks.modelling.ablation import measure_ablations
from tasks.modelling.candidates import (
    Candidate,
    WalkForward,
    choose_history_view,
    find_candidates,
    measure_paths,
    read_whole,
    refit,
    score_walk_forward,
)
from tasks.modelling.fallbacks import (
    FallbackEnsemble,
    find_missing,
    keep_answerable,
    paths_taken,
    refit_base_models,
    score_by_path,
    sources_left,
)
from tasks.modelling.families import ModelSpec
from tasks.modelling.splits import Split, split_cohorts
from tasks.modelling.training_set import (
    HistoryView,
    TrainingSet,
    TrainingSnapshot,
    label_array,
    see_history,
)
from tasks.monitoring.approvals import mix_summaries, summarise_pds
from tasks.monitoring.early_arrears import count_arrears
from tasks.monitoring.fairness import FairnessVerdict
from tasks.monitoring.stability import NEWEST_MONTHS, add_month_values, build_reference, keep_newest
from tasks.registry.promotion_gate import GateInput, PathInput
from tasks.schemas.predictions import COMPLETE
from tasks.statistics.performance import INSIDE, Floats

UNSEEN_FITS = 3  # each without a third of the newest applications


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

    `walk_forward` are the winner's PDs of the out-of-time loans as served, and by every score path; `paths`
    are the figures of each path that could be measured; `unseen` are PDs of `score_unseen`.
    """

    split: Split
    candidates: Sequence[Candidate]
    view: HistoryView
    views: Mapping[str, Any]
    paths: Mapping[str, Mapping[str, Any]]
    walk_forward: WalkForward
    ablations: Sequence[Mapping[str, Any]]
    ensemble: FallbackEnsemble
    unseen: Mapping[str, pl.Series]


def configure(previous: Mapping[str, Any] | None, trials: int, seed: int, oot_cohorts: int) -> TrainingConfig:
    """The configuration of a training whose searches begin where those of the `previous` card ended."""
    candidates = previous["candidates"] if previous else []
    return TrainingConfig(trials, seed, oot_cohorts, {one["family"]: one["params"] for one in candidates})


def train(snapshot: TrainingSnapshot, config: TrainingConfig) -> Challenger:
    """The challenger that these loans and this configuration lead to; the same each time, to the last bit."""
    split = split_cohorts(snapshot.ripe["snapshot_date"].to_list(), oot=config.oot_cohorts)
    candidates = find_candidates(snapshot, split, trials=config.trials, seed=config.seed, start=config.start)
    view, views = choose_history_view(candidates[0], snapshot, split, seed=config.seed)
    oot, spec = snapshot.of(split.oot), candidates[0].spec
    walk_forward = score_walk_forward(
        spec, snapshot, split, seed=config.seed, paths=tuple(sources_left(snapshot.loans)), shorten=True
    )
    paths = measure_paths(walk_forward, oot)
    ablations = measure_ablations(candidates[0], snapshot, split, seed=config.seed)
    training_set = read_whole(snapshot, view)
    ensemble = refit(spec, snapshot, training_set, seed=config.seed)
    unseen = score_unseen(spec, ensemble, snapshot, training_set, seed=config.seed)
    return Challenger(split, candidates, view, views, paths, walk_forward, ablations, ensemble, unseen)


def share_paths(snapshot: TrainingSnapshot) -> dict[str, float]:
    """Share of the newest NEWEST_MONTHS months' applications that take each score path, by its name."""
    months = snapshot.loans["snapshot_date"].unique().sort()[-NEWEST_MONTHS:]
    newest = snapshot.loans.filter(pl.col("snapshot_date").is_in(months.implode()))
    counts = find_missing(newest).value_counts(sort=True, name="n").sort("fallback")
    return {path: n / newest.height for path, n in counts.iter_rows()}


def build_gate_input(
    challenger: Challenger,
    snapshot: TrainingSnapshot,
    *,
    champion: WalkForward | None,
    shares: Mapping[str, float],
    fairness: FairnessVerdict,
) -> GateInput:
    """What the gate sees: the challenger as served on each out-of-time cohort, fitted to all cohorts before.

    Needs:  the champion's PDs of the same loans, or None without a champion; the `shares` of the score paths
            that are judged each by itself; what the challenger does for the groups whose `fairness` is red.
    """
    development, oot = snapshot.of(challenger.split.development), snapshot.of(challenger.split.oot)
    may_lack = challenger.ensemble.models.keys() - {COMPLETE}
    return GateInput(
        labels=label_array(oot),
        challenger=challenger.walk_forward.served,
        champion=champion.served if champion else None,
        bad_rate=float(label_array(development).mean()),
        n_cohorts=len(challenger.split.oot),
        fallbacks={name: one["auc"] for name, one in challenger.paths.items() if name in may_lack}
        if may_lack
        else None,
        red_fairness=fairness.stops,
        waits_for=[*map(str, snapshot.red_metrics.get("coverage", ())), *fairness.waits],
        paths={
            path: PathInput(
                share,
                label_array(keep_answerable(oot, path)),
                challenger.walk_forward.by_path[path],
                champion.by_path[path] if champion else None,
            )
            for path, share in shares.items()
        },
    )


def replay_walk_forward(
    card: Mapping[str, Any],
    snapshot: TrainingSnapshot,
    split: Split,
    paths: Sequence[str] = (),
    gone: Collection[str] = (),
) -> WalkForward:
    """PDs of the out-of-time loans by the model of a card, each cohort by a fit to its own cohorts before.

    The artefact itself may have learned from some of the loans that two models are compared on.
    """
    replayed = score_walk_forward(
        ModelSpec(card["family"], card["candidates"][0]["params"]),
        snapshot,
        split,
        learned=tuple(date.fromisoformat(day) for day in card["data"]["cohorts"]),
        features=card["data"]["features"],
        seed=card["setup"]["seed"],
        paths=paths,
        gone=gone,
    )
    return _recalibrate(replayed, card["recalibration"]) if "recalibration" in card else replayed


def _recalibrate(scored: WalkForward, by: Mapping[str, float]) -> WalkForward:
    """The PDs with the intercept and slope of a recalibrated model."""

    def move(pds: Floats) -> Floats:
        return expit(by["intercept"] + by["slope"] * logit(np.clip(pds, *INSIDE)))

    return WalkForward(move(scored.served), {path: move(pds) for path, pds in scored.by_path.items()})


def build_model_reference(
    ensemble: FallbackEnsemble,
    snapshot: TrainingSnapshot,
    oot: pl.DataFrame,
    *,
    scores: Mapping[str, pl.Series],
    cutoff: float,
) -> dict[str, Any]:
    """What monitoring compares later months with: features and scores of the training data, early arrears.

    `expected` summarises by score path what the path says; its `mix` has the paths of the out-of-time loans.

    Needs:  the out-of-time loans `oot`; the model's `scores` by path, of applications like those to come; the
            `cutoff` in force, of which a later one is the fix of what a path costs.
    """
    ripe = add_month_values(snapshot.ripe, snapshot.past.collect())
    expected = {path: summarise_pds(pds.to_numpy()) for path, pds in scores.items()}
    taken = paths_taken(ensemble, oot).value_counts(name="n").rows()
    mix = mix_summaries(expected, dict(taken))
    return {
        **build_reference(ripe, scores),
        "expected": {**expected, **({"mix": mix} if mix else {})},
        "cutoff": cutoff,
        "arrears": count_arrears(snapshot.ripe, snapshot.arrears),
    }


def score_unseen(
    spec: ModelSpec,
    ensemble: FallbackEnsemble,
    snapshot: TrainingSnapshot,
    training_set: TrainingSet,
    *,
    seed: int,
) -> dict[str, pl.Series]:
    """PDs by every score path of the newest applications, as of applications to come.

    Their histories are as on the training day, and each PD is by base models that were fitted without the
    application: what a model says of loans that it learned from lies elsewhere.

    Needs:  the `ensemble` that `refit` fits to the training set.
    """
    newest = see_newest(snapshot)
    learned = training_set.features["loan_id"]
    if not newest["loan_id"].is_in(learned.implode()).any():
        return score_by_path(ensemble, newest)
    parts: list[dict[str, pl.Series]] = []
    for held in (newest.gather_every(UNSEEN_FITS, offset) for offset in range(UNSEEN_FITS)):
        others = training_set.take((~learned.is_in(held["loan_id"].implode())).to_numpy())
        parts.append(score_by_path(refit_base_models(spec, ensemble, others, seed=seed), held))
    return {path: pl.concat([part[path] for part in parts]) for path in ensemble.models}


def see_newest(snapshot: TrainingSnapshot) -> pl.DataFrame:
    """The newest applications of `keep_newest` with their histories as on the day of the snapshot."""
    before = snapshot.loans.filter(pl.col("snapshot_date") < snapshot.as_of)
    return see_history(keep_newest(before), snapshot.past, day=snapshot.as_of)
