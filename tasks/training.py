"""Train a challenger when enough cohorts have ripened, and let it take over if it earns it."""

from datetime import date
from importlib.metadata import version
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.core.lessons import add_targets
from tasks.core.models import Recipe
from tasks.core.performance import measure_auc
from tasks.core.promotion import Verdict, cohorts_missing, compare, decide_first
from tasks.core.scoring import GRADE_LIMITS
from tasks.core.serving import predict_served
from tasks.core.splits import Split, split_cohorts
from tasks.core.stability import build_reference
from tasks.core.training import (
    Candidate,
    Known,
    choose_reading,
    describe,
    describe_data,
    find_candidates,
    identify,
    labels_of,
    measure_fallbacks,
    refit,
    score_oot,
)
from tasks.errors import NothingToDoError, VintageError
from tasks.prefect import io_task
from tasks.storage import models, tables

POLICY = "policy:auto"


@io_task
def train_challenger(as_of: date, settings: Settings) -> str:
    """Train on the labels that exist on `as_of` and store the model with its card; return its id.

    Errors: NothingToDoError until enough cohorts are ripe; VintageError when newer models exist already.
    """
    known, last = _known_on(as_of, settings)
    split = split_cohorts(known.ripe["snapshot_date"].to_list(), oot=settings.oot_cohorts)
    start = {candidate["family"]: candidate["params"] for candidate in last["candidates"]} if last else {}
    setup = (settings.trials, settings.seed, settings.oot_cohorts, settings.label_def, start)
    model_id = identify(known.loans, as_of, setup)
    if (settings.model_store / model_id).exists():
        return model_id
    _refuse_out_of_order(as_of, settings)
    candidates = find_candidates(known, split, trials=settings.trials, seed=settings.seed, start=start)
    reading, readings = choose_reading(candidates[0], known, split, seed=settings.seed)
    served = refit(candidates[0].recipe, known, reading, seed=settings.seed)
    card = {
        "model_id": model_id,
        "as_of": str(as_of),
        "purpose": f"probability of default ({settings.label_def}) at application",
        "data": {**describe_data(known, split), "tables": _versions(settings)},
        "family": candidates[0].recipe.family,
        "candidates": [describe(candidate, known.of(split.oot)) for candidate in candidates],
        "reading": reading,
        "readings": readings,
        "fallbacks": measure_fallbacks(candidates[0], known, split, seed=settings.seed),
        "gate": _judge(candidates[0], known, split, as_of, settings),
        "grade_limits": GRADE_LIMITS,
        "seed": settings.seed,
        "trials": settings.trials,
        "code": {name: version(name) for name in ("vintage", "scikit-learn", "optuna", "polars", "numpy")},
    }
    reference = build_reference(known.ripe, pl.Series(predict_served(served, known.ripe)))
    models.save(model_id, settings, model=served, card=card, reference=reference)
    return model_id


@io_task
def promote(as_of: date, model_id: str, settings: Settings) -> Verdict:
    """Write the gate's decision into the registry, effective from `as_of`; lines that are there stay."""
    gate = models.read_card(model_id, settings)["gate"]
    verdict = Verdict(promoted=gate["promoted"], why=gate["why"])
    before = gate["champion"]
    lines: list[tuple[str, models.State, str]] = [(model_id, "challenger", "trained on ripe cohorts")]
    if verdict.promoted:
        lines.append((model_id, "approved", verdict.why))
        lines.append((model_id, "champion", verdict.why))
        if before:
            lines.append((before, "retired", f"replaced by {model_id}"))
    else:
        lines.append((model_id, "rejected", verdict.why))
    for name, state, why in lines:
        if state not in models.states_of(name, settings):
            models.record(settings, effective_from=as_of, model_id=name, state=state, by=POLICY, why=why)
    return verdict


def _known_on(as_of: date, settings: Settings) -> tuple[Known, dict[str, Any] | None]:
    """What may be learned from on `as_of`, when a training is due, and the card of the model before it."""
    labels = tables.scan("gold.label_store", settings, until=as_of)
    ripe: list[date] = labels.select(pl.col("loan_start_date").unique()).collect().to_series().to_list()
    last = models.trained_until(as_of, settings)
    trained_on = [date.fromisoformat(day) for day in last["data"]["cohorts"]] if last else []
    _require_due(as_of, ripe, trained_on, settings)
    return known_on(as_of, settings), last


def known_on(as_of: date, settings: Settings) -> Known:
    """All that may be learned from on `as_of`, whether or not a training is due."""
    names = ("gold.feature_store", "gold.label_store", "silver.loans")
    applications, labels, loans = (tables.scan(name, settings, until=as_of) for name in names)
    rows = add_targets(applications, labels, loans, as_of=as_of).sort("snapshot_date", "loan_id").collect()
    return Known(as_of, rows, tables.scan("silver.clickstream", settings, until=as_of))


def _require_due(as_of: date, ripe: list[date], trained_on: list[date], settings: Settings) -> None:
    first, every = settings.first_training_cohorts, settings.retrain_every_cohorts
    missing = cohorts_missing(ripe, trained_on, first=first, every=every)
    if missing > 0:
        kind = (
            f"{every} new cohorts for the next model"
            if trained_on
            else f"{first} cohorts for the first model"
        )
        raise NothingToDoError(f"No training on {as_of}: {missing} of the {kind} are not ripe yet.")


def _judge(
    candidate: Candidate, known: Known, split: Split, as_of: date, settings: Settings
) -> dict[str, Any]:
    """The gate. The champion's recipe is fitted once more to those of its cohorts that are not out of time.

    The artefact itself has learned from some of the loans that the two are compared on.
    """
    champion = models.champion_on(as_of, settings)
    if champion is None:
        verdict, before = decide_first(candidate.oot_auc), None
    else:
        card, before = models.read_card(champion.model_id, settings), champion.model_id
        its = [date.fromisoformat(day) for day in card["data"]["cohorts"]]
        fitted = Split(tuple(day for day in its if day in split.development), split.oot)
        recipe = Recipe(card["family"], card["candidates"][0]["params"])
        pds = score_oot(recipe, known, fitted, reading="hindsight", seed=card["seed"])
        labels = labels_of(known.of(split.oot))
        verdict = compare(labels, (candidate.oot_auc, candidate.oot_pds), (measure_auc(labels, pds), pds))
    return {"promoted": verdict.promoted, "why": verdict.why, "champion": before}


def _refuse_out_of_order(as_of: date, settings: Settings) -> None:
    newer = models.trained_after(as_of, settings)
    if newer:
        raise VintageError(
            f"A model of {as_of} would be trained after {newer[0]}, which was judged without it. "
            f"Train in date order into an empty --model-store, or leave {as_of} as it is."
        )


def _versions(settings: Settings) -> dict[str, int]:
    return {name: tables.version_of(name, settings) for name in ("gold.feature_store", "gold.label_store")}
