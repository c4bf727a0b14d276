"""What was found and decided on the sources: one line each, none ever edited, beside their declarations."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from tasks.config import Settings
from tasks.errors import StorageError
from tasks.store.atomic_files import append_line, locked

What = Literal["check", "override", "use", "drop"]
Kinds = dict[str, str]  # "number" or "word" by name of a column


def path_of_decisions(settings: Settings) -> Path:
    """The file itself, oldest line first: governance/sources.jsonl beside governance/sources.toml."""
    return settings.sources.with_suffix(".jsonl")


def note_decision(what: What, source: str, fields: Mapping[str, Any], settings: Settings) -> None:
    """Append a line, with the time of it."""
    path, at = path_of_decisions(settings), datetime.now(UTC).isoformat(timespec="seconds")
    with locked(path):
        append_line(path, json.dumps({"what": what, "source": source, "at": at, **fields}))


def read_decisions(settings: Settings, *, source: str | None = None) -> list[dict[str, Any]]:
    """All lines in order, or those on one source; empty before the first."""
    path = path_of_decisions(settings)
    if not path.exists():
        return []
    lines = [
        _read_line(path, number, line) for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
    ]
    return [line for line in lines if source in (None, line["source"])]


def _read_line(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not {"what", "source"} <= fields.keys():
        raise StorageError(
            f"{path} line {number} is not a decision on a source. Restore the file from a copy."
        )
    return fields


def used_on(day: date | None, settings: Settings) -> dict[str, Kinds]:
    """The columns of each source in use on a day, or by the last decision; in the order of their names."""
    used: dict[str, Kinds] = {}
    for line in read_decisions(settings):
        if line["what"] in ("use", "drop") and (day is None or line["from"] <= str(day)):
            used[line["source"]] = line.get("columns", {})
    return {name: used[name] for name in sorted(used) if used[name]}


def dropped_on(day: date, source: str, settings: Settings) -> bool:
    """Whether the last decision on a source that holds on a day is to drop it."""
    held = [line for line in read_decisions(settings, source=source) if line.get("from", "9999") <= str(day)]
    return bool(held) and held[-1]["what"] == "drop"


def ever_used(settings: Settings) -> dict[str, Kinds]:
    """All columns that were ever in use, by source: models that learned from them go on reading them."""
    used: dict[str, Kinds] = {}
    for line in read_decisions(settings):
        if line["what"] == "use":
            used[line["source"]] = {**used.get(line["source"], {}), **line["columns"]}
    return {name: used[name] for name in sorted(used)}


def comparison_path(settings: Settings) -> Path:
    """What the last comparison of sources measured."""
    return settings.datamart / "sources" / "comparison.json"


def read_comparison(day: date, settings: Settings) -> dict[str, Any] | None:
    """The last comparison of sources, if it was of months before a day."""
    path = comparison_path(settings)
    if not path.exists():
        return None
    compared: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return compared if compared["known_on"] <= str(day) else None
