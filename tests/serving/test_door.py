"""Who is let in, how often, how many at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import command
from serving.figures import Figures
from serving.http import door as door_module
from serving.http.door import LATE_PER_SECOND, MAX_IN_FLIGHT, MAX_LATE, Door, Message, Receive, Send
from serving.server import serve
from serving.tokens import (
    Token,
    add_token,
    digest_of_token,
    keep_buckets,
    load_tokens,
    revoke_token,
    tokens_path,
)
from tasks.config import Settings
from tasks.errors import ModelStoreError, UsageError


async def yes(scope: Message, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


def ask(door: Door, path: str = "/v1/score", token: str = "", length: str = "2") -> int:
    return asyncio.run(call(door, path, token, length))


async def call(door: Door, path: str = "/v1/score", token: str = "", length: str = "2") -> int:
    """The status that a request gets."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    headers = [(b"content-length", length.encode()), (b"authorization", f"Bearer {token}".encode())]
    await door({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send)
    return sent[0]["status"]


def door(tokens: dict[str, Token], app: Any = yes) -> Door:
    return Door(app, Figures(), lambda: tokens)


def test_where_there_are_no_tokens_nobody_has_to_show_one() -> None:
    assert ask(door({})) == 200


def test_a_token_opens_what_its_scopes_say_until_it_is_revoked(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path)
    token = add_token("front end", ["score"], settings)
    held = door(load_tokens(settings))
    assert [ask(held, path, token) for path in ("/v1/score", "/metrics")] == [200, 403]
    assert [ask(held, token=other) for other in ("", "another", token[:-1])] == [401, 401, 401]
    assert ask(held, "/v2/health/ready") == 200
    assert token not in tokens_path(settings).read_text()
    with pytest.raises(UsageError, match="has a token"):
        add_token("front end", ["score"], settings)
    revoke_token("front end", settings)
    assert load_tokens(settings) == {}
    with pytest.raises(UsageError, match="no token of 'front end'"):
        revoke_token("front end", settings)


def test_an_edited_history_of_tokens_is_found(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path)
    add_token("front end", ["metrics"], settings)
    path = tokens_path(settings)
    path.write_text(path.read_text().replace('"metrics"', '"score"'))
    with pytest.raises(ModelStoreError, match="edited"):
        load_tokens(settings)


def test_a_scope_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scope 'everything'"):
        add_token("front end", ["everything"], Settings(datamart=tmp_path))


def test_a_token_makes_so_many_requests_a_second_and_a_reload_gives_none_back() -> None:
    token = Token("a", frozenset({"score"}), per_second=2.0)
    assert [token.take(100.0) for _ in range(3)] == [True, True, False]
    assert [token.take(100.5) for _ in range(2)] == [True, False]
    fresh = {"digest": Token("a", frozenset({"score"}), per_second=2.0)}
    assert not keep_buckets(fresh, {"digest": token})["digest"].take(100.5)
    slow = Token("b", frozenset({"score"}), per_second=0.001)
    held = door({digest_of_token("t"): slow})
    assert [ask(held, "/v1/score", "t") for _ in range(2)] == [200, 429]


def test_more_requests_than_there_is_room_for_are_refused_at_once_but_for_one_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(door_module, "monotonic", lambda: now[0])

    async def crowds() -> list[int]:
        end = asyncio.Event()

        async def slow(scope: Message, receive: Receive, send: Send) -> None:
            await end.wait()
            await yes(scope, receive, send)

        crowded = door({}, slow)

        async def refused(n: int) -> int:
            end.clear()
            asked = [asyncio.create_task(call(crowded)) for _ in range(n)]
            await asyncio.sleep(0)
            end.set()
            return (await asyncio.gather(*asked)).count(503)

        found = [await refused(MAX_IN_FLIGHT + n) for n in (MAX_LATE, 30, 0)]
        now[0] += 2.0
        return [*found, await refused(MAX_IN_FLIGHT + 30)]

    assert asyncio.run(crowds()) == [0, 30, 0, 30 - 2 * LATE_PER_SECOND]


@pytest.mark.parametrize(("length", "status"), [("", 411), ("x", 411), (str(2**21), 413)])
def test_what_is_too_long_or_of_no_length_is_not_read(length: str, status: int) -> None:
    assert ask(door({}), length=length) == status


def test_others_are_let_in_only_by_tokens(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path)
    with pytest.raises(UsageError, match="no token is needed yet"):
        serve(settings, 8100, host="192.0.2.1")
    with pytest.raises(UsageError, match="no IP address"):
        serve(settings, 8100, host="here")


def test_tokens_are_given_and_taken_by_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "models")
    tokens = ["--datamart", str(settings.datamart)]
    with pytest.raises(SystemExit) as end:
        command(["serve", "token", "add", "front end", "--scope", "score", "--scope", "metrics", *tokens])
    assert end.value.code == 0
    (held,) = load_tokens(settings).values()
    assert held.scopes == {"score", "metrics"}
    assert digest_of_token(capsys.readouterr().out.strip()) in load_tokens(settings)
    with pytest.raises(SystemExit):
        command(["serve", "token", "revoke", "front end", *tokens])
    assert load_tokens(settings) == {}
