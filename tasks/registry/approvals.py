"""Decisions of people on models: approve, reject, roll back. Each adds lines to the registry, edits none."""

from datetime import date

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.registry.approver import require_name_and_reason
from tasks.registry.history import Registry, champion_on, load_registry, record, state_on
from tasks.registry.records import GATE, OVERRIDE, ROLLED_BACK, Change, State, take_over
from tasks.registry.registered_files import find_changed_files, read_card


def approve(
    model_id: str, day: date, *, by: str, reason: str, settings: Settings, override: bool = False
) -> None:
    """Make a waiting challenger the champion from `day` on; as an `override`, one that the gate rejected.

    An override says so in the registry and ends when the gate rejects the next challenger.
    Raises: UsageError without a name or a reason; ModelStoreError when the model does not wait on that day
    (was not rejected by the gate), its files were changed, who approves has trained it, or it was judged
    against a champion that serves no more.
    """
    require_name_and_reason(by, reason)
    registry = load_registry(settings)
    if override:
        _require_rejected_by_gate(registry, model_id, day)
        reason = OVERRIDE + reason
    else:
        fix = "Only a waiting challenger is approved; what the gate rejected needs --override."
        _require_state(registry, model_id, day, ("challenger",), fix=fix)
    _require_unchanged(registry, model_id)
    card = read_card(registry, model_id)
    if by.strip().casefold() == card["trained_by"].strip().casefold():
        raise ModelStoreError(f"{by} trained {model_id}, and who trains does not approve. Ask someone else.")
    champion = _champion_of(registry, day)
    if champion != card["gate"]["champion"]:
        raise ModelStoreError(
            f"{model_id} was judged against {card['gate']['champion'] or 'no champion'}, but on {day} "
            f"{champion or 'no model'} serves. Reject it, and train a challenger to the champion of the day."
        )
    changes = take_over(model_id, champion, by=by, why=reason, figures=card["gate"]["figures"])
    record(registry, settings, effective_from=day, changes=changes)


def reject(model_id: str, day: date, *, by: str, reason: str, settings: Settings) -> None:
    """Let a waiting challenger never serve.

    Raises: UsageError without a name or a reason; ModelStoreError when the model does not wait on that day.
    """
    require_name_and_reason(by, reason)
    fix = "Only a waiting challenger is rejected; a champion is replaced with: vintage models rollback"
    registry = load_registry(settings)
    _require_state(registry, model_id, day, ("challenger",), fix=fix)
    figures = read_card(registry, model_id)["gate"]["figures"]
    changes = [Change(model_id, "rejected", by, reason, figures)]
    record(registry, settings, effective_from=day, changes=changes)


def roll_back(to: str, day: date, *, by: str, reason: str, settings: Settings) -> str:
    """Let a former champion serve again from `day` on; return the id of the model that it replaces.

    A replay of an earlier day still finds the champion of that day.
    Raises: UsageError without a name or a reason; ModelStoreError when the model was no champion before
    `day`, its files were changed, or a decision of a later day is in the registry.
    """
    require_name_and_reason(by, reason)
    registry = load_registry(settings)
    _require_state(registry, to, day, ("retired",), fix="Only a former champion can serve again.")
    _require_unchanged(registry, to)
    champion = _champion_of(registry, day) or "no model"
    changes = [Change(to, "champion", by, reason), Change(champion, "retired", by, f"{ROLLED_BACK}{to}")]
    record(registry, settings, effective_from=day, changes=changes)
    return champion


def _require_state(
    registry: Registry, model_id: str, day: date, states: tuple[State, ...], *, fix: str
) -> None:
    state = state_on(registry, day, model_id)
    if state not in states:
        found = f"is {state}" if state else "is not in the registry"
        raise ModelStoreError(
            f"{model_id} {found} on {day} ({registry.path}). {fix} See: vintage models list"
        )


def _require_rejected_by_gate(registry: Registry, model_id: str, day: date) -> None:
    fix = "An override lets serve what the gate rejected."
    _require_state(registry, model_id, day, ("rejected",), fix=fix)
    rejected = [e for e in registry.entries if e.model_id == model_id and e.state == "rejected"]
    if rejected[-1].by != GATE:
        raise ModelStoreError(
            f"{model_id} was rejected by {rejected[-1].by}, not by the gate, and no override undoes that. "
            "Train another challenger."
        )


def _require_unchanged(registry: Registry, model_id: str) -> None:
    broken = find_changed_files(registry, of=model_id)
    if broken:
        raise ModelStoreError(f"{model_id} cannot serve: {broken[0]}. Restore it from a copy.")


def _champion_of(registry: Registry, day: date) -> str | None:
    champion = champion_on(registry, day)
    return champion.model_id if champion else None
