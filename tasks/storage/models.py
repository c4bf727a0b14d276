"""The model store: artefacts and cards by model id, and the append-only history of who served when."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import joblib

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.storage.durable import locked, new_folder, sync_files, sync_folder, write_whole
from tasks.storage.sealed_lines import read_lines, seal_line

State = Literal["challenger", "approved", "champion", "retired", "rejected"]
ARTEFACT, CARD, CARD_TEXT, REFERENCE = "model.joblib", "card.json", "card.md", "reference.json"


@dataclass(frozen=True)
class Change:
    """A decision on one model: who moved it into which state, why, and on what figures."""

    model_id: str
    state: State
    by: str
    why: str
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Entry:
    """One line of the registry: from `effective_from` on, `model_id` is in `state`.

    `by` is who decided, `why` and `figures` on what grounds; `sha256` is the digest of the artefact, `files`
    those of the other files of its folder; `previous` is the digest of the line before, and `seal` that of
    the line's own other fields, so that an edit of the last line shows too.
    """

    effective_from: str
    model_id: str
    state: State
    by: str
    why: str
    sha256: str
    previous: str
    seal: str
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, str] = field(default_factory=dict[str, str])


def registry_path(settings: Settings) -> Path:
    """The append-only history, one JSON object a line."""
    return settings.model_store / "registry.jsonl"


def history(settings: Settings) -> list[Entry]:
    """All entries in order, with the chain of digests verified.

    Errors: ModelStoreError when a line was edited, removed or cannot be read.
    """
    path = registry_path(settings)
    lines = read_lines(path, what="a registry entry")
    try:
        return [Entry(**fields) for fields in lines]
    except TypeError as error:
        raise ModelStoreError(f"{path} holds a line that is no registry entry; restore the file.") from error


def record(settings: Settings, *, effective_from: date, changes: Sequence[Change]) -> None:
    """Append a line per change, all or none, on disk before this returns.

    A model becomes a challenger once: changes that make it one again, with what follows, are not written.
    Errors: ModelStoreError when a line that is there takes effect later: what served stays as it was.
    """
    path = registry_path(settings)
    with locked(path):
        entries = history(settings)
        known = {entry.model_id for entry in entries}
        if any(change.state == "challenger" and change.model_id in known for change in changes):
            return
        refuse_in_the_past(effective_from, settings)
        text = path.read_text(encoding="utf-8") if entries else ""
        for change in changes:
            digests = _registered(change.model_id, entries) or _digests_of(change.model_id, settings)
            text += _line_of(change, effective_from, text, digests) + "\n"
        write_whole(path, text)


def refuse_in_the_past(effective_from: date, settings: Settings) -> None:
    """Do nothing if a decision can take effect on the day.

    Errors: ModelStoreError when a line that is there takes effect later: what served stays as it was.
    """
    latest = max((entry.effective_from for entry in history(settings)), default="")
    if latest > str(effective_from):
        raise ModelStoreError(
            f"{registry_path(settings)} already holds a decision of {latest}, so none can take effect on "
            f"{effective_from}: history is not edited. Use a date from {latest} on."
        )


def _registered(model_id: str, entries: Sequence[Entry]) -> dict[str, str]:
    """Digests of the model's files when it was first registered: a later decision vouches for no others."""
    first = next((entry for entry in entries if entry.model_id == model_id), None)
    return {ARTEFACT: first.sha256, **first.files} if first else {}


def _line_of(change: Change, effective_from: date, before: str, digests: Mapping[str, str]) -> str:
    fields = {
        "effective_from": str(effective_from),
        **asdict(change),
        "sha256": digests[ARTEFACT],
        "files": {name: digest for name, digest in digests.items() if name != ARTEFACT},
    }
    return seal_line(fields, before)


def _digests_of(model_id: str, settings: Settings) -> dict[str, str]:
    """SHA-256 of each file of a model's folder.

    Errors: ModelStoreError when the artefact is missing.
    """
    folder = settings.model_store / model_id
    if not (folder / ARTEFACT).exists():
        raise ModelStoreError(f"{folder / ARTEFACT} is missing. Restore it, or train again.")
    return {path.name: _digest(path) for path in sorted(folder.iterdir()) if path.is_file()}


def refuse_lost_history(day: date, settings: Settings) -> None:
    """Do nothing if there is a history, or no model but one of `day`, whose first training was cut short.

    Errors: ModelStoreError: a second history would begin, and none of the models would ever serve again.
    """
    lost = [name for name in list_folders(settings) if not name.startswith(f"{day}-")]
    if lost and not history(settings):
        raise ModelStoreError(
            f"{registry_path(settings)} is missing or empty, and {', '.join(lost)} are there. Restore it "
            "from a copy, or move the models away to begin anew."
        )


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


def trained_on(day: date, settings: Settings) -> list[str]:
    """Ids of models trained on `day`."""
    return [e.model_id for e in history(settings) if e.state == "challenger" and e.effective_from == str(day)]


def state_on(day: date, model_id: str, settings: Settings) -> State | None:
    """The state a model is in on `day`, later lines not counted; None when the registry does not know it."""
    its = [e for e in history(settings) if e.model_id == model_id and e.effective_from <= str(day)]
    return its[-1].state if its else None


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
        full_card = {**card, "sha256": _digest(work / ARTEFACT)}
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
    if _digest(path) != entry.sha256:
        raise ModelStoreError(
            f"{path} is not the file that was registered (its digest differs), so it is not loaded. "
            "Restore it from a copy, or roll back to another model."
        )
    return joblib.load(path)


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


def find_changed_files(settings: Settings, *, of: str | None = None) -> list[str]:
    """What is not as it was registered in the models' folders (in that `of` one): a file and what is wrong.

    Errors: ModelStoreError when the history itself was edited.
    """
    wrong: list[str] = []
    for entry in {e.model_id: e for e in history(settings) if of in (None, e.model_id)}.values():
        for name, digest in {ARTEFACT: entry.sha256, **entry.files}.items():
            path = settings.model_store / entry.model_id / name
            if not path.exists():
                wrong.append(f"{entry.model_id}/{name} is missing")
            elif _digest(path) != digest:
                wrong.append(f"{entry.model_id}/{name} was changed (its digest differs)")
    return wrong


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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
