import asyncio
import math
from collections.abc import Sequence
from typing import Any, cast

import pytest

from serving import groups
from serving.answers import Application
from serving.groups import Groups
from serving.snapshot import Snapshot

SNAPSHOT = cast("Snapshot", object())


def application(number: int) -> Application:
    return cast("Application", number)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The groups that were scored; the scorer says each application's number."""
    found: list[list[int]] = []

    def answer(_: Snapshot, asked: Sequence[Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        found.append(list(asked))
        return [({"number": one}, {}) for one in asked]

    monkeypatch.setattr(groups, "answer", answer)
    return found


def test_what_comes_right_after_a_group_is_scored_together_and_a_lone_application_by_itself(
    scored: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    yield_once = asyncio.sleep
    monkeypatch.setattr(groups, "BUSY_FOR", math.inf)

    async def ask() -> list[int]:
        all_came = asyncio.Event()

        async def until_all_came(seconds: float) -> None:
            await (all_came.wait() if seconds else yield_once(0))

        monkeypatch.setattr(asyncio, "sleep", until_all_came)  # however long they take to come here
        queue = Groups()
        queue.start()
        said = [(await queue.ask(application(1), SNAPSHOT))[0]["number"]]
        waiting = [queue.ask(application(2), SNAPSHOT)]
        for number in (3, 4):
            await yield_once(0)  # each comes by a request of its own
            waiting.append(queue.ask(application(number), SNAPSHOT))
        all_came.set()
        said += [answer["number"] for answer, _ in await asyncio.gather(*waiting)]
        await queue.stop()
        return said

    assert asyncio.run(ask()) == [1, 2, 3, 4]
    assert scored == [[1], [2, 3, 4]]
