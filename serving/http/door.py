"""What a request meets first: who sends it, whether it is short enough, and whether there is room for it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic, perf_counter
from typing import Any

import orjson

from serving.figures import Figures
from serving.http import pages
from serving.tokens import Bucket, Token, digest_of_token

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Tokens = Callable[[], dict[str, Token]]

MAX_BODY = 2**20  # bytes
MAX_SECONDS = 10.0  # from a request's first byte to its answer
MAX_IN_FLIGHT = 24  # requests: what one core answers in 30 ms; a longer queue only makes all of them late
# After a moment in which nothing went on, so many more may wait than that, once; then so many a second, which
# are too few to make others late where more come than can be answered.
MAX_LATE, LATE_PER_SECOND = 100, 5.0
OPEN = "/v2/health/"  # what needs no token
PAGE = {*pages.OPEN, pages.FORM}  # nor do these, which say nothing of anybody


class RefusedError(Exception):
    """Status, field and problem of a request that is not let through."""


class Door:
    """Lets requests through to the application, so many for scores at once, and refuses the rest unread."""

    def __init__(self, app: App, figures: Figures, tokens: Tokens) -> None:
        """Needs: `tokens`, which gives those that hold now; where there are none, nobody has to show one."""
        self._app, self._figures, self._tokens = app, figures, tokens
        self._late = Bucket(LATE_PER_SECOND, MAX_LATE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """As ASGI calls an application."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN) or scope["path"] in PAGE:
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        sent: list[int] = []

        async def note(message: Message) -> None:
            if "status" in message:
                sent.append(message["status"])
            await send(message)

        scores = scope["path"].startswith("/v1/")
        self._figures.inside += scores
        try:
            self._admit(scope)
            async with asyncio.timeout(MAX_SECONDS):
                await self._app(scope, receive, note)
        except RefusedError as refusal:
            await _refuse(note, *refusal.args)
        except TimeoutError:
            if sent:
                raise
            await _refuse(note, 503, "", f"there was no answer within {MAX_SECONDS:.0f} seconds")
        finally:
            self._figures.inside -= scores
            if scores:
                self._figures.took(perf_counter() - began)
            if sent != [200]:
                self._figures.refused(sent[0] if sent else 500)

    def _admit(self, scope: Message) -> None:
        """Do nothing for a request that may come in. Raises: RefusedError."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if scope["method"] == "POST" and not length.isdigit():
            raise RefusedError(411, "Content-Length", "it is needed")
        if length.isdigit() and int(length) > MAX_BODY:
            raise RefusedError(413, "", f"at most {MAX_BODY} bytes are taken")
        tokens = self._tokens()
        if tokens:
            scope["caller"] = _caller(headers, tokens, "metrics" if scope["path"] == "/metrics" else "score")
        if self._figures.inside > MAX_IN_FLIGHT and not self._late.take(monotonic()):
            raise RefusedError(503, "", "too many requests are being answered")


def _caller(headers: dict[bytes, bytes], tokens: dict[str, Token], scope: str) -> str:
    """Name of the caller whose token came along. Raises: RefusedError."""
    kind, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    token = tokens.get(digest_of_token(given)) if kind.lower() == "bearer" else None
    if token is None:
        raise RefusedError(401, "Authorization", "a bearer token is needed, and this is none that holds")
    if scope not in token.scopes:
        raise RefusedError(403, "Authorization", f"the token does not have the scope {scope}")
    if not token.take(monotonic()):
        raise RefusedError(429, "Authorization", f"the token may make {token.per_second:g} requests a second")
    return token.name


async def _refuse(send: Send, status: int, field: str, problem: str) -> None:
    body = orjson.dumps({"errors": [{"field": field, "problem": problem}]})
    later = [(b"retry-after", b"1")] if status in (429, 503) else []
    unread = [(b"connection", b"close")] if status in (411, 413) else []
    who = [(b"www-authenticate", b"Bearer")] if status == 401 else []
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers + later + unread + who})
    await send({"type": "http.response.body", "body": body})
