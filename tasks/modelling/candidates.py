"""The candidates of a training: their fits, their out-of-time performance, and which one is to serve."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from tasks.modelling.fallbacks import (
    FallbackEnsemble,
    find_paths,
    fit_ensemble,
    keep_answerable,
    predict_ensemble,
    sources_left,
    take_away,
)
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.splits import Split, expanding_folds
from tasks.modelling.stacking import count_cross_fits
from tasks.modelling.training_set import (
    HISTORY_VIEWS,
    HistoryView,
    TrainingSet,
    TrainingSnapshot,
    keep_features,
    label_array,
    read_training_set,
    see_history,
    shorten_histories,
    to_training_set,
)
from tasks.modelling.tuning import Fold, search_spec
from tasks.schemas.feature_store import MONTHS, longest_history
from tasks.schemas.source_features import features_in
from tasks.statistics.performance import (
    MIN_OF_CLASS,
    Auc,
    Floats,
    measure_auc,
    measure_auc_gain,
    measure_brier,
    measure_log_loss,
    measure_performance,
)

PATH_FIGURES = ("brier", "spiegelhalter_z", "observed_to_expected", "calibration_slope")
HISTORY_BANDS = ((1, 1), (2, 3), (4, 6), (7, 12), (13, None))  # months, both ends included
SEARCH_LOANS = 50_000  # that a search looks at; of 7,500 instead of 15,000 it cost 0.001 of AUC


@dataclass(frozen=True)
class Candidate:
    """A tuned specification, its fit to the development cohorts, and its out-of-time performance.

    `ensemble` holds the score paths that out-of-time loans take; `oot_pds` is each loan's by its own path.
    """

    spec: ModelSpec
    tuning_log_loss: float | None
    ensemble: FallbackEnsemble
    oot_pds: Floats
    oot_auc: Auc


@dataclass(frozen=True)
class WalkForward:
    """PDs of out-of-time loans as served, each cohort by a fit to all before it.

    `served` (n,): each loan by the score path that it takes. `by_path` holds, of a path, the PDs of the loans
    of `keep_answerable`. `shortened`: label, months and pd of the loans with histories cut at random.
    """

    served: Floats
    by_path: Mapping[str, Floats]
    shortened: pl.DataFrame = field(default_factory=pl.DataFrame)


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
        training_set = to_training_set(see_history(loans[fitted], snapshot.past, day=day))
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
    training_set = read_development(snapshot, split, view="as of training")
    for family in FAMILIES.values():
        spec, loss = search_spec(family, folds, trials=trials, seed=seed, start=start.get(family.name))
        ensemble = fit_as_served(spec, training_set, [oot], seed=seed)
        pds = predict_ensemble(ensemble, oot)
        candidates.append(Candidate(spec, loss, ensemble, pds, measure_auc(label_array(oot), pds)))
    return rank_candidates(candidates, label_array(oot))


def read_development(snapshot: TrainingSnapshot, split: Split, *, view: HistoryView) -> TrainingSet:
    """Training set of the development loans and what `view` adds, as known before the first cohort kept out.

    One fit to them for all out-of-time loans is enough to compare specifications with each other.
    """
    return read_training_set(snapshot, snapshot.of(split.development), day=min(split.oot), view=view)


def fit_as_served(
    spec: ModelSpec, training_set: TrainingSet, scored: Sequence[pl.DataFrame], *, seed: int
) -> FallbackEnsemble:
    """The model with those score paths alone that the `scored` applications take."""
    learned = features_in(training_set.features.columns)
    paths = {path for features in scored for path in find_paths(features, learned)}
    return fit_ensemble(spec, training_set, seed=seed, paths=paths)


def score_walk_forward(
    spec: ModelSpec,
    snapshot: TrainingSnapshot,
    split: Split,
    *,
    seed: int,
    learned: Sequence[date] | None = None,
    features: Collection[str] | None = None,
    paths: Sequence[str] = (),
    gone: Collection[str] = (),
    shorten: bool = False,
) -> WalkForward:
    """PDs of the out-of-time loans, each cohort by a fit to all before it, as the gate sees them.

    So a cohort is scored as new applications are: by a model that knows the months right before, and
    histories as long as theirs. One fit to the development loans would give PDs too close to their mean.

    Needs:  `learned`, the cohorts to fit on, and `features`, those to learn, where they are not all; `paths`,
            the score paths whose answers are wanted besides; `gone`, sources that will say nothing of the
            applications to come, although they did of these loans; whether to score the loans with
            shortened histories too.
    """
    cohorts = (*split.development, *split.oot) if learned is None else learned
    known = snapshot if features is None else keep_features(snapshot, features)
    pds: list[list[Floats]] = []
    shortened: list[pl.DataFrame] = []
    for held in sorted(split.oot):
        before = known.of([cohort for cohort in cohorts if cohort < held])
        training_set = read_training_set(known, before, day=held, view="as of training")
        loans = take_away(snapshot.of([held]), gone)
        scored = [loans, *(keep_answerable(loans, path) for path in paths)]
        ensemble = fit_as_served(spec, training_set, scored, seed=seed)
        pds.append([predict_ensemble(ensemble, one) for one in scored])
        shortened += [_score_shortened(ensemble, loans, snapshot.past)] if shorten else []
    served, *others = (np.concatenate(parts) for parts in zip(*pds, strict=True))
    by_path = dict(zip(paths, others, strict=True))
    return WalkForward(served, by_path, pl.concat(shortened) if shortened else pl.DataFrame())


def _score_shortened(ensemble: FallbackEnsemble, loans: pl.DataFrame, past: pl.LazyFrame) -> pl.DataFrame:
    """label, months and pd of the loans with a history, each with what chance leaves of it."""
    if not any(name in loans.columns for name in MONTHS):
        return pl.DataFrame()
    cut = shorten_histories(loans.filter(longest_history() > 0), past, day=None)
    return cut.select("label", months=longest_history(), pd=pl.Series(predict_ensemble(ensemble, cut)))


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
            ensemble = fit_as_served(candidate.spec, training_set, [oot], seed=seed)
            pds = predict_ensemble(ensemble, oot)
        figures[view] = {"auc": measure_auc(labels, pds).value, "log_loss": measure_log_loss(labels, pds)}
    return min(HISTORY_VIEWS, key=lambda view: figures[view]["log_loss"]), figures


def measure_paths(walk_forward: WalkForward, oot: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Out-of-time figures of each score path on the loans that it can answer, for the card.

    A path that can answer too few of either class to be ranked has none: it is not validated.
    """
    measured: dict[str, dict[str, Any]] = {}
    for path, pds in walk_forward.by_path.items():
        labels = label_array(keep_answerable(oot, path))
        n_bad = int(labels.sum())
        if min(n_bad, len(labels) - n_bad) < MIN_OF_CLASS:
            continue
        auc, figures = measure_auc(labels, pds), measure_performance(labels, pds, *PATH_FIGURES)
        measured[path] = {
            "n": len(labels),
            "auc": auc.value,
            "auc_ci_95": list(auc.interval()),
            **{name: one.value for name, one in figures.items()},
        }
    return measured


def measure_by_history(shortened: pl.DataFrame) -> list[dict[str, Any]]:
    """Out-of-time figures by months of history, one record a band of HISTORY_BANDS, for the card.

    A band with too few loans of either class has none.

    Needs:  label, months, pd, as in WalkForward.
    """
    measured: list[dict[str, Any]] = []
    for least, most in HISTORY_BANDS if len(shortened) else ():
        rows = shortened.filter(pl.col("months").is_between(least, most or np.inf))
        labels, pds = label_array(rows), rows["pd"].to_numpy()
        if min(labels.sum(), len(labels) - labels.sum()) < MIN_OF_CLASS:
            continue
        auc = measure_auc(labels, pds)
        ratio = measure_performance(labels, pds, "observed_to_expected")["observed_to_expected"]
        band = {"from_months": least, "to_months": most, "n": len(labels)}
        record = {"auc": auc.value, "auc_ci_95": list(auc.interval()), "observed_to_expected": ratio.value}
        measured.append({**band, **record})
    return measured


def read_whole(snapshot: TrainingSnapshot, view: HistoryView) -> TrainingSet:
    """Training set of every loan that `view` takes in, out-of-time cohorts included."""
    return read_training_set(snapshot, snapshot.ripe, day=snapshot.as_of, view=view)


def refit(
    spec: ModelSpec, snapshot: TrainingSnapshot, training_set: TrainingSet, *, seed: int
) -> FallbackEnsemble:
    """The spec fitted to the training set of `read_whole`: it may serve.

    It has the score paths of all applications so far, young ones too.
    """
    paths, cross_fits = tuple(sources_left(snapshot.loans)), count_cross_fits(training_set)
    return fit_ensemble(spec, training_set, seed=seed, paths=paths, cross_fits=cross_fits)
