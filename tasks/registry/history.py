"""The registry: the append-only, hash-chained history of which model was in which state, from which day."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.place import Place
from tasks.registry.anchors import require_anchored
from tasks.registry.models import ARTEFACT, digests_of, list_folders
from tasks.registry.records import OVERRIDE, RECALIBRATED, Change, Entry, Standing, State
from tasks.store.sealed_files import read_key
from tasks.store.sealed_lines import digest_of_last, read_lines, require_key, seal_line
from tasks.store.text_files import change_text, read_text

# The states from which a model may come into each state; None is that of a model before its first line.
PRECEDING: Mapping[State, tuple[State | None, ...]] = {
    "challenger": (None,),
    "approved": ("challenger", "rejected"),
    "rejected": ("challenger",),
    "champion": ("approved", "retired"),
    "retired": ("champion",),
}


@dataclass(frozen=True)
class Registry:
    """The history as it was when it was loaded: its lines in order, and the digest of the last one.

    A decision rests on this state, so it is recorded only while the file still ends with that line.
    """

    path: Place
    entries: tuple[Entry, ...]
    head: str


def registry_path(settings: Settings) -> Place:
    """The append-only history, one JSON object a line."""
    return settings.model_store / "registry.jsonl"


def load_registry(settings: Settings) -> Registry:
    """The whole history, with the chain of digests verified; empty before the first model.

    Raises: ModelStoreError when a line was edited, removed or cannot be read, when it lacks the line by which
    a table was written, or when the key of the settings did not sign it.
    """
    path = registry_path(settings)
    text = read_text(path)
    registry = _parse(text, path, read_key(settings))
    require_anchored("registry", text, path, settings)
    return registry


def _parse(text: str, path: Place, key: bytes | None) -> Registry:
    lines = read_lines(text, path, what="a registry entry", key=key)
    try:
        entries = tuple(Entry(**fields) for fields in lines)
    except TypeError as error:
        raise ModelStoreError(f"{path} holds a line that is no registry entry; restore the file.") from error
    return Registry(path, entries, digest_of_last(text))


def record(
    registry: Registry, settings: Settings, *, effective_from: date, changes: Sequence[Change]
) -> None:
    """Append a line per change, all or none, on disk before this returns.

    A model becomes a challenger once: changes that make it one again, with what follows, are not written.
    Raises: ModelStoreError when the history has gone on since `registry` was loaded, on which the decision
    rests, or a line that is there takes effect later.
    """
    path, key = registry.path, read_key(settings)

    def with_changes(text: str) -> str | None:
        now = _parse(text, path, key)
        known = {entry.model_id for entry in now.entries}
        if any(change.state == "challenger" and change.model_id in known for change in changes):
            return None
        if now.head != registry.head:
            raise ModelStoreError(
                f"{path} was changed while this was decided, so nothing was recorded. Look at "
                "what was decided meanwhile with: vintage models list; then run the same command again."
            )
        require_not_past(now, effective_from)
        require_key(text, path, key)
        for change in changes:
            digests = registered_digests(now, change.model_id) or digests_of(change.model_id, settings)
            text += seal_line(_fields_of(change, effective_from, digests), text, key) + "\n"
        return text

    change_text(path, with_changes)


def require_not_past(registry: Registry, effective_from: date) -> None:
    """Do nothing if a decision can take effect on the day.

    Raises: ModelStoreError when a line that is there takes effect later: what served stays as it was.
    """
    latest = _latest(registry)
    if latest > str(effective_from):
        raise ModelStoreError(
            f"{registry.path} already holds a decision of {latest}, so none can take effect on "
            f"{effective_from}: history is not edited. Use a date from {latest} on."
        )


def _latest(registry: Registry) -> str:
    return max((entry.effective_from for entry in registry.entries), default="")


def require_history(registry: Registry, day: date, settings: Settings) -> None:
    """Do nothing if there is a history, or no model but one of `day`, whose first training was cut short.

    Raises: ModelStoreError: a second history would begin, and none of the models would ever serve again.
    """
    lost = [name for name in list_folders(settings) if not name.startswith(f"{day}-")]
    if lost and not registry.entries:
        raise ModelStoreError(
            f"{registry.path} is missing or empty, and {', '.join(lost)} are there. Restore it "
            "from a copy, or begin anew with an empty --datamart and --model-store."
        )


def champion_on(registry: Registry, day: date) -> Entry | None:
    """The entry that made the champion effective on `day`; later entries do not count."""
    made = [e for e in registry.entries if e.state == "champion" and e.effective_from <= str(day)]
    return sorted(made, key=lambda entry: entry.effective_from)[-1] if made else None


def champion_before(registry: Registry, day: date) -> Entry | None:
    """The entry of the champion that served before the one effective on `day`, if another model did."""
    serving = champion_on(registry, day)
    if serving is None:
        return None
    made = [e for e in registry.entries[: registry.entries.index(serving)] if e.state == "champion"]
    former = [entry for entry in made if entry.model_id != serving.model_id]
    return former[-1] if former else None


def _trainings(registry: Registry) -> list[Entry]:
    """The lines that made a newly trained model a challenger; a recalibration trains none."""
    return [e for e in registry.entries if e.state == "challenger" and RECALIBRATED not in e.model_id]


def newest_trained_before(registry: Registry, day: date) -> str | None:
    """Id of the newest model trained before `day`, whatever became of it; None before the first."""
    made = [e for e in _trainings(registry) if e.effective_from < str(day)]
    return sorted(made, key=lambda entry: entry.effective_from)[-1].model_id if made else None


def trained_after(registry: Registry, day: date) -> list[str]:
    """Ids of models trained later than `day`."""
    return [e.model_id for e in _trainings(registry) if e.effective_from > str(day)]


def trained_on(registry: Registry, day: date) -> list[str]:
    """Ids of models trained on `day`."""
    return [e.model_id for e in _trainings(registry) if e.effective_from == str(day)]


def state_on(registry: Registry, day: date, model_id: str) -> State | None:
    """The state a model is in on `day`, later lines not counted; None when the registry does not know it."""
    lines = [e for e in registry.entries if e.model_id == model_id and e.effective_from <= str(day)]
    return lines[-1].state if lines else None


def standing_on(registry: Registry, day: date) -> Standing:
    """Where the models stand on a day."""
    champion = champion_on(registry, day)
    return Standing(
        day=day,
        states={e.model_id: e.state for e in registry.entries if e.effective_from <= str(day)},
        champion=champion.model_id if champion else None,
        trained_before=newest_trained_before(registry, day),
        trained=trained_on(registry, day),
        trained_after=trained_after(registry, day),
        latest=_latest(registry),
    )


def champion_before_override(registry: Registry, day: date) -> str | None:
    """The champion in whose place a person put that of the day against the gate; None where nobody did."""
    serving = champion_on(registry, day)
    if serving is None or not serving.why.startswith(OVERRIDE):
        return None
    before = registry.entries[: registry.entries.index(serving)]
    former = [e.model_id for e in before if e.state == "champion" and e.model_id != serving.model_id]
    return former[-1] if former else None


def find_impossible_lines(registry: Registry) -> list[str]:
    """Lines that no decision leads to: a state that cannot follow the one before, a second champion."""
    states: dict[str, State] = {}
    wrong: list[str] = []
    for number, entry in enumerate(registry.entries, start=1):
        before = states.get(entry.model_id)
        if before not in PRECEDING[entry.state]:
            wrong.append(
                f"line {number}: {entry.model_id} cannot be {entry.state} after {before or 'nothing'}"
            )
        if entry.state == "approved" and before == "rejected" and not entry.why.startswith(OVERRIDE):
            wrong.append(f"line {number}: {entry.model_id} is approved after a rejection, by no override")
        if entry.state == "champion" and list(states.values()).count("champion") > 1:
            wrong.append(f"line {number}: {entry.model_id} is champion beside two others")
        states[entry.model_id] = entry.state
    serving = [model_id for model_id, state in states.items() if state == "champion"]
    return wrong + ([f"{' and '.join(serving)} are champions at once"] if len(serving) > 1 else [])


def registered_digests(registry: Registry, model_id: str) -> dict[str, str]:
    """Digests of a model's files, by name, when it was first registered: later ones vouch for no others."""
    first = next((entry for entry in registry.entries if entry.model_id == model_id), None)
    return {ARTEFACT: first.sha256, **first.files} if first else {}


def _fields_of(change: Change, effective_from: date, digests: Mapping[str, str]) -> dict[str, Any]:
    return {
        "effective_from": str(effective_from),
        **asdict(change),
        "sha256": digests[ARTEFACT],
        "files": {name: digest for name, digest in digests.items() if name != ARTEFACT},
    }
