"""One training: which loans, which recipe, how it did out of time, and what the card says of it."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl

from tasks.modelling.fallbacks import COMPLETE, Served, fit_served, sources_left
from tasks.modelling.parallel import call_all
from tasks.modelling.splits import Split, expanding_folds
from tasks.modelling.stacking import (
    FAMILIES,
    Blend,
    Floats,
    Lessons,
    Recipe,
    fit_blends,
    fit_model,
    predict_pd,
)
from tasks.modelling.training_set import see_clickstream, to_lessons
from tasks.modelling.tuning import Fold, search_recipe
from tasks.schemas.source_features import features_in
from tasks.statistics.performance import (
    Auc,
    measure_auc,
    measure_auc_gain,
    measure_brier,
    measure_ks,
    measure_log_loss,
    measure_observed_to_expected,
    measure_spiegelhalter_z,
)

# How a training reads the past: the clickstream as of the application; as of the training day ("hindsight");
# the same and, in addition, the younger loans with the arrears they have so far.
Reading = Literal["application", "hindsight", "unripe"]
SEARCH_LOANS = 50_000  # that a search looks at; of 7,500 instead of 15,000 it cost 0.001 of AUC
READINGS: tuple[Reading, ...] = ("application", "hindsight", "unripe")


@dataclass(frozen=True)
class Known:
    """All that may be learned from on `as_of`: the rows of `add_targets`, sorted, and silver.clickstream."""

    as_of: date
    loans: pl.DataFrame
    clickstream: pl.LazyFrame

    @property
    def ripe(self) -> pl.DataFrame:
        """The loans that have a label."""
        return self.loans.filter(pl.col("ripe"))

    def of(self, cohorts: Sequence[date]) -> pl.DataFrame:
        """The ripe loans of some application months."""
        return self.ripe.filter(pl.col("snapshot_date").is_in(list(cohorts)))


@dataclass(frozen=True)
class Candidate:
    """A tuned recipe, its fit to the development cohorts, and how that did on the out-of-time cohorts."""

    recipe: Recipe
    tuning_log_loss: float | None
    blend: Blend
    oot_pds: Floats
    oot_auc: Auc


def identify(loans: pl.DataFrame, as_of: date, told: Sequence[object]) -> str:
    """Id of the model that these loans lead to: the day, and eight digits of a digest.

    Needs:  `told`, the setup and whatever else is learned from.
    """
    digest = hashlib.sha256(repr(tuple(told)).encode())
    digest.update(loans.write_csv().encode())
    return f"{as_of}-{digest.hexdigest()[:8]}"


def keep_features(known: Known, features: Collection[str]) -> Known:
    """The same without the features that are not among `features`."""
    others = set(features_in(known.loans.columns)) - set(features)
    return replace(known, loans=known.loans.drop(others))


def labels_of(loans: pl.DataFrame) -> Floats:
    """Outcomes (n,) as 0.0 and 1.0."""
    return loans["label"].cast(pl.Float64).to_numpy()


def read_lessons(known: Known, loans: pl.DataFrame, *, day: date, reading: Reading) -> Lessons:
    """Lessons from ripe `loans` on `day`, read in one of the ways of READINGS."""
    if reading == "application":
        return to_lessons(loans)
    seen = see_clickstream(loans, known.clickstream, day=day)
    if reading == "hindsight":
        return to_lessons(seen)
    young = see_clickstream(known.loans.filter(~pl.col("ripe")), known.clickstream, day=known.as_of)
    return to_lessons(pl.concat([seen, young]))


def build_folds(known: Known, cohorts: Sequence[date]) -> list[Fold]:
    """Expanding folds of the ripe loans of `cohorts`: each newest cohort after all before it.

    Of more than SEARCH_LOANS every second, third ... loan in order of cohort and id is taken.
    """
    every = known.of(cohorts)
    loans = every.gather_every(-(-every.height // SEARCH_LOANS) or 1)
    folds: list[Fold] = []
    for fitted, held in expanding_folds(loans["snapshot_date"].to_list()):
        later = loans[held]
        day = later["snapshot_date"][0]
        lessons = read_lessons(known, loans[fitted], day=day, reading="hindsight")
        folds.append(Fold(lessons, later, labels_of(later)))
    return folds


def find_candidates(
    known: Known, split: Split, *, trials: int, seed: int, start: Mapping[str, Mapping[str, float]]
) -> list[Candidate]:
    """One tuned candidate per family, the one to serve first.

    Needs:  `start`, the best hyperparameters of each family in the last search. Tuning sees the development
            cohorts only.
    """
    folds, oot = build_folds(known, split.development), known.of(split.oot)
    candidates: list[Candidate] = []
    searches = (
        partial(search_recipe, family, folds, trials=trials, seed=seed, start=start.get(family))
        for family in FAMILIES
    )
    for recipe, loss in call_all(searches):
        blend = fit_model(recipe, read_development(known, split, reading="hindsight"), seed=seed)
        pds = predict_pd(blend, oot)
        candidates.append(Candidate(recipe, loss, blend, pds, measure_auc(labels_of(oot), pds)))
    return rank_candidates(candidates, labels_of(oot))


def read_development(known: Known, split: Split, *, reading: Reading) -> Lessons:
    """Lessons from the development loans and what `reading` adds, as known before the first cohort kept out.

    One fit to them for all out-of-time loans is enough to compare recipes with each other.
    """
    return read_lessons(known, known.of(split.development), day=min(split.oot), reading=reading)


def score_as_new(
    recipe: Recipe, known: Known, split: Split, *, seed: int, learned: Sequence[date] | None = None
) -> Floats:
    """PDs of the out-of-time loans, each cohort by a fit to all before it, as the gate looks at them.

    So a cohort is scored as new applications are: by a model that knows the months right before, and
    histories as long as theirs. Fitted to the development loans once for all, the recipe would look timid.

    Needs:  `learned`, the cohorts to fit on where they are not all.
    """
    cohorts = (*split.development, *split.oot) if learned is None else learned
    pds: list[Floats] = []
    for held in sorted(split.oot):
        before = known.of([cohort for cohort in cohorts if cohort < held])
        lessons = read_lessons(known, before, day=held, reading="hindsight")
        pds.append(predict_pd(fit_model(recipe, lessons, seed=seed), known.of([held])))
    return np.concatenate(pds)


def score_candidate_as_new(candidate: Candidate, known: Known, split: Split, *, seed: int) -> Floats:
    """As `score_as_new`; the first out-of-time cohort was scored so when the candidate was found."""
    first, *others = sorted(split.oot)
    scored = candidate.oot_pds[: known.of([first]).height]
    if not others:
        return scored
    later = Split((*split.development, first), tuple(others))
    return np.concatenate([scored, score_as_new(candidate.recipe, known, later, seed=seed)])


def rank_candidates(candidates: Sequence[Candidate], labels: Floats) -> list[Candidate]:
    """Candidates with the one to serve first.

    Those whose out-of-time AUC may equal the best one's (paired 90 % interval) are ranked by Brier score to
    three digits, then by simplicity (the order of FAMILIES); the others follow by AUC.
    """
    best = max(candidates, key=lambda candidate: candidate.oot_auc.value)
    order = {family: place for place, family in enumerate(FAMILIES)}

    def rank(candidate: Candidate) -> tuple[bool, float, int]:
        if measure_auc_gain(best.oot_auc, candidate.oot_auc, level=0.90)[1] > 0:
            return True, -candidate.oot_auc.value, order[candidate.recipe.family]
        brier = round(measure_brier(labels, candidate.oot_pds), 3)
        return False, brier, order[candidate.recipe.family]

    return sorted(candidates, key=rank)


def choose_reading(
    candidate: Candidate, known: Known, split: Split, *, seed: int
) -> tuple[Reading, dict[str, Any]]:
    """How the winner shall read the past: the way of the lowest log loss out of time; figures of each.

    The out-of-time loans are never among the lessons, but younger loans are when reading them ("unripe").
    """
    oot, figures = known.of(split.oot), dict[str, dict[str, float]]()
    labels = labels_of(oot)
    for reading in READINGS:
        if reading == "hindsight":
            pds = candidate.oot_pds
        else:
            lessons = read_development(known, split, reading=reading)
            pds = predict_pd(fit_model(candidate.recipe, lessons, seed=seed), oot)
        figures[reading] = {"auc": measure_auc(labels, pds).value, "log_loss": measure_log_loss(labels, pds)}
    return min(READINGS, key=lambda reading: figures[reading]["log_loss"]), figures


def measure_fallbacks(
    candidate: Candidate, known: Known, split: Split, *, seed: int
) -> dict[str, dict[str, Any]]:
    """Out-of-time AUC of each fallback with its interval, for the card."""
    oot = known.of(split.oot)
    lessons = read_development(known, split, reading="hindsight")
    left = {missing: sources for missing, sources in sources_left(oot).items() if missing != COMPLETE}
    blends = fit_blends(candidate.recipe, lessons, left, seed=seed)
    pds = {COMPLETE: candidate.oot_pds, **{name: predict_pd(blend, oot) for name, blend in blends.items()}}
    aucs = {name: measure_auc(labels_of(oot), scored) for name, scored in pds.items()}
    return {name: {"auc": auc.value, "auc_ci_95": list(auc.interval())} for name, auc in aucs.items()}


def refit(recipe: Recipe, known: Known, reading: Reading, *, seed: int) -> Served:
    """The recipe fitted to every loan that `reading` takes in, out-of-time cohorts included: it may serve."""
    return fit_served(recipe, read_lessons(known, known.ripe, day=known.as_of, reading=reading), seed=seed)


def describe(candidate: Candidate, oot: pl.DataFrame) -> dict[str, Any]:
    """Recipe and out-of-time figures of a candidate, for the card."""
    labels, pds, auc = labels_of(oot), candidate.oot_pds, candidate.oot_auc
    low, high = auc.interval()
    return {
        **asdict(candidate.recipe),
        "tuning_log_loss": candidate.tuning_log_loss,
        "oot": {
            "n": len(labels),
            "bad_rate": float(labels.mean()),
            "auc": auc.value,
            "auc_ci_95": [low, high],
            "gini": 2 * auc.value - 1,
            "ks": measure_ks(labels, pds),
            "brier": measure_brier(labels, pds),
            "spiegelhalter_z": measure_spiegelhalter_z(labels, pds),
            "observed_to_expected": measure_observed_to_expected(labels, pds),
        },
    }


def describe_data(known: Known, split: Split) -> dict[str, Any]:
    """Loans, cohorts and features that a model learned from, for the card."""
    by_cohort = (
        known.ripe.group_by("snapshot_date")
        .agg(n=pl.len(), bad_rate=pl.col("label").mean())
        .sort("snapshot_date")
    )
    return {
        "n_loans": known.ripe.height,
        "n_unripe_loans": known.loans.height - known.ripe.height,
        "cohorts": [str(day) for day in by_cohort["snapshot_date"]],
        "n_by_cohort": by_cohort["n"].to_list(),
        "bad_rate_by_cohort": by_cohort["bad_rate"].to_list(),
        "development": [str(day) for day in split.development],
        "oot": [str(day) for day in split.oot],
        "features": list(features_in(known.loans.columns)),
    }
