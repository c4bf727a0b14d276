"""Who may call: bearer tokens, of which only digests are kept, on record in sealed lines."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.place import Place
from tasks.store.sealed_files import append_sealed, read_sealed

Scope = Literal["score", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
A_LINE = "a line on a token of the scoring service"
PER_SECOND = 100.0  # requests that a token may make unless it says otherwise


@dataclass
class Bucket:
    """What fills by so many a second, up to what it `holds`."""

    per_second: float
    holds: float
    left: float = 1.0
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether there was one left. Needs: `now`, seconds of a clock that goes forwards only."""
        self.left = min(self.holds, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass
class Token:
    """Whose token it is, what it may do, and how many requests a second, of which that many at once."""

    name: str
    scopes: frozenset[str]
    per_second: float
    requests: Bucket = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with a full bucket."""
        self.requests = Bucket(self.per_second, max(1.0, self.per_second))

    def take(self, now: float) -> bool:
        """Whether a request fits in the rate. Needs: as `Bucket.take`."""
        return self.requests.take(now)


def tokens_path(settings: Settings) -> Place:
    """The history of tokens, beside the tables that they give access to."""
    return settings.datamart / "serve_tokens.jsonl"


def add_token(name: str, scopes: list[str], settings: Settings, *, per_second: float = PER_SECOND) -> str:
    """Let a caller in; return its token, which is kept nowhere.

    Raises: UsageError for a name that has a token, or a scope that there is not.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise UsageError(f"There is no scope {', '.join(unknown)!r}; choose from {', '.join(SCOPES)}.")
    if name in {token.name for token in load_tokens(settings).values()}:
        raise UsageError(f"{name} has a token. Revoke it first with: vintage serve token revoke {name}")
    token = secrets.token_urlsafe(32)
    settings.datamart.mkdir(parents=True, exist_ok=True)
    line = {"what": "add", "name": name, "sha256": digest_of_token(token), "scopes": sorted(set(scopes))}
    _append({**line, "per_second": per_second}, settings)
    return token


def revoke_token(name: str, settings: Settings) -> None:
    """Let a caller in no more. Raises: UsageError where none of that name has a token."""
    if name not in {token.name for token in load_tokens(settings).values()}:
        raise UsageError(f"{tokens_path(settings)} holds no token of {name!r} that is not revoked.")
    _append({"what": "revoke", "name": name}, settings)


def load_tokens(settings: Settings) -> dict[str, Token]:
    """The tokens that hold, by digest. Raises: ModelStoreError for an edited history."""
    held: dict[str, Token] = {}
    for line in read_sealed(tokens_path(settings), settings, what=A_LINE):
        if line["what"] == "add":
            held[line["sha256"]] = Token(line["name"], frozenset(line["scopes"]), line["per_second"])
        else:
            held = {digest: token for digest, token in held.items() if token.name != line["name"]}
    return held


def keep_buckets(fresh: dict[str, Token], before: Mapping[str, Token]) -> dict[str, Token]:
    """The fresh tokens; those that there were before go on with what they have left."""
    return {
        digest: before[digest] if before.get(digest) == token else token for digest, token in fresh.items()
    }


def digest_of_token(token: str) -> str:
    """What is kept of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _append(line: dict[str, object], settings: Settings) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    append_sealed(tokens_path(settings), {**line, "at": at}, settings, what=A_LINE)
