"""Train a challenger when enough cohorts have ripened, and let it take over if it earns it.

Each task loads what it rests on, decides by pure functions, and writes last.
"""

import logging
from datetime import date

from tasks.config import Settings, describe_label
from tasks.modelling.challenger import TrainingConfig, build_model_reference, configure, train
from tasks.modelling.decisions import (
    decide_promotion,
    describe_gaps,
    find_kept_model,
    identify_model,
    judge_challenger,
    judge_groups,
    require_both_outcomes,
    require_due,
    require_newest,
)
from tasks.modelling.loading import load_training_context, load_training_snapshot
from tasks.modelling.training_card import build_card
from tasks.modelling.training_set import TrainingSnapshot, leave_out_retired
from tasks.monitoring.actions import freezes_promotion
from tasks.prefect import io_task
from tasks.registry import models
from tasks.registry.code_version import code_on_record
from tasks.registry.history import (
    Registry,
    champion_before_override,
    load_registry,
    record,
    require_history,
    standing_on,
)
from tasks.registry.model_card import render_card
from tasks.registry.records import Standing
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import policy_on, record_settings

LOG = logging.getLogger("vintage")


@io_task
def train_challenger(as_of: date, settings: Settings) -> str:
    """Train on the labels that exist on `as_of` and store the model with its card; return its id.

    A date that has a model keeps it, and nothing is trained. Where the settings ask for a restatement, the
    newest of these dates is trained again if what it learned from has changed.
    Raises: NothingToDoError until enough cohorts are ripe; VintageError when newer models or decisions
    exist already.
    """
    registry = load_registry(settings)
    require_history(registry, as_of, settings)
    standing = standing_on(registry, as_of)
    kept = find_kept_model(standing, restate=settings.restate)
    if kept:
        LOG.info("%s has the model %s, which is kept.", as_of, kept)
        return kept
    context = load_training_context(registry, standing, settings)
    require_due(context, first=settings.first_training_cohorts, every=settings.retrain_every_cohorts)
    whole = load_training_snapshot(registry, standing, settings)
    snapshot = leave_out_retired(whole)
    config = configure(context.previous, settings.trials, settings.seed, settings.oot_cohorts)
    require_both_outcomes(snapshot, config)
    model_id = identify_model(snapshot, config, settings.label_def)
    if models.is_saved(model_id, settings):
        return model_id
    require_newest(standing)
    for warning in describe_gaps(context, snapshot):
        LOG.warning("%s", warning)
    _train_and_save(model_id, snapshot, config, settings, whole=whole)
    return model_id


def _train_and_save(
    model_id: str,
    snapshot: TrainingSnapshot,
    config: TrainingConfig,
    settings: Settings,
    *,
    whole: TrainingSnapshot,
) -> None:
    """Needs: the `snapshot` to learn from, and the `whole` with all that the champion learned from."""
    policy = policy_on(snapshot.as_of, settings).policy
    challenger = train(snapshot, config)
    fairness = judge_groups(whole.red_metrics.get("fairness", ()), challenger.ensemble, whole, policy)
    card = build_card(
        challenger,
        snapshot,
        config,
        gate=judge_challenger(challenger, whole, policy.gate, fairness),
        gate_cohorts=policy.gate.cohorts,
        default=describe_label(settings.label_def),
        trained_by=settings.trained_by,
        code=code_on_record(),
    )
    oot, cutoff = snapshot.of(challenger.split.oot), policy.cutoff.approve_up_to_pd
    reference = build_model_reference(
        challenger.ensemble, snapshot, oot, scores=challenger.unseen, cutoff=cutoff
    )
    record_settings(snapshot.as_of, settings)
    models.save(
        model_id,
        settings,
        model=challenger.ensemble,
        card={"model_id": model_id, **card},
        reference=reference,
        to_text=render_card,
    )


@io_task
def promote(as_of: date, model_id: str, settings: Settings) -> None:
    """Write the gate's decision into the registry, effective from `as_of`; lines that are there stay.

    What passes the gate serves at once, or waits for a person where the settings or the policy say so.
    """
    registry = load_registry(settings)
    standing = standing_on(registry, as_of)
    if model_id not in standing.states:
        record_verdict(model_id, registry, standing, settings)


def record_verdict(model_id: str, registry: Registry, standing: Standing, settings: Settings) -> None:
    """Write what the gate's verdict on a new model makes of it, effective from the day of the standing."""
    day = standing.day
    changes = decide_promotion(
        read_card(registry, model_id),
        serving=standing.champion,
        former=champion_before_override(registry, day),
        frozen=freezes_promotion(day, settings),
        auto_approve=settings.auto_approve,
    )
    record(registry, settings, effective_from=day, changes=changes)
