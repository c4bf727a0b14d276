"""The history of months that were published and then restated: <datamart>/restatements.jsonl."""

import json
from collections.abc import Mapping
from typing import Any

from tasks.config import Settings
from tasks.place import Place
from tasks.store.text_files import append_line, change_text, read_text


def path_of_history(settings: Settings) -> Place:
    """The file itself, one JSON object a line, oldest first."""
    return settings.datamart / "restatements.jsonl"


def note(settings: Settings, entry: Mapping[str, Any], *, versions: Mapping[str, int]) -> None:
    """Append a line of history; `versions` are the Delta versions of the tables that hold what is replaced.

    A run that was killed after its line and is run again adds none: the line is there, with the versions
    from before the first attempt.
    """

    def with_entry(text: str) -> str | None:
        same = [line for line in _parse(text) if _subject(line) == _subject(entry)]
        if same and {**same[-1], "old_versions": None} == {**entry, "old_versions": None}:
            return None
        return append_line(text, json.dumps({**entry, "old_versions": dict(versions)}))

    change_text(path_of_history(settings), with_entry)


def _subject(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    return entry["snapshot_date"], entry["what"]


def read_history(settings: Settings) -> list[dict[str, Any]]:
    """All lines in order; empty before the first restatement."""
    return _parse(read_text(path_of_history(settings)))


def _parse(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
