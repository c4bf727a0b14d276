"""Train a challenger when enough cohorts have ripened, and let it take over if it earns it."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import NothingToDoError, VintageError
from tasks.features.presence import lacks_applications
from tasks.governance.adopted_policy import read_policy
from tasks.labels.ripeness import cohorts_missing, newly_ripe, ripe_cohorts
from tasks.modelling.candidates import (
    TrainingSnapshot,
    describe,
    describe_data,
    identify,
)
from tasks.modelling.challenger import (
    Challenger,
    TrainingConfig,
    build_gate_input,
    build_model_reference,
    find_single_class,
    replay_walk_forward,
    train,
)
from tasks.modelling.training_set import add_targets
from tasks.monitoring.actions import asks_for_training, freezes_promotion
from tasks.monitoring.early_arrears import keep_arrears
from tasks.prefect import io_task
from tasks.registry import models
from tasks.registry.approvals import take_over
from tasks.registry.code_version import code_revision
from tasks.registry.history import (
    Registry,
    champion_on,
    load_registry,
    newest_trained_before,
    record,
    require_history,
    require_not_past,
    state_on,
    trained_after,
    trained_on,
)
from tasks.registry.model_card import list_limits, render_card
from tasks.registry.promotion_gate import decide
from tasks.registry.records import Change
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import record_settings
from tasks.schemas.predictions import GRADE_LIMITS
from tasks.sources.applications import say_features_lacking, scan_applications
from tasks.sources.decision_log import Kinds, read_comparison, used_on
from tasks.sources.tasks import TABLE, add_source_features
from tasks.store import tables

LOG = logging.getLogger("vintage")
POLICY = "policy:auto"
READ = ("gold.feature_store", "gold.label_store", "silver.loans", "silver.clickstream")
LIBRARIES = ("vintage", "scikit-learn", "optuna", "polars", "numpy", "scipy")


@io_task
def train_challenger(as_of: date, settings: Settings) -> str:
    """Train on the labels that exist on `as_of` and store the model with its card; return its id.

    A date that has a model keeps it, and nothing is trained. Where the settings ask for a restatement, the
    newest of these dates is trained again if what it learned from has changed.
    Errors: NothingToDoError until enough cohorts are ripe; VintageError when newer models or decisions
    exist already.
    """
    registry = load_registry(settings)
    require_history(registry, as_of, settings)
    trained = trained_on(registry, as_of)
    if trained and not (settings.restate and not trained_after(registry, as_of)):
        LOG.info("%s has the model %s, which is kept.", as_of, trained[0])
        return trained[0]
    snapshot, last = _known_on(registry, as_of, settings)
    start = {candidate["family"]: candidate["params"] for candidate in last["candidates"]} if last else {}
    setup = TrainingConfig(settings.trials, settings.seed, settings.oot_cohorts, start)
    same = find_single_class(snapshot, setup)
    if same:
        raise NothingToDoError(
            f"No training on {as_of}: the loans of {same[0]:%Y-%m} to {same[-1]:%Y-%m} all have the same "
            "outcome (single class), and a model needs both."
        )
    told = (*asdict(setup).values(), settings.label_def, *_clickstream_digests(as_of, settings))
    model_id = identify(snapshot.loans, as_of, told)
    if (settings.model_store / model_id).exists():
        return model_id
    _require_in_order(registry, as_of)
    require_not_past(registry, as_of)
    _warn_of_missing(as_of, settings)
    challenger = train(snapshot, setup)
    card = {"model_id": model_id, **_describe(challenger, snapshot, setup, registry, settings)}
    mob = read_policy(settings.policy).policy.arrears.mob
    arrears = keep_arrears(tables.scan("silver.loans", settings, until=as_of), mob=mob).collect()
    reference = build_model_reference(challenger.ensemble, snapshot, arrears)
    record_settings(as_of, settings)
    models.save(
        model_id, settings, model=challenger.ensemble, card=card, reference=reference, to_text=render_card
    )
    return model_id


def _warn_of_missing(as_of: date, settings: Settings) -> None:
    """Say which months and features this training goes without, and how the next one gets them."""
    without = _unbuilt(as_of, settings)
    if without:
        LOG.warning("The training of %s learns from fewer cohorts than came in.%s", as_of, without)
    lacking = say_features_lacking(as_of, settings)
    if lacking:
        LOG.warning("The training of %s does without %s", as_of, lacking)


def _clickstream_digests(as_of: date, settings: Settings) -> list[str]:
    """Digest of each month's clickstream up to the day: a training may read it after the application too."""
    months = tables.scan("bronze.deliveries", settings, until=as_of).sort("snapshot_date")
    return months.filter(source="clickstream").select("digest").collect().to_series().to_list()


def _describe(
    challenger: Challenger,
    snapshot: TrainingSnapshot,
    setup: TrainingConfig,
    registry: Registry,
    settings: Settings,
) -> dict[str, Any]:
    """The card, but for the model's id and digest."""
    split, oot = challenger.split, snapshot.of(challenger.split.oot)
    return {
        "as_of": str(snapshot.as_of),
        "trained_by": settings.trained_by,
        "purpose": f"probability of default ({settings.label_def}) at application",
        "data": {
            **describe_data(snapshot, split),
            "sources": used_on(snapshot.as_of, settings),
            "tables": _tables(snapshot.as_of, settings),
        },
        "sources_compared": read_comparison(snapshot.as_of, settings),
        "family": challenger.candidates[0].spec.family,
        "candidates": [describe(candidate, oot) for candidate in challenger.candidates],
        "reading": challenger.view,
        "readings": challenger.views,
        "fallbacks": challenger.fallbacks,
        "ablations": challenger.ablations,
        "gate": _judge(challenger, snapshot, registry, settings),
        "grade_limits": GRADE_LIMITS,
        "setup": asdict(setup),
        "limits": list_limits(
            settings.label_def, len(split.oot), gate_cohorts=read_policy(settings.policy).policy.gate.cohorts
        ),
        "code": {**code_revision(), **{name: version(name) for name in LIBRARIES}},
    }


@io_task
def promote(as_of: date, model_id: str, settings: Settings) -> None:
    """Write the gate's decision into the registry, effective from `as_of`; lines that are there stay.

    What passes the gate serves at once, or waits for a person where the settings say so.
    """
    registry = load_registry(settings)
    if state_on(registry, as_of, model_id):
        return
    card = read_card(registry, model_id)
    gate = card["gate"]
    freeze = freezes_promotion(as_of, settings) or _judged_against_another(gate, registry, as_of)
    why = f"trained on ripe cohorts; waits for a person: {freeze}" if freeze else "trained on ripe cohorts"
    trained = Change(model_id, "challenger", card["trained_by"], why, gate["figures"])
    changes = [trained]
    if not gate["promoted"]:
        changes.append(Change(model_id, "rejected", POLICY, gate["why"], gate["figures"]))
    elif settings.auto_approve and not freeze:
        changes += take_over(model_id, gate["champion"], by=POLICY, why=gate["why"], figures=gate["figures"])
    record(registry, settings, effective_from=as_of, changes=changes)


def _judged_against_another(gate: Mapping[str, Any], registry: Registry, as_of: date) -> str:
    """Why the gate's verdict does not stand, when another model serves than the one it looked at."""
    serving = champion_on(registry, as_of)
    serves = serving.model_id if serving else None
    if serves == gate["champion"]:
        return ""
    return f"it was judged against {gate['champion'] or 'no champion'}, and {serves or 'no model'} serves"


def _known_on(
    registry: Registry, as_of: date, settings: Settings
) -> tuple[TrainingSnapshot, dict[str, Any] | None]:
    """What may be learned from on `as_of`, when a training is due, and the card of the model before it."""
    ripe = ripe_cohorts(as_of, settings)
    newest = newest_trained_before(registry, as_of)
    last = read_card(registry, newest) if newest else None
    learned = [date.fromisoformat(day) for day in last["data"]["cohorts"]] if last else []
    if not (newly_ripe(ripe, learned) and last and asks_for_training(last["as_of"], as_of, settings)):
        _require_due(as_of, ripe, learned, settings)
    return load_training_snapshot(as_of, settings), last


def load_training_snapshot(
    as_of: date,
    settings: Settings,
    *,
    versions: Mapping[str, int] | None = None,
    sources: Mapping[str, Kinds] | None = None,
) -> TrainingSnapshot:
    """All that may be learned from on `as_of`, whether or not a training is due.

    A feature that a month lacks, since older code built it, is left out of all.
    Needs:  `versions` of the tables READ, to read them as they were, else as they are; the columns of other
            teams' `sources` to take in, else those in use on the day.
    """
    at, used = versions or {}, used_on(as_of, settings) if sources is None else sources
    applications = scan_applications(as_of, settings, version=at.get(READ[0]))
    read = (tables.scan(name, settings, until=as_of, version=at.get(name)) for name in READ[1:])
    labels, loans, clickstream = read
    rows = add_targets(applications, labels, loans, as_of=as_of).sort("snapshot_date", "loan_id").collect()
    wide = add_source_features(rows, used, settings, until=as_of, version=at.get(TABLE))
    return TrainingSnapshot(as_of, wide, clickstream)


def _require_due(as_of: date, ripe: list[date], trained_on: list[date], settings: Settings) -> None:
    first, every = settings.first_training_cohorts, settings.retrain_every_cohorts
    missing = cohorts_missing(ripe, trained_on, first=first, every=every)
    if missing > 0:
        kind = (
            f"{every} new cohorts for the next model"
            if trained_on
            else f"{first} cohorts for the first model"
        )
        raise NothingToDoError(
            f"No training on {as_of}: {missing} of the {kind} are not ripe yet.{_unbuilt(as_of, settings)}"
        )


def _unbuilt(as_of: date, settings: Settings) -> str:
    """What to run where months came in only as the history of later ones: they have no labels either."""
    built = tables.snapshot_dates("gold.feature_store", settings)
    came = [day for day in tables.snapshot_dates("silver.loans", settings) if day <= as_of]
    gap = [day for day in came if day not in built and not lacks_applications(day, settings)]
    if not gap:
        return ""
    return (
        f" The features flow of {len(gap)} earlier months did not run, and without it none has labels: "
        f"vintage backfill --flows features --start {gap[0]} --end {gap[-1]}"
    )


def _judge(
    challenger: Challenger, snapshot: TrainingSnapshot, registry: Registry, settings: Settings
) -> dict[str, Any]:
    """The gate's verdict on the challenger against the champion of the day."""
    champion = champion_on(registry, snapshot.as_of)
    pds = None
    if champion:
        pds = replay_walk_forward(read_card(registry, champion.model_id), snapshot, challenger.split)
    red_metrics = _red_metrics_before(snapshot.as_of, settings)
    shown = build_gate_input(challenger, snapshot, champion=pds, red_metrics=red_metrics)
    verdict = decide(shown, read_policy(settings.policy).policy.gate)
    return {**asdict(verdict), "champion": champion.model_id if champion else None}


def _red_metrics_before(as_of: date, settings: Settings) -> list[str]:
    """Red figures of coverage and fairness in the newest month that was monitored before `as_of`.

    The month of `as_of` itself is monitored after its training: a re-run must decide as the first run did.
    """
    days = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day < as_of]
    if not days:
        return []
    figures = tables.read("gold.monitoring", settings, on=days[-1])
    red = figures.filter(pl.col("metric").is_in(["coverage", "fairness"]), pl.col("status") == "red")
    return [f"{row['metric']} of {row['subject']} on {days[-1]}" for row in red.to_dicts()]


def _require_in_order(registry: Registry, as_of: date) -> None:
    newer = trained_after(registry, as_of)
    if newer:
        raise VintageError(
            f"A model of {as_of} would be trained after {newer[0]}, which was judged without it. "
            f"Train in date order into an empty --model-store, or leave {as_of} as it is."
        )


def _tables(as_of: date, settings: Settings) -> dict[str, dict[str, int]]:
    """Delta version of each table that was read, and its rows until the day."""
    read = (*READ, TABLE) if used_on(as_of, settings) else READ
    return {
        name: {
            "version": tables.version_of(name, settings),
            "rows": tables.scan(name, settings, until=as_of).select(pl.len()).collect().item(),
        }
        for name in read
    }
