"""Two models on the same ripe loans, none of which either has learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.evaluation.scorers import compare_scores
from tasks.governance.source_log import Kinds
from tasks.modelling.challenger import replay_walk_forward
from tasks.modelling.fallbacks import predict_ensemble
from tasks.modelling.loading import load_training_data
from tasks.modelling.splits import Split
from tasks.modelling.training_set import label_array
from tasks.registry.history import load_registry
from tasks.registry.listing import require_model
from tasks.registry.registered_files import load_model, read_card
from tasks.sources.applications import require_features
from tasks.sources.tasks import add_source_features, sources_of
from tasks.statistics.performance import Floats
from tasks.store import tables

Card = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """`figures` of both models, a row each figure, and on which loans they were measured."""

    figures: pl.DataFrame
    loans: str


def compare_models(first: str, second: str, settings: Settings) -> Comparison:
    """Figures of two models on the same loans, with the gain in AUC of the second and its interval.

    The loans are those that came in and ripened since both were trained. Where there are none, both models'
    specifications are fitted again to the cohorts before the younger model's out-of-time ones and measured
    on these, as the gate does.
    Raises: UsageError for one model twice; ModelStoreError when the registry does not know one, or an
    artefact was changed.
    """
    if first == second:
        raise UsageError(f"{first} is named twice; name two models. See: vintage models list")
    for model_id in (first, second):
        require_model(model_id, settings)
    registry = load_registry(settings)
    cards = [read_card(registry, model_id) for model_id in (first, second)]
    labels, pds, loans = _since_both(cards, settings) or _as_at_the_gate(cards, settings)
    figures = compare_scores(labels, {first: pds[0], second: pds[1]})
    return Comparison(figures, loans)


def _since_both(cards: Sequence[Card], settings: Settings) -> tuple[Floats, list[Floats], str] | None:
    """Labels, PDs by each model as it serves, and a description of the loans; None where they are too few."""
    day = max(date.fromisoformat(card["as_of"]) for card in cards)
    labels = tables.scan("gold.label_store", settings).select("loan_id", "label")
    months = [month for month in tables.snapshot_dates("gold.feature_store", settings) if month >= day]
    require_features([card["model_id"] for card in cards], months, settings)
    applications = tables.scan("gold.feature_store", settings, on=months)
    ripe = applications.join(labels, on="loan_id", how="inner", validate="1:1").collect().sort("loan_id")
    ripe = add_source_features(ripe, _sources_of(cards, settings), settings)
    n_bad = int(ripe["label"].sum())
    if min(n_bad, ripe.height - n_bad) < 2:
        return None
    registry = load_registry(settings)
    ensembles = [load_model(registry, card["model_id"]) for card in cards]
    loans_used = f"{ripe.height} loans that came in from {day} on and are ripe, by the models as they serve"
    return label_array(ripe), [predict_ensemble(model, ripe) for model in ensembles], loans_used


def _sources_of(cards: Sequence[Card], settings: Settings) -> dict[str, Kinds]:
    return sources_of([card["model_id"] for card in cards], settings)


def _as_at_the_gate(cards: Sequence[Card], settings: Settings) -> tuple[Floats, list[Floats], str]:
    younger = max(cards, key=lambda card: card["as_of"])
    day = date.fromisoformat(younger["as_of"])
    snapshot = load_training_data(day, settings, sources=_sources_of(cards, settings))
    days = {
        part: tuple(date.fromisoformat(day) for day in younger["data"][part])
        for part in ("development", "oot")
    }
    split = Split(days["development"], days["oot"])
    pds = [replay_walk_forward(card, snapshot, split).served for card in cards]
    loans = snapshot.of(split.oot)
    loans_used = (
        f"{loans.height} loans of {split.oot[0]:%Y-%m} to {split.oot[-1]:%Y-%m}, by each model's "
        "specification fitted again to the cohorts before (no loan is ripe that came in since both were "
        "trained)"
    )
    return label_array(loans), pds, loans_used
