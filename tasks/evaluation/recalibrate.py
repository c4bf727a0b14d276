"""`vintage models recalibrate`: the champion with another calibration, judged by the gate."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import ModelStoreError, NothingToDoError
from tasks.evaluation.recalibration import (
    Calibration,
    fit_calibration,
    recalibrate_ensemble,
    score_cross_fitted,
)
from tasks.governance.policy import Gate, Policy
from tasks.modelling.candidates import WalkForward
from tasks.modelling.challenger import build_model_reference, see_newest, share_paths
from tasks.modelling.fallbacks import FallbackEnsemble, keep_answerable, score_by_path, score_ensemble
from tasks.modelling.loading import load_training_snapshot
from tasks.modelling.tasks import record_verdict
from tasks.modelling.training_set import TrainingSnapshot, label_array
from tasks.registry import models
from tasks.registry.history import (
    load_registry,
    require_not_past,
    standing_on,
)
from tasks.registry.model_card import render_card
from tasks.registry.promotion_gate import GateInput, PathInput, decide, paths_to_judge
from tasks.registry.records import RECALIBRATED, State
from tasks.registry.registered_files import load_model, read_card
from tasks.registry.settings_of_record import policy_on, settings_on
from tasks.schemas.predictions import COMPLETE
from tasks.statistics.performance import MIN_OF_CLASS, measure_observed_to_expected, measure_slope

WAITS_FOR = ("coverage", "fairness")  # red ones of which a person decides


@dataclass(frozen=True)
class Recalibrated:
    """A recalibrated model, the `state` it is in on the day, and what its card says of it."""

    model_id: str
    state: State
    record: Mapping[str, Any]


def recalibrate(day: date, settings: Settings) -> Recalibrated:
    """Recalibrate the champion of a day on the newest ripe cohorts that it did not learn from.

    The policy says on how many (`ranking.cohorts`). What passes the gate serves from the day on or waits for
    a person, as a trained challenger does. The same day again changes nothing.
    Raises: NothingToDoError without a champion, or without ripe loans of either outcome that it has not
    learned from; ModelStoreError where its PDs do not rank these, or a later decision is on record.
    """
    settings = settings_on(day, settings)
    registry = load_registry(settings)
    standing = standing_on(registry, day)
    done = [name for name in standing.states if name.startswith(f"{day}{RECALIBRATED}")]
    if done:
        return Recalibrated(done[0], standing.states[done[0]], read_card(registry, done[0])["recalibration"])
    if standing.champion is None:
        raise NothingToDoError(f"No model serves on {day}, so there is none to recalibrate.")
    require_not_past(registry, day)
    policy, champion = policy_on(day, settings).policy, read_card(registry, standing.champion)
    snapshot = load_training_snapshot(registry, standing, settings)
    loans = _unseen_loans(snapshot, champion, policy.ranking.cohorts)
    ensemble = load_model(registry, standing.champion)
    calibration = fit_calibration(label_array(loans), score_ensemble(ensemble, loans))
    if calibration.slope <= 0:
        raise ModelStoreError(
            f"The PDs of {standing.champion} rank the loans of its newest ripe cohorts the wrong way round, "
            "which no calibration mends. Train a challenger, or roll back: vintage models rollback"
        )
    model_id = _save(snapshot, loans, ensemble, calibration, champion, policy, settings)
    record_verdict(model_id, registry, standing, settings)
    return recalibrate(day, settings)


def _unseen_loans(snapshot: TrainingSnapshot, card: Mapping[str, Any], most: int) -> pl.DataFrame:
    """The ripe loans of the newest `most` cohorts that the model of the card has not learned from."""
    learned = {date.fromisoformat(day) for day in card["data"]["cohorts"]}
    learned |= {date.fromisoformat(day) for day in card.get("recalibration", {}).get("cohorts", ())}
    cohorts = sorted(set(snapshot.ripe["snapshot_date"]) - learned)[-most:]
    loans = snapshot.of(cohorts)
    n_bad = int(loans["label"].sum())
    if min(n_bad, loans.height - n_bad) < 2 * MIN_OF_CLASS:
        raise NothingToDoError(
            f"No recalibration on {snapshot.as_of}: of the loans that are ripe, {card['model_id']} has not "
            f"learned from {loans.height}, {n_bad} of them defaults, which is too few. Wait for the next "
            "cohort, or train a challenger."
        )
    return loans


def _save(
    snapshot: TrainingSnapshot,
    loans: pl.DataFrame,
    ensemble: FallbackEnsemble,
    calibration: Calibration,
    champion: Mapping[str, Any],
    policy: Policy,
    settings: Settings,
) -> str:
    """Store the recalibrated model with its card and the gate's verdict; return its id."""
    before, after = score_cross_fitted(ensemble, loans, tuple(ensemble.models))
    described = _describe(loans, calibration, champion, before, after)
    shown = _build_gate_input(snapshot, loans, champion, before, after, policy.gate)
    verdict = {**asdict(decide(shown, policy.gate)), "champion": champion["model_id"]}
    digest = hashlib.sha256(repr((champion["model_id"], asdict(calibration))).encode()).hexdigest()
    model_id = f"{snapshot.as_of}{RECALIBRATED}{digest[:8]}"
    card = {
        **{name: value for name, value in champion.items() if name != "sha256"},
        "model_id": model_id,
        "as_of": str(snapshot.as_of),
        "trained_by": settings.trained_by,
        "gate": verdict,
        "recalibration": described,
    }
    recalibrated = recalibrate_ensemble(ensemble, calibration)
    scores = score_by_path(recalibrated, see_newest(snapshot))
    reference = build_model_reference(recalibrated, snapshot, loans, scores=scores, cutoff=policy.cutoff_pd)
    models.save(model_id, settings, model=recalibrated, card=card, reference=reference, to_text=render_card)
    return model_id


def _describe(
    loans: pl.DataFrame,
    calibration: Calibration,
    champion: Mapping[str, Any],
    before: WalkForward,
    after: WalkForward,
) -> dict[str, Any]:
    """What the card says: the intercept and slope over the model as it was trained, and figures of both."""
    earlier = champion.get("recalibration", {})
    intercept, slope = earlier.get("intercept", 0.0), earlier.get("slope", 1.0)
    labels = label_array(loans)
    return {
        "of": champion["model_id"],
        "trained_as_of": earlier.get("trained_as_of", champion["as_of"]),
        "cohorts": [str(day) for day in loans["snapshot_date"].unique().sort()],
        "n": loans.height,
        "intercept": calibration.intercept + calibration.slope * intercept,
        "slope": calibration.slope * slope,
        **{
            name: {
                "observed_to_expected": measure_observed_to_expected(labels, scored.served),
                "calibration_slope": measure_slope(labels, scored.served),
            }
            for name, scored in {"before": before, "after": after}.items()
        },
    }


def _build_gate_input(
    snapshot: TrainingSnapshot,
    loans: pl.DataFrame,
    champion: Mapping[str, Any],
    before: WalkForward,
    after: WalkForward,
    gate: Gate,
) -> GateInput:
    """What the gate sees: each cohort recalibrated on the others, beside the champion as it serves.

    It ranks as the champion does: one calibration of all cohorts keeps every order.
    Red fairness is for a person: a calibration ranks nobody otherwise, but moves who is below the cut-off.
    """
    labels = label_array(loans)
    shares = paths_to_judge(share_paths(snapshot), gate)
    return GateInput(
        labels=labels,
        challenger=after.served,
        champion=before.served,
        bad_rate=float(labels.mean()),
        n_cohorts=loans["snapshot_date"].n_unique(),
        fallbacks={path: one["auc"] for path, one in champion["fallbacks"].items() if path != COMPLETE}
        or None,  # a champion has some, unless no source may be missing
        red_fairness=(),
        waits_for=[str(red) for name in WAITS_FOR for red in snapshot.red_metrics.get(name, ())],
        paths={
            path: PathInput(
                share,
                label_array(keep_answerable(loans, path)),
                after.by_path[path],
                before.by_path[path],
                ranking=before.by_path[path],
            )
            for path, share in shares.items()
            if path in after.by_path
        },
        ranking=before.served,
    )
