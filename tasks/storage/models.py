"""The model store: artefacts and cards by model id, and the append-only history of who served when."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import joblib

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.storage.durable import append_line, locked, sync_files, sync_folder

State = Literal["challenger", "approved", "champion", "retired", "rejected"]
GENESIS = "0" * 64
ARTEFACT, CARD, REFERENCE = "model.joblib", "card.json", "reference.json"


@dataclass(frozen=True)
class Entry:
    """One line of the registry: from `effective_from` on, `model_id` is in `state`.

    `by` is who decided, `sha256` the digest of the artefact, `previous` the digest of the line before, and
    `seal` that of the line's own other fields, so that an edit of the last line shows too.
    """

    effective_from: str
    model_id: str
    state: State
    by: str
    why: str
    sha256: str
    previous: str
    seal: str


def registry_path(settings: Settings) -> Path:
    """The append-only history, one JSON object a line."""
    return settings.model_store / "registry.jsonl"


def history(settings: Settings) -> list[Entry]:
    """All entries in order, with the chain of digests verified.

    Errors: ModelStoreError when a line was edited, removed or cannot be read.
    """
    path = registry_path(settings)
    if not path.exists():
        return []
    entries: list[Entry] = []
    previous = GENESIS
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ModelStoreError(
                f"{path} line {number} is not a registry entry; restore the file."
            ) from error
        if entry.previous != previous or entry.seal != _seal_of(entry):
            raise ModelStoreError(
                f"{path} was edited: line {number} does not follow from the one before. Restore a copy of it."
            )
        entries.append(entry)
        previous = hashlib.sha256(line.encode()).hexdigest()
    return entries


def record(
    settings: Settings, *, effective_from: date, model_id: str, state: State, by: str, why: str
) -> None:
    """Append one line to the registry, on disk before this returns; a crash leaves the file as it was."""
    path = registry_path(settings)
    digest = _digest(settings.model_store / model_id / ARTEFACT)
    with locked(path):
        entries = history(settings)
        lines = path.read_text(encoding="utf-8").splitlines() if entries else []
        previous = hashlib.sha256(lines[-1].encode()).hexdigest() if lines else GENESIS
        entry = Entry(str(effective_from), model_id, state, by, why, digest, previous, seal="")
        append_line(path, json.dumps(asdict(replace(entry, seal=_seal_of(entry)))))


def _seal_of(entry: Entry) -> str:
    fields = asdict(entry)
    del fields["seal"]
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def champion_on(day: date, settings: Settings) -> Entry | None:
    """The entry that made the champion effective on `day`; later entries do not count."""
    made = [e for e in history(settings) if e.state == "champion" and e.effective_from <= str(day)]
    return sorted(made, key=lambda entry: entry.effective_from)[-1] if made else None


def trained_until(day: date, settings: Settings) -> dict[str, Any] | None:
    """Card of the newest model trained before `day`, whatever became of it; None before the first."""
    ids = {e.model_id for e in history(settings) if e.state == "challenger" and e.effective_from < str(day)}
    cards = [read_card(model_id, settings) for model_id in ids]
    return max(cards, key=lambda card: card["as_of"], default=None)


def trained_after(day: date, settings: Settings) -> list[str]:
    """Ids of models trained later than `day`."""
    return [e.model_id for e in history(settings) if e.state == "challenger" and e.effective_from > str(day)]


def states_of(model_id: str, settings: Settings) -> list[State]:
    """The states a model went through, in order; empty when the registry does not know it."""
    return [e.state for e in history(settings) if e.model_id == model_id]


def save(
    model_id: str, settings: Settings, *, model: object, card: Mapping[str, Any], reference: Mapping[str, Any]
) -> None:
    """Write a model's folder whole or not at all; a model that is there already stays as it is."""
    target = settings.model_store / model_id
    if target.exists():
        return
    settings.model_store.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".tmp-", dir=settings.model_store))
    try:
        joblib.dump(model, work / ARTEFACT)
        (work / REFERENCE).write_text(json.dumps(reference, indent=1), encoding="utf-8")
        full_card = {**card, "sha256": _digest(work / ARTEFACT)}
        (work / CARD).write_text(json.dumps(full_card, indent=1), encoding="utf-8")
        sync_files(work)
        _publish(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sync_folder(settings.model_store)


def _publish(work: Path, target: Path) -> None:
    try:
        work.rename(target)
    except OSError:
        if not target.is_dir():  # else another run stored the same model first
            raise


def load(entry: Entry, settings: Settings) -> Any:
    """The model itself, after its digest was found to be the one in the registry.

    Errors: ModelStoreError when the artefact is missing or was changed.
    """
    path = settings.model_store / entry.model_id / ARTEFACT
    if not path.exists():
        raise ModelStoreError(f"{path} is missing, but the registry names it. Restore it, or train again.")
    if _digest(path) != entry.sha256:
        raise ModelStoreError(
            f"{path} is not the file that was registered (its digest differs), so it is not loaded. "
            "Restore it from a copy, or roll back to another model."
        )
    return joblib.load(path)


def read_card(model_id: str, settings: Settings) -> dict[str, Any]:
    """What the model was trained on and how it did."""
    return _read_json(settings.model_store / model_id / CARD)


def read_reference(model_id: str, settings: Settings) -> dict[str, Any]:
    """The distributions of the model's training data."""
    return _read_json(settings.model_store / model_id / REFERENCE)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ModelStoreError(f"{path} is missing. Restore it, or train again.")
    return json.loads(path.read_text(encoding="utf-8"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
