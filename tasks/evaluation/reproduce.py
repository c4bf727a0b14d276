"""Whether a model can be made again: trained again from the tables as they were, it must predict the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

import numpy as np

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.evaluation.recalibration import Calibration, recalibrate_ensemble
from tasks.modelling.challenger import TrainingConfig, train
from tasks.modelling.fallbacks import predict_ensemble
from tasks.modelling.loading import load_training_data
from tasks.modelling.training_set import keep_features
from tasks.registry.code_version import code_revision
from tasks.registry.history import load_registry
from tasks.registry.listing import require_model
from tasks.registry.registered_files import load_model, read_card


@dataclass(frozen=True)
class Reproduction:
    """How a model was made again: `n` loans have the same PD to the last bit; `changed` is other code."""

    n: int
    changed: list[str]


def reproduce(model_id: str, settings: Settings) -> Reproduction:
    """Train the model once more by its card, from the versions of the tables that it names, and compare.

    Raises: ModelStoreError when the predictions differ, or the artefact was changed; TableNotReadyError when
    a version of a table is gone.
    """
    require_model(model_id, settings)
    registry = load_registry(settings)
    card, stored = read_card(registry, model_id), load_model(registry, model_id)
    versions = {name: table["version"] for name, table in card["data"]["tables"].items()}
    changed_by = card.get("recalibration", {})
    trained_as_of = date.fromisoformat(changed_by.get("trained_as_of", card["as_of"]))
    snapshot = load_training_data(trained_as_of, settings, versions=versions, sources=card["data"]["sources"])
    snapshot = keep_features(snapshot, card["data"]["features"])
    again = train(snapshot, TrainingConfig(**card["setup"])).ensemble
    if changed_by:
        again = recalibrate_ensemble(again, Calibration(changed_by["intercept"], changed_by["slope"]))
    gap = np.abs(predict_ensemble(stored, snapshot.loans) - predict_ensemble(again, snapshot.loans))
    changed = _changed_code(card["code"])
    if gap.max() > (1e-12 if changed_by else 0):  # two recalibrations after each other are rounded
        why = (
            f"the code is not the same ({'; '.join(changed)})"
            if changed
            else "code and libraries are the same"
        )
        raise ModelStoreError(
            f"{model_id} trained again predicts otherwise for {int((gap > 0).sum())} of {len(gap)} loans, "
            f"by up to {gap.max():.2g}; {why}. Try again with the code and the libraries on its card."
        )
    return Reproduction(len(gap), changed)


def _changed_code(code: Mapping[str, Any]) -> list[str]:
    """What differs between the code that trained and the code that runs."""
    now = code_revision()
    here = {name: now.get(name) or version(name) for name in code}
    return [f"{name} {code[name]}, here {here[name]}" for name in code if here[name] != code[name]]
