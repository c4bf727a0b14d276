"""The history of months that were published and then restated: <datamart>/restatements.jsonl."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.config import Settings
from tasks.store.atomic_files import append_line, locked


def path_of_history(settings: Settings) -> Path:
    """The file itself, one JSON object a line, oldest first."""
    return settings.datamart / "restatements.jsonl"


def note(settings: Settings, entry: Mapping[str, Any], *, versions: Mapping[str, int]) -> None:
    """Append a line of history; `versions` are the Delta versions of the tables that hold what is replaced.

    A run that was killed after its line and is run again adds none: the line is there, with the versions
    from before the first attempt.
    """
    path = path_of_history(settings)
    with locked(path):
        same = [line for line in read_history(settings) if _subject(line) == _subject(entry)]
        if not same or {**same[-1], "old_versions": None} != {**entry, "old_versions": None}:
            append_line(path, json.dumps({**entry, "old_versions": dict(versions)}))


def _subject(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    return entry["snapshot_date"], entry["what"]


def read_history(settings: Settings) -> list[dict[str, Any]]:
    """All lines in order; empty before the first restatement."""
    path = path_of_history(settings)
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
