"""Append-only histories: JSON lines, each sealed and carrying the digest of the line before it.

With a key each new line is signed as well (HMAC-SHA256), so that none can be written without the key.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from tasks.errors import ModelStoreError
from tasks.place import Place

GENESIS = "0" * 64
SEAL = ', "seal": "'  # what follows is the digest of the line without it
NOT_SIGNED = ("seal", "signature")  # fields of a line that its signature does not cover


def read_lines(
    text: str, path: Place, *, what: str, key: bytes | None = None, unsealed_first: bool = False
) -> list[dict[str, Any]]:
    """All lines of a history in order, with the chain of digests verified, and with a `key` the signatures.

    Needs:  the `path` of the file that held the text and `what` a line is, for the message; whether lines of
            older code may come first, unsealed (`unsealed_first`).
    Raises: ModelStoreError when a line was edited, removed or cannot be read, was signed with another key, or
            is not signed although one before it is.
    """
    lines: list[dict[str, Any]] = []
    previous, sealed, signed = GENESIS, not unsealed_first, False
    for number, line in enumerate(text.splitlines(), start=1):
        fields = _parse(line)
        if fields is None:
            raise ModelStoreError(f"{path} line {number} is not {what}; restore the file.")
        sealed = sealed or "seal" in fields
        if sealed and (fields.get("previous") != previous or not _is_sealed(line)):
            raise ModelStoreError(
                f"{path} was edited: line {number} does not follow from the one before. Restore a copy of it."
            )
        _require_signature(fields, path, number, key=key, signed=signed)
        signed = signed or bool(fields.get("signature"))
        lines.append(fields)
        previous = digest_of_line(line)
    return lines


def _require_signature(
    fields: Mapping[str, Any], path: Place, number: int, *, key: bytes | None, signed: bool
) -> None:
    """Do nothing if a line is signed with the key, or neither it nor one before it is `signed`."""
    signature = fields.get("signature", "")
    if signed and not signature:
        raise ModelStoreError(
            f"{path} was edited: line {number} is not signed, and one before it is. Restore a copy of it."
        )
    if signature and key and not hmac.compare_digest(str(signature), _sign(fields, key)):
        raise ModelStoreError(
            f"{path} line {number} was not signed with the key of VINTAGE_REGISTRY_KEY. Name the file of "
            "the right key, or restore a copy of the history."
        )


def seal_line(fields: Mapping[str, Any], before: str, key: bytes | None = None) -> str:
    """The line of these fields that follows the text `before` of a history, signed where there is a `key`."""
    return seal_after(fields, digest_of_last(before), key)


def seal_after(
    fields: Mapping[str, Any],
    previous: str,
    key: bytes | None = None,
    to_text: Callable[[Mapping[str, Any]], str] = json.dumps,
) -> str:
    """The line of these fields that follows one of the digest `previous`, signed where there is a `key`.

    Needs: `to_text`, which writes them as JSON of ASCII.
    """
    line = {**fields, "previous": previous}
    if key:
        line["signature"] = _sign(line, key)
    return _seal(to_text(line))


def require_key(text: str, path: Place, key: bytes | None) -> None:
    """Do nothing if a line may be added to a history.

    Raises: ModelStoreError when the lines that are there are signed, and there is no `key` to sign another.
    """
    lines = text.splitlines()
    if lines and key is None and (_parse(lines[-1]) or {}).get("signature"):
        raise ModelStoreError(
            f"{path} is signed, and nothing can be added to it without the key. Name the key's file in "
            "VINTAGE_REGISTRY_KEY."
        )


def digest_of_last(text: str) -> str:
    """Digest of the last line of a history, which the next one carries; GENESIS before the first."""
    lines = text.splitlines()
    return digest_of_line(lines[-1]) if lines else GENESIS


def digests_of_lines(text: str) -> set[str]:
    """Digests of all lines of a history, and that of the beginning of every history."""
    return {GENESIS, *map(digest_of_line, text.splitlines())}


def _parse(line: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def digest_of_line(line: str) -> str:
    """Digest of one line, which the next one carries."""
    return hashlib.sha256(line.encode()).hexdigest()


def _seal(text: str) -> str:
    return f'{text[:-1]}{SEAL}{digest_of_line(text)}"}}'


def _is_sealed(line: str) -> bool:
    """Whether a line ends in the seal of all that stands before it."""
    return line == _seal(f"{line.rpartition(SEAL)[0]}}}")


def _sign(fields: Mapping[str, Any], key: bytes) -> str:
    signed = {name: value for name, value in fields.items() if name not in NOT_SIGNED}
    return hmac.new(key, json.dumps(signed).encode(), hashlib.sha256).hexdigest()
