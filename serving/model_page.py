"""A model as the Open Inference Protocol describes one."""

from typing import Any

from serving.snapshot import Snapshot


def describe_model(snapshot: Snapshot) -> dict[str, Any]:
    """Name, version, inputs and outputs of the model that serves, and the state's memory a customer."""
    layout = snapshot.model.compiled.layout
    inputs = [_tensor(name, "FP64") for name in layout.numbers] + [
        _tensor(name, "BYTES") for name in layout.words
    ]
    return {
        "name": snapshot.model.model_id,
        "versions": [snapshot.model.sha256],
        "platform": "vintage",
        "inputs": inputs,
        "outputs": [_tensor("pd", "FP64"), _tensor("grade", "BYTES"), _tensor("score_path", "BYTES")],
        "effective_from": snapshot.model.effective_from,
        "score_paths": sorted(snapshot.model.validated),
        "customers": len(snapshot.state.places),
        "bytes_per_customer": round(snapshot.state.bytes_per_customer),
    }


def _tensor(name: str, datatype: str) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [1]}
