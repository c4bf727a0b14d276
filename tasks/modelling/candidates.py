"""The candidates of a training: their fits, their out-of-time performance, and which one is to serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from tasks.modelling.fallbacks import COMPLETE, FallbackEnsemble, fit_ensemble, sources_left
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.splits import Split, expanding_folds
from tasks.modelling.stacking import (
    StackedModel,
    call_side_by_side,
    fit_model,
    fit_stacked_models,
    predict_pd,
)
from tasks.modelling.training_set import (
    HISTORY_VIEWS,
    HistoryView,
    TrainingSet,
    TrainingSnapshot,
    label_array,
    read_training_set,
)
from tasks.modelling.tuning import Fold, search_spec
from tasks.statistics.performance import (
    Auc,
    Floats,
    measure_auc,
    measure_auc_gain,
    measure_brier,
    measure_log_loss,
)

SEARCH_LOANS = 50_000  # that a search looks at; of 7,500 instead of 15,000 it cost 0.001 of AUC


@dataclass(frozen=True)
class Candidate:
    """A tuned specification, its fit to the development cohorts, and its out-of-time performance."""

    spec: ModelSpec
    tuning_log_loss: float | None
    model: StackedModel
    oot_pds: Floats
    oot_auc: Auc


def build_folds(snapshot: TrainingSnapshot, cohorts: Sequence[date]) -> list[Fold]:
    """Expanding folds of the ripe loans of `cohorts`: each newest cohort after all before it.

    Of more than SEARCH_LOANS every second, third ... loan in order of cohort and id is taken.
    """
    every = snapshot.of(cohorts)
    loans = every.gather_every(-(-every.height // SEARCH_LOANS) or 1)
    folds: list[Fold] = []
    for fitted, held in expanding_folds(loans["snapshot_date"].to_list()):
        later = loans[held]
        day = later["snapshot_date"][0]
        training_set = read_training_set(snapshot, loans[fitted], day=day, view="as of training")
        folds.append(Fold(training_set, later, label_array(later)))
    return folds


def find_candidates(
    snapshot: TrainingSnapshot,
    split: Split,
    *,
    trials: int,
    seed: int,
    start: Mapping[str, Mapping[str, float]],
) -> list[Candidate]:
    """One tuned candidate per family, the one to serve first.

    Needs:  `start`, the best hyperparameters of each family in the last search. Tuning sees the development
            cohorts only.
    """
    folds, oot = build_folds(snapshot, split.development), snapshot.of(split.oot)
    candidates: list[Candidate] = []
    searches = (
        partial(search_spec, family, folds, trials=trials, seed=seed, start=start.get(family.name))
        for family in FAMILIES.values()
    )
    for spec, loss in call_side_by_side(searches):
        model = fit_model(spec, read_development(snapshot, split, view="as of training"), seed=seed)
        pds = predict_pd(model, oot)
        candidates.append(Candidate(spec, loss, model, pds, measure_auc(label_array(oot), pds)))
    return rank_candidates(candidates, label_array(oot))


def read_development(snapshot: TrainingSnapshot, split: Split, *, view: HistoryView) -> TrainingSet:
    """Training set of the development loans and what `view` adds, as known before the first cohort kept out.

    One fit to them for all out-of-time loans is enough to compare specifications with each other.
    """
    return read_training_set(snapshot, snapshot.of(split.development), day=min(split.oot), view=view)


def score_walk_forward(
    spec: ModelSpec,
    snapshot: TrainingSnapshot,
    split: Split,
    *,
    seed: int,
    learned: Sequence[date] | None = None,
) -> Floats:
    """PDs of the out-of-time loans, each cohort by a fit to all before it, as the gate sees them.

    So a cohort is scored as new applications are: by a model that knows the months right before, and
    histories as long as theirs. One fit to the development loans would give PDs too close to their mean.

    Needs:  `learned`, the cohorts to fit on where they are not all.
    """
    cohorts = (*split.development, *split.oot) if learned is None else learned
    pds: list[Floats] = []
    for held in sorted(split.oot):
        before = snapshot.of([cohort for cohort in cohorts if cohort < held])
        training_set = read_training_set(snapshot, before, day=held, view="as of training")
        pds.append(predict_pd(fit_model(spec, training_set, seed=seed), snapshot.of([held])))
    return np.concatenate(pds)


def score_candidate_walk_forward(
    candidate: Candidate, snapshot: TrainingSnapshot, split: Split, *, seed: int
) -> Floats:
    """As `score_walk_forward`; the first out-of-time cohort was scored so when the candidate was found."""
    first, *others = sorted(split.oot)
    scored = candidate.oot_pds[: snapshot.of([first]).height]
    if not others:
        return scored
    later = Split((*split.development, first), tuple(others))
    return np.concatenate([scored, score_walk_forward(candidate.spec, snapshot, later, seed=seed)])


def rank_candidates(candidates: Sequence[Candidate], labels: Floats) -> list[Candidate]:
    """Candidates with the one to serve first.

    Those whose out-of-time AUC may equal the best one's (paired 90 % interval) are ranked by Brier score to
    three digits, then by simplicity (the order of FAMILIES); the others follow by AUC.
    """
    best = max(candidates, key=lambda candidate: candidate.oot_auc.value)
    order = {family: place for place, family in enumerate(FAMILIES)}

    def rank(candidate: Candidate) -> tuple[bool, float, int]:
        if measure_auc_gain(best.oot_auc, candidate.oot_auc, level=0.90)[1] > 0:
            return True, -candidate.oot_auc.value, order[candidate.spec.family]
        brier = round(measure_brier(labels, candidate.oot_pds), 3)
        return False, brier, order[candidate.spec.family]

    return sorted(candidates, key=rank)


def choose_history_view(
    candidate: Candidate, snapshot: TrainingSnapshot, split: Split, *, seed: int
) -> tuple[HistoryView, dict[str, Any]]:
    """The winner's view of histories: the one of the lowest log loss out of time; figures of each.

    The out-of-time loans are never trained on, but younger loans are in the view "with early arrears".
    """
    oot, figures = snapshot.of(split.oot), dict[str, dict[str, float]]()
    labels = label_array(oot)
    for view in HISTORY_VIEWS:
        if view == "as of training":
            pds = candidate.oot_pds
        else:
            training_set = read_development(snapshot, split, view=view)
            pds = predict_pd(fit_model(candidate.spec, training_set, seed=seed), oot)
        figures[view] = {"auc": measure_auc(labels, pds).value, "log_loss": measure_log_loss(labels, pds)}
    return min(HISTORY_VIEWS, key=lambda view: figures[view]["log_loss"]), figures


def measure_fallbacks(
    candidate: Candidate, snapshot: TrainingSnapshot, split: Split, *, seed: int
) -> dict[str, dict[str, Any]]:
    """Out-of-time AUC of each fallback with its interval, for the card."""
    oot = snapshot.of(split.oot)
    training_set = read_development(snapshot, split, view="as of training")
    left = {missing: sources for missing, sources in sources_left(oot).items() if missing != COMPLETE}
    models = fit_stacked_models(candidate.spec, training_set, left, seed=seed)
    pds = {COMPLETE: candidate.oot_pds, **{name: predict_pd(model, oot) for name, model in models.items()}}
    aucs = {name: measure_auc(label_array(oot), scored) for name, scored in pds.items()}
    return {name: {"auc": auc.value, "auc_ci_95": list(auc.interval())} for name, auc in aucs.items()}


def refit(spec: ModelSpec, snapshot: TrainingSnapshot, view: HistoryView, *, seed: int) -> FallbackEnsemble:
    """The spec fitted to every loan that `view` takes in, out-of-time cohorts included: it may serve."""
    return fit_ensemble(
        spec, read_training_set(snapshot, snapshot.ripe, day=snapshot.as_of, view=view), seed=seed
    )
