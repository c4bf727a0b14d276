"""All that answers rest on, loaded together: a day's champion, its policy, what is known of customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.customer_state import CustomerState, load_state
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.lender.current import lender
from tasks.place import stamp_of
from tasks.registry.history import Registry, champion_on, load_registry, registry_path
from tasks.registry.registered_files import load_model, read_card
from tasks.registry.settings_history import history_path
from tasks.registry.settings_of_record import policy_on
from tasks.scoring.compiled_model import CompiledModel, compile_model
from tasks.store import tables


@dataclass(frozen=True)
class ServedModel:
    """A champion, compiled: its score paths that were validated before it served, and its features."""

    model_id: str
    effective_from: str
    sha256: str
    compiled: CompiledModel
    validated: frozenset[str]


@dataclass(frozen=True)
class Snapshot:
    """What a request is answered by, whole: one model, one policy, one state, as of one day."""

    day: date
    model: ServedModel
    policy: str
    policy_digest: str
    cutoff_pd: float
    state: CustomerState


def load_snapshot(
    day: date,
    settings: Settings,
    *,
    known: Sequence[ServedModel] = (),
    customers: Sequence[str] | None = None,
) -> Snapshot:
    """What applications of a day are answered by: the champion and the policy in force on it, and the state.

    Needs:  `known`, models that were compiled before and need not be again; `customers`, to hold these alone.
    Raises: NothingToDoError where no champion is effective; ModelStoreError, PolicyError.
    """
    registry = load_registry(settings)
    adopted = policy_on(day, settings)
    return Snapshot(
        day=day,
        model=load_served(registry, day, known),
        policy=adopted.policy.version,
        policy_digest=adopted.digest,
        cutoff_pd=adopted.policy.cutoff_pd,
        state=load_state(day, settings, customers=customers),
    )


def load_served(registry: Registry, day: date, known: Sequence[ServedModel] = ()) -> ServedModel:
    """The champion effective on a day, its files verified by their digests.

    Raises: NothingToDoError where there is none; ModelStoreError.
    """
    champion = champion_on(registry, day)
    if champion is None:
        raise NothingToDoError(f"Nothing to serve on {day}: no champion is effective yet.")
    same = [one for one in known if (one.model_id, one.sha256) == (champion.model_id, champion.sha256)]
    card: Mapping[str, Any] = read_card(registry, champion.model_id)
    return ServedModel(
        model_id=champion.model_id,
        effective_from=champion.effective_from,
        sha256=champion.sha256,
        compiled=same[0].compiled if same else compile_model(load_model(registry, champion.model_id)),
        validated=frozenset(card["fallbacks"]),
    )


def fingerprint(day: date, settings: Settings) -> tuple[Any, ...]:
    """What differs once a snapshot of the day would: registry, settings of record, policy, tables."""
    files = [stamp_of(path) for path in (registry_path(settings), history_path(settings), settings.policy)]
    versions = [tables.version_of(f"silver.{source.name}", settings) for source in lender().of_applicants]
    return (day, *files, *versions)


def describe_model(snapshot: Snapshot) -> dict[str, Any]:
    """The model that serves as the Open Inference Protocol describes one, and the memory a customer takes."""
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
