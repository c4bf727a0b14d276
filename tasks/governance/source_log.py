"""What was found and decided on the sources: one line each, none ever edited, beside their declarations.

Each line is sealed and carries the digest of the one before it; the first may be of older code and unsealed.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.store.sealed_files import append_sealed, read_sealed

What = Literal["check", "override", "use", "drop", "retire", "restore", "capture"]
Kinds = dict[str, str]  # "number" or "word" by name of a column
Line = dict[str, Any]
A_LINE = "a decision on a source"
SINCE_SEALED = ("retire", "restore", "capture")  # kinds of lines that no older code wrote


def path_of_decisions(settings: Settings) -> Path:
    """The file itself, oldest line first: governance/sources.jsonl beside governance/sources.toml."""
    return settings.sources.with_suffix(".jsonl")


def note_decision(what: What, source: str, fields: Mapping[str, Any], settings: Settings) -> None:
    """Append a line, with the time of it."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"what": what, "source": source, "at": at, **fields}
    append_sealed(path_of_decisions(settings), line, settings, what=A_LINE)


def read_decisions(settings: Settings, *, source: str | None = None) -> list[Line]:
    """All lines in order, or those on one source; empty before the first.

    Raises: ModelStoreError when a line was edited, removed or cannot be read.
    """
    path = path_of_decisions(settings)
    lines = read_sealed(path, settings, what=A_LINE)
    for number, line in enumerate(lines, 1):
        unsealed = line.get("what") in SINCE_SEALED and "seal" not in line
        if not {"what", "source"} <= line.keys() or unsealed:
            raise ModelStoreError(f"{path} line {number} is not {A_LINE}; restore the file from a copy.")
    return [line for line in lines if source in (None, line["source"])]


def effective_on(day: date | None, settings: Settings) -> list[Line]:
    """The decisions that hold on a day, or all of them; in their order."""
    lines = [line for line in read_decisions(settings) if "from" in line]
    return [line for line in lines if day is None or line["from"] <= str(day)]


def used_on(day: date | None, settings: Settings) -> dict[str, Kinds]:
    """The columns of each source of another team in use on a day, or by the last decision; by name, in order.

    One that is retired is not in use.
    """
    lines = effective_on(day, settings)
    used = {line["source"]: line.get("columns", {}) for line in lines if line["what"] in ("use", "drop")}
    retired = _retired_by(lines)
    return {name: used[name] for name in sorted(used) if used[name] and name not in retired}


def retired_on(day: date | None, settings: Settings) -> dict[str, date]:
    """The sources that are retired on a day, or by the last decision, with the day from which each is."""
    return _retired_by(effective_on(day, settings))


def retirements(settings: Settings) -> dict[str, Line]:
    """The last line by which each source was retired, restored since or not."""
    return {line["source"]: line for line in read_decisions(settings) if line["what"] == "retire"}


def _retired_by(lines: list[Line]) -> dict[str, date]:
    last = {line["source"]: line for line in lines if line["what"] in ("retire", "restore")}
    retired = {name: line for name, line in last.items() if line["what"] == "retire"}
    return {name: date.fromisoformat(retired[name]["from"]) for name in sorted(retired)}


def dropped_on(day: date, source: str, settings: Settings) -> bool:
    """Whether by the last decision that holds on a day the source is dropped or retired."""
    held = [line for line in effective_on(day, settings) if line["source"] == source]
    return bool(held) and held[-1]["what"] in ("drop", "retire")


def ever_used(settings: Settings) -> dict[str, Kinds]:
    """All columns that were ever in use, by source: models that learned from them go on reading them."""
    used: dict[str, Kinds] = {}
    for line in read_decisions(settings):
        if line["what"] == "use":
            used[line["source"]] = {**used.get(line["source"], {}), **line["columns"]}
    return {name: used[name] for name in sorted(used)}
