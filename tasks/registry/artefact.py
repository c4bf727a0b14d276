"""The artefact of a model as it is read, whichever module its classes have moved to since it was written."""

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


class _Unpickler(NumpyUnpickler):
    """joblib's own, but for the modules that have moved."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of that name, by the module that it lives in now."""
        return super().find_class(MOVED.get(module, module), name)


def load_artefact(content: bytes) -> Any:
    """The model in a file that joblib wrote, by this code or by an older one."""
    return _Unpickler("", io.BytesIO(content), ensure_native_byte_order=True).load()
