"""The files of a model, each checked by the digest under which the registry knows it when it is read."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.errors import ModelStoreError
from tasks.registry.compatibility import in_current_terms, require_features_made, require_same_library
from tasks.registry.history import Registry, registered_digests
from tasks.registry.models import ARTEFACT, CARD, CARD_TEXT, REFERENCE, digest_of


def load_model(registry: Registry, model_id: str) -> Any:
    """The model itself.

    Raises: ModelStoreError when its artefact is missing, changed or not registered, or is of another
    scikit-learn or of code that this one cannot stand in for.
    """
    if not registered_digests(registry, model_id):
        raise ModelStoreError(f"{model_id} is not in {registry.path}, so it is not loaded.")
    content, card = _read(registry, model_id, ARTEFACT), read_card(registry, model_id)
    require_same_library(card)
    require_features_made(card)
    from tasks.registry.artefact import load_artefact  # here, as it needs joblib, and cards alone do not

    try:
        return load_artefact(content)
    except (ImportError, AttributeError) as error:
        raise ModelStoreError(
            f"{model_id} is of code that this one does not know ({error}). Use the code that trained it "
            f"(revision {card['code']['revision']}), train a challenger, or roll back to another model."
        ) from error


def read_card(registry: Registry, model_id: str) -> dict[str, Any]:
    """What the model was trained on and how it did. Raises: ModelStoreError when it is missing or changed."""
    return in_current_terms(_read_json(registry, model_id, CARD))


def read_card_text(registry: Registry, model_id: str) -> str:
    """The card in words. Raises: ModelStoreError when it is missing or changed."""
    return _read(registry, model_id, CARD_TEXT).decode("utf-8")


def read_reference(registry: Registry, model_id: str) -> dict[str, Any]:
    """The distributions of the model's training data. Raises: ModelStoreError when missing or changed."""
    return _read_json(registry, model_id, REFERENCE)


def find_changed_files(registry: Registry, *, of: str | None = None) -> list[str]:
    """What is not as it was registered in the models' folders, or in that of one: file, what is wrong."""
    wrong: list[str] = []
    for model_id in dict.fromkeys(e.model_id for e in registry.entries if of in (None, e.model_id)):
        digests = registered_digests(registry, model_id)
        wrong += [f"{model_id}/{name} {why}" for name, why in _find_unknown(registry, model_id, digests)]
        for name, digest in digests.items():
            path = registry.path.parent / model_id / name
            if not path.exists():
                wrong.append(f"{model_id}/{name} is missing")
            elif digest_of(path) != digest:
                wrong.append(f"{model_id}/{name} was changed (its digest differs)")
    return wrong


def _find_unknown(registry: Registry, model_id: str, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Links in a model's folder, and files of which the registry knows no digest, each with what it is."""
    folder = registry.path.parent / model_id
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_symlink():
            yield path.name, "is a link"
        elif path.name not in known:
            yield path.name, "is not a file of the model"


def _read(registry: Registry, model_id: str, name: str) -> bytes:
    """The bytes of a file, read once: what was checked is what is used."""
    path = registry.path.parent / model_id / name
    if not path.exists():
        raise ModelStoreError(f"{path} is missing. Restore it from a copy, or train again.")
    content = path.read_bytes()
    digest = registered_digests(registry, model_id).get(name)
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise ModelStoreError(
            f"{path} is not the file that was registered (its digest differs), so it is not used. "
            "Restore it from a copy, or roll back to another model."
        )
    return content


def _read_json(registry: Registry, model_id: str, name: str) -> dict[str, Any]:
    try:
        return json.loads(_read(registry, model_id, name))
    except (ValueError, RecursionError) as error:
        path = registry.path.parent / model_id / name
        raise ModelStoreError(f"{path} cannot be read ({error}). Restore it from a copy.") from error
