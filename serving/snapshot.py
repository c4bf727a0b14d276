"""All that answers rest on, loaded together: a day's champion, its policy, what is known of customers."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from serving.customer_state import CustomerState, load_state
from tasks.config import Settings
from tasks.errors import NothingToDoError, VintageError
from tasks.lender.current import lender
from tasks.place import stamp_of
from tasks.registry.history import Registry, champion_on, load_registry, registered_digests, registry_path
from tasks.registry.models import ARTEFACT
from tasks.registry.registered_files import load_model, read_card, read_reference
from tasks.registry.settings_history import history_path
from tasks.registry.settings_of_record import policy_on
from tasks.scoring.compiled_model import CompiledModel, compile_model
from tasks.scoring.shadow_log import path_of_orders, shadows_on
from tasks.sources.tasks import files_of, sources_of, sources_to_take_in
from tasks.store import tables

LOG = logging.getLogger("vintage")


@dataclass(frozen=True)
class ServedModel:
    """A champion, compiled: its score paths that were validated before it served, and its features."""

    model_id: str
    effective_from: str
    sha256: str
    compiled: CompiledModel
    validated: frozenset[str]
    reference: Mapping[str, Any]  # the distributions that it learned from


@dataclass(frozen=True)
class Snapshot:
    """What a request is answered by, whole: one model, one policy, one state, as of one day."""

    day: date
    model: ServedModel
    policy: str
    policy_digest: str
    cutoff_pd: float
    state: CustomerState
    shadows: tuple[ServedModel, ...] = ()  # they score what was answered, and decide nothing

    @property
    def models(self) -> list[str]:
        """The ids of the models that score, the one that decides first."""
        return [self.model.model_id, *(one.model_id for one in self.shadows)]


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
    model = load_served(registry, day, known)
    shadows = load_shadows(registry, day, settings, beside=model, known=known)
    others = sources_of([one.model_id for one in (model, *shadows)], settings)
    return Snapshot(
        day=day,
        model=model,
        policy=adopted.policy.version,
        policy_digest=adopted.digest,
        cutoff_pd=adopted.policy.cutoff_pd,
        state=load_state(day, settings, customers=customers, others=others),
        shadows=shadows,
    )


def load_served(registry: Registry, day: date, known: Sequence[ServedModel] = ()) -> ServedModel:
    """The champion effective on a day, its files verified by their digests.

    Raises: NothingToDoError where there is none; ModelStoreError.
    """
    champion = champion_on(registry, day)
    if champion is None:
        raise NothingToDoError(f"Nothing to serve on {day}: no champion is effective yet.")
    return _served(registry, champion.model_id, champion.effective_from, known)


def load_shadows(
    registry: Registry, day: date, settings: Settings, *, beside: ServedModel, known: Sequence[ServedModel]
) -> tuple[ServedModel, ...]:
    """The models in the shadow of a champion on a day; one that cannot be used is told in a warning."""
    found: list[ServedModel] = []
    try:
        for model_id in shadows_on(day, settings):
            if model_id != beside.model_id:
                found.append(_served(registry, model_id, str(day), [beside, *known]))
    except VintageError as error:
        LOG.warning("No shadow run on %s: %s", day, error)
    return tuple(found)


def _served(
    registry: Registry, model_id: str, effective_from: str, known: Sequence[ServedModel]
) -> ServedModel:
    digest = registered_digests(registry, model_id).get(ARTEFACT, "")
    same = [one for one in known if (one.model_id, one.sha256) == (model_id, digest)]
    card: Mapping[str, Any] = read_card(registry, model_id)
    return ServedModel(
        model_id=model_id,
        effective_from=effective_from,
        sha256=digest,
        compiled=same[0].compiled if same else compile_model(load_model(registry, model_id)),
        validated=frozenset(card["fallbacks"]),
        reference=read_reference(registry, model_id),
    )


class Fingerprint(NamedTuple):
    """What differs once a snapshot of the day would: registry, settings, policy; tables, others' files."""

    day: date
    files: tuple[Any, ...]
    versions: tuple[Any, ...]

    @property
    def of_state(self) -> tuple[Any, ...]:
        """What differs once the state of customers would."""
        return (self.day, self.versions)


def fingerprint(day: date, settings: Settings, addresses: Mapping[str, str]) -> Fingerprint:
    """As of now.

    Needs: `addresses`, what changes with the files at addresses that other teams' sources lie at.
    """
    orders = path_of_orders(settings)
    rested_on = (registry_path(settings), history_path(settings), orders, settings.policy)
    versions = [tables.version_of(f"silver.{source.name}", settings) for source in lender().of_applicants]
    others = [stamp_of(path) for path in files_of(sources_to_take_in(settings), settings)]
    return Fingerprint(
        day, tuple(stamp_of(path) for path in rested_on), (*versions, *others, *addresses.items())
    )


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
