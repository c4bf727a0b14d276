"""Append-only histories: JSON lines, each sealed and carrying the digest of the line before it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.errors import ModelStoreError

GENESIS = "0" * 64


def read_lines(text: str, path: Path, *, what: str) -> list[dict[str, Any]]:
    """All lines of a history in order, with the chain of digests verified.

    Needs:  the `path` of the file that held the text and `what` a line is, for the message.
    Raises: ModelStoreError when a line was edited, removed or cannot be read.
    """
    lines: list[dict[str, Any]] = []
    previous = GENESIS
    for number, line in enumerate(text.splitlines(), start=1):
        fields = _parse(line)
        if fields is None:
            raise ModelStoreError(f"{path} line {number} is not {what}; restore the file.")
        if fields.get("previous") != previous or fields.get("seal") != _seal_of(fields):
            raise ModelStoreError(
                f"{path} was edited: line {number} does not follow from the one before. Restore a copy of it."
            )
        lines.append(fields)
        previous = _digest_of(line)
    return lines


def seal_line(fields: Mapping[str, Any], before: str) -> str:
    """The line of these fields that follows the text `before` of a history."""
    chained = {**fields, "previous": digest_of_last(before)}
    return json.dumps({**chained, "seal": _seal_of(chained)})


def digest_of_last(text: str) -> str:
    """Digest of the last line of a history, which the next one carries; GENESIS before the first."""
    lines = text.splitlines()
    return _digest_of(lines[-1]) if lines else GENESIS


def _parse(line: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _digest_of(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _seal_of(fields: Mapping[str, Any]) -> str:
    sealed = {name: value for name, value in fields.items() if name != "seal"}
    return hashlib.sha256(json.dumps(sealed).encode()).hexdigest()
