"""The models' folders: artefact, card and reference of each, written whole, checked before they are used."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import joblib

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.schemas.registry import Entry
from tasks.storage.durable import new_folder, sync_files, sync_folder

ARTEFACT, CARD, CARD_TEXT, REFERENCE = "model.joblib", "card.json", "card.md", "reference.json"


def save(
    model_id: str,
    settings: Settings,
    *,
    model: object,
    card: Mapping[str, Any],
    reference: Mapping[str, Any],
    to_text: Callable[[Mapping[str, Any]], str],
) -> None:
    """Write a model's folder whole or not at all; a model that is there already stays as it is.

    Needs:  `to_text`, which words the card for people.
    """
    target = settings.model_store / model_id
    if target.exists():
        return
    with new_folder(target) as work:
        joblib.dump(model, work / ARTEFACT)
        (work / REFERENCE).write_text(json.dumps(reference, indent=1), encoding="utf-8")
        full_card = {**card, "sha256": digest_of(work / ARTEFACT)}
        (work / CARD).write_text(json.dumps(full_card, indent=1), encoding="utf-8")
        (work / CARD_TEXT).write_text(to_text(full_card), encoding="utf-8")
        sync_files(work)
    sync_folder(settings.model_store)


def load(entry: Entry, settings: Settings) -> Any:
    """The model itself, after its digest was found to be the one in the registry.

    Errors: ModelStoreError when the artefact is missing or was changed.
    """
    path = settings.model_store / entry.model_id / ARTEFACT
    if not path.exists():
        raise ModelStoreError(f"{path} is missing, but the registry names it. Restore it, or train again.")
    content = path.read_bytes()  # the file is read once: what was checked is what is loaded
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ModelStoreError(
            f"{path} is not the file that was registered (its digest differs), so it is not loaded. "
            "Restore it from a copy, or roll back to another model."
        )
    return joblib.load(io.BytesIO(content))


def read_card(model_id: str, settings: Settings) -> dict[str, Any]:
    """What the model was trained on and how it did."""
    return _read_json(settings.model_store / model_id / CARD)


def read_card_text(model_id: str, settings: Settings) -> str:
    """The card in words."""
    path = settings.model_store / model_id / CARD_TEXT
    if not path.exists():
        raise ModelStoreError(f"{path} is missing. Restore it, or train again.")
    return path.read_text(encoding="utf-8")


def list_folders(settings: Settings) -> list[str]:
    """Ids of the models that have a folder, whether or not the registry knows them."""
    return sorted(path.parent.name for path in settings.model_store.glob(f"[!.]*/{ARTEFACT}"))


def digests_of(model_id: str, settings: Settings) -> dict[str, str]:
    """SHA-256 of each file of a model's folder.

    Errors: ModelStoreError when the artefact is missing.
    """
    folder = settings.model_store / model_id
    if not (folder / ARTEFACT).exists():
        raise ModelStoreError(f"{folder / ARTEFACT} is missing. Restore it, or train again.")
    return {path.name: digest_of(path) for path in sorted(folder.iterdir()) if path.is_file()}


def read_reference(model_id: str, settings: Settings) -> dict[str, Any]:
    """The distributions of the model's training data."""
    return _read_json(settings.model_store / model_id / REFERENCE)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ModelStoreError(f"{path} is missing. Restore it, or train again.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelStoreError(f"{path} cannot be read ({error}). Restore it from a copy.") from error


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
