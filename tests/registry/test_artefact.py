import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pytest

from tasks.modelling.base_models import QuantileBins
from tasks.modelling.fallbacks import FallbackEnsemble, fit_ensemble, predict_ensemble
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.history_transformers import CredibilityWeightedMeans, LogLikelihoodTerms
from tasks.modelling.stacking import StackedModel
from tasks.registry.artefact import MOVED, RENAMED, load_artefact
from tests.applicants import QUICK, applicants, training_set

Name = Callable[[str], str]
BEFORE = {now: before for before, now in MOVED.items()}
NAMES = {now: before for before, now in RENAMED.items()}
KINDS = (FallbackEnsemble, StackedModel, QuantileBins, LogLikelihoodTerms, CredibilityWeightedMeans)


def older_state(model: StackedModel) -> dict[str, Any]:
    """A stacked model's attributes before base models said by what they are explained."""
    return {"parts": model.base_models, "weights": model.weights, "intercept": model.intercept}


def dump_under(name: Name, model: FallbackEnsemble, path: Path) -> None:
    """Write a model as code did whose modules, classes and attributes were called otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in KINDS:
            module, before = name(kind.__module__), NAMES.get(kind.__name__, kind.__name__)
            patch.setitem(sys.modules, module, sys.modules.get(module, ModuleType(module)))
            patch.setattr(sys.modules[module], before, kind, raising=False)
            patch.setattr(kind, "__module__", module)
        for kind in KINDS:
            kind.__qualname__ = NAMES.get(kind.__name__, kind.__name__)
        state = {"blends": model.models, "reference": model.reference}
        patch.setattr(FallbackEnsemble, "__getstate__", lambda _: state, raising=False)
        patch.setattr(StackedModel, "__getstate__", older_state, raising=False)
        joblib.dump(model, path)
    for kind in KINDS:
        kind.__qualname__ = kind.__name__


@pytest.fixture(scope="module", params=FAMILIES)
def ensemble(request: pytest.FixtureRequest) -> FallbackEnsemble:
    family: str = request.param
    older = replace(training_set(), shortened=None)  # weights of older models know no length of history
    return fit_ensemble(ModelSpec(family, QUICK), older, seed=0)


@pytest.mark.parametrize(
    ("name", "room"),
    [(BEFORE.__getitem__, b"tasks.core.serving"), (str, b"tasks.modelling.fallbacks")],
    ids=["in other modules", "under other names"],
)
def test_a_model_written_by_older_code_predicts_the_same(
    ensemble: FallbackEnsemble, tmp_path: Path, name: Name, room: bytes
) -> None:
    dump_under(name, ensemble, tmp_path / "old")
    written = (tmp_path / "old").read_bytes()
    assert room in written
    assert b"Served" in written
    assert all(now.encode() not in written for now in NAMES)
    again: Any = load_artefact(written)
    assert all(again.models[name].explainers == model.explainers for name, model in ensemble.models.items())
    assert np.array_equal(
        predict_ensemble(again, applicants(seed=2)), predict_ensemble(ensemble, applicants(seed=2))
    )


def test_a_class_of_a_module_that_never_was_is_not_found(ensemble: FallbackEnsemble, tmp_path: Path) -> None:
    dump_under(lambda module: f"{module}_of_nowhere", ensemble, tmp_path / "odd")
    with pytest.raises(ModuleNotFoundError, match="_of_nowhere"):
        load_artefact((tmp_path / "odd").read_bytes())
