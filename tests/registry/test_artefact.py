import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pytest

from tasks.modelling.base_models import QuantileBins
from tasks.modelling.fallbacks import Served, fit_served, predict_served
from tasks.modelling.history_transformers import ClickstreamEvidence, ClickstreamLevels
from tasks.modelling.stacking import FAMILIES, Blend, Family, Recipe
from tasks.registry.artefact import MOVED, load_artefact
from tests.applicants import QUICK, applicants, lessons

Name = Callable[[str], str]
BEFORE = {now: before for before, now in MOVED.items()}


def dump_under(name: Name, model: Served, path: Path) -> None:
    """Write a model as code did whose modules were called otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (Served, Blend, QuantileBins, ClickstreamEvidence, ClickstreamLevels):
            module = name(kind.__module__)
            patch.setitem(sys.modules, module, sys.modules.get(module, ModuleType(module)))
            patch.setattr(sys.modules[module], kind.__name__, kind, raising=False)
            patch.setattr(kind, "__module__", module)
        joblib.dump(model, path)


@pytest.fixture(scope="module", params=FAMILIES)
def served(request: pytest.FixtureRequest) -> Served:
    family: Family = request.param
    return fit_served(Recipe(family, QUICK), lessons(), seed=0)


def test_a_model_written_before_the_modules_moved_predicts_the_same(served: Served, tmp_path: Path) -> None:
    dump_under(BEFORE.__getitem__, served, tmp_path / "old")
    written = (tmp_path / "old").read_bytes()
    assert b"tasks.core.serving" in written
    assert b"tasks.modelling" not in written
    again: Any = load_artefact(written)
    assert np.array_equal(
        predict_served(again, applicants(seed=2)), predict_served(served, applicants(seed=2))
    )


def test_a_class_of_a_module_that_never_was_is_not_found(served: Served, tmp_path: Path) -> None:
    dump_under(lambda module: f"{module}_of_nowhere", served, tmp_path / "odd")
    with pytest.raises(ModuleNotFoundError, match="_of_nowhere"):
        load_artefact((tmp_path / "odd").read_bytes())
