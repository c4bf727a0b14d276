"""The artefact of a model as it is read, whatever its classes are called since it was written."""

import io
from typing import Any

from joblib.numpy_pickle import NumpyUnpickler

# A pickle names the module of each class: as it was called when an older model was written, and as it is now.
MOVED = {
    "tasks.core.evidence": "tasks.modelling.history_transformers",
    "tasks.core.models": "tasks.modelling.stacking",
    "tasks.core.parts": "tasks.modelling.base_models",
    "tasks.core.serving": "tasks.modelling.fallbacks",
}
# Classes as they were called, and as they are.
RENAMED = {
    "Blend": "StackedModel",
    "ClickstreamEvidence": "LogLikelihoodTerms",
    "ClickstreamLevels": "CredibilityWeightedMeans",
    "Served": "FallbackEnsemble",
}


class _Unpickler(NumpyUnpickler):
    """joblib's own, but for the classes that have moved or are called otherwise."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of that name, by the module and the name that it has now."""
        now = MOVED.get(module, module)
        return super().find_class(now, RENAMED.get(name, name) if now.startswith("tasks.") else name)


def load_artefact(content: bytes) -> Any:
    """The model in a file that joblib wrote, by this code or by an older one."""
    return _Unpickler("", io.BytesIO(content), ensure_native_byte_order=True).load()
