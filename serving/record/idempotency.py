"""A key that a caller gives a request: the same again gets the same answer, for a day, through restarts."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

KEPT = timedelta(hours=24)


class KeyReusedError(Exception):
    """The key came with another body before."""


class InFlightError(Exception):
    """The same request is being answered."""


@dataclass(frozen=True)
class Remembered:
    """The digest of a request's body, and its answers; None while it is being answered."""

    body: str
    answers: list[dict[str, Any]] | None
    at: datetime


def digest_of_body(path: str, body: bytes) -> str:
    """What tells two requests with one key apart."""
    return hashlib.sha256(path.encode() + b"\n" + body).hexdigest()


def digest_of_key(key: str) -> str:
    """What is kept of a key, which may be personal."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeysSeen:
    """The requests of the last 24 hours that came with a key, by its digest."""

    def __init__(self, lines: Iterable[dict[str, Any]], now: datetime) -> None:
        """Needs: the `lines` of the log, in order."""
        self._seen: dict[str, Remembered] = {}
        for line in lines:
            at = datetime.fromisoformat(line["at"])
            if line.get("key") and now - at < KEPT:
                before = self._seen.get(line["key"])
                answers = [*((before.answers or []) if before else []), line["answer"]]
                self._seen[line["key"]] = Remembered(line["body"], answers, at)

    def begin(self, key: str, body: str, now: datetime) -> list[dict[str, Any]] | None:
        """The answers that the key was given; None for a new one, which is in flight from now on.

        Raises: KeyReusedError, InFlightError.
        """
        self._forget_old(now)
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = Remembered(body, None, now)
            return None
        if seen.body != body:
            raise KeyReusedError
        if seen.answers is None:
            raise InFlightError
        return seen.answers

    def end(self, key: str, answers: list[dict[str, Any]] | None) -> None:
        """Keep the answers of a request in flight; None: it got none, and may be tried again."""
        seen = self._seen.pop(key)
        if answers is not None:
            self._seen[key] = Remembered(seen.body, answers, seen.at)

    def _forget_old(self, now: datetime) -> None:
        """Entries are in the order of their time."""
        for key in list(self._seen):
            if now - self._seen[key].at < KEPT:
                break
            del self._seen[key]
