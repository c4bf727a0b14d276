"""What people decided on actions: <model_store>/actions.jsonl, sealed lines, none ever edited."""

from datetime import UTC, date, datetime
from typing import Any, Literal

from tasks.config import Settings
from tasks.place import Place
from tasks.store.sealed_files import append_sealed, read_sealed

What = Literal["close", "escalate"]
A_LINE = "a decision on an action"


def log_path(settings: Settings) -> Place:
    """The file itself, oldest line first."""
    return settings.model_store / "actions.jsonl"


def note_action(what: What, trigger: str, day: date, settings: Settings, *, by: str, reason: str) -> None:
    """Append a decision on the action of a trigger in the month of `day`, with the time of it."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"what": what, "trigger": trigger, "date": str(day), "by": by, "reason": reason, "at": at}
    append_sealed(log_path(settings), line, settings, what=A_LINE)


def decisions_of(day: date, settings: Settings) -> list[dict[str, Any]]:
    """The decisions on the actions of a month, in their order.

    Raises: ModelStoreError when a line was edited, removed or cannot be read.
    """
    lines = read_sealed(log_path(settings), settings, what=A_LINE)
    return [line for line in lines if line.get("date") == str(day)]
