"""The models' folders: artefact, card and reference of each, written whole, checked before they are used."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.place import ObjectPlace, Place
from tasks.store.folders import is_published, publish_folder

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
    if is_saved(model_id, settings):
        return
    import joblib  # here, as what reads figures does without

    with publish_folder(settings.model_store / model_id, last=CARD) as work:
        joblib.dump(model, work / ARTEFACT)
        (work / REFERENCE).write_text(json.dumps(reference, indent=1), encoding="utf-8")
        full_card = {**card, "sha256": digest_of(work / ARTEFACT)}
        (work / CARD).write_text(json.dumps(full_card, indent=1), encoding="utf-8")
        (work / CARD_TEXT).write_text(to_text(full_card), encoding="utf-8")


def is_saved(model_id: str, settings: Settings) -> bool:
    """Whether the model has a folder, whole."""
    return is_published(settings.model_store / model_id, last=CARD)


def list_folders(settings: Settings) -> list[str]:
    """Ids of the models that have a folder, whether or not the registry knows them."""
    whole = CARD if isinstance(settings.model_store, ObjectPlace) else ARTEFACT
    return sorted(path.parent.name for path in settings.model_store.glob(f"[!.]*/{whole}"))


def digests_of(model_id: str, settings: Settings) -> dict[str, str]:
    """SHA-256 of each file of a model's folder.

    Raises: ModelStoreError when the artefact is missing.
    """
    folder = settings.model_store / model_id
    if not (folder / ARTEFACT).exists():
        raise ModelStoreError(f"{folder / ARTEFACT} is missing. Restore it, or train again.")
    return {path.name: digest_of(path) for path in sorted(folder.iterdir()) if path.is_file()}


def digest_of(path: Place) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
