"""Train a challenger when enough cohorts have ripened, and let it take over if it earns it."""

from datetime import date
from importlib.metadata import version
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.core.models import predict_pd
from tasks.core.performance import measure_auc
from tasks.core.promotion import Verdict, cohorts_missing, compare, decide_first
from tasks.core.scoring import GRADE_LIMITS
from tasks.core.splits import split_cohorts
from tasks.core.stability import build_reference
from tasks.core.training import (
    Candidate,
    describe,
    describe_data,
    find_candidates,
    identify,
    join_labels,
    labels_of,
    refit,
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
    loans = _ripe_loans(as_of, settings)
    split = split_cohorts(loans["snapshot_date"].to_list(), oot=settings.oot_cohorts)
    model_id = identify(
        loans, as_of, (settings.trials, settings.seed, settings.oot_cohorts, settings.label_def)
    )
    if (settings.model_store / model_id).exists():
        return model_id
    _refuse_out_of_order(as_of, settings)
    candidates = find_candidates(loans, split, trials=settings.trials, seed=settings.seed)
    winner = refit(candidates[0], loans, seed=settings.seed)
    oot = loans.filter(pl.col("snapshot_date").is_in(split.oot))
    card = {
        "model_id": model_id,
        "as_of": str(as_of),
        "purpose": f"probability of default ({settings.label_def}) at application",
        "data": {**describe_data(loans, split), "tables": _versions(settings)},
        "family": candidates[0].recipe.family,
        "candidates": [describe(candidate, oot) for candidate in candidates],
        "gate": _judge(candidates[0], oot, as_of, settings),
        "grade_limits": GRADE_LIMITS,
        "seed": settings.seed,
        "trials": settings.trials,
        "code": {name: version(name) for name in ("vintage", "scikit-learn", "optuna", "polars", "numpy")},
    }
    reference = build_reference(loans, pl.Series(predict_pd(winner, loans)))
    models.save(model_id, settings, model=winner, card=card, reference=reference)
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


def _ripe_loans(as_of: date, settings: Settings) -> pl.DataFrame:
    labels = tables.scan("gold.label_store", settings, until=as_of)
    ripe: list[date] = labels.select(pl.col("loan_start_date").unique()).collect().to_series().to_list()
    last = models.trained_until(as_of, settings)
    trained_on = [date.fromisoformat(day) for day in last["data"]["cohorts"]] if last else []
    first, every = settings.first_training_cohorts, settings.retrain_every_cohorts
    missing = cohorts_missing(ripe, trained_on, first=first, every=every)
    if missing > 0:
        kind = (
            f"{every} new cohorts for the next model"
            if trained_on
            else f"{first} cohorts for the first model"
        )
        raise NothingToDoError(f"No training on {as_of}: {missing} of the {kind} are not ripe yet.")
    return join_labels(tables.scan("gold.feature_store", settings, until=as_of), labels, as_of=as_of)


def _judge(candidate: Candidate, oot: pl.DataFrame, as_of: date, settings: Settings) -> dict[str, Any]:
    champion = models.champion_on(as_of, settings)
    if champion is None:
        verdict, before = decide_first(candidate.oot_auc), None
    else:
        pds = predict_pd(models.load(champion, settings), oot)
        labels, before = labels_of(oot), champion.model_id
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
