"""Applications that come at the same time are scored together: ten cost little more than one."""

import asyncio
from contextlib import suppress
from typing import Any

from serving.answers import Application, answer
from serving.snapshot import Snapshot

MAX_GROUP = 64
GATHERED_FOR = 0.002  # seconds in which applications come together once they come one upon another
BUSY_FOR = 0.02  # seconds after a group in which the next application is not taken for a lone one
Found = tuple[dict[str, Any], dict[str, Any]]


class Groups:
    """A queue of applications, each with the snapshot that answers it, and who works it off."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[Application, Snapshot, asyncio.Future[Found]]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; nobody waits any more."""
        if self._worker:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker

    def ask(self, application: Application, snapshot: Snapshot) -> asyncio.Future[Found]:
        """What will hold the answer, and the features that it rests on."""
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((application, snapshot, found))
        return found

    async def _work(self) -> None:
        clock, busy_until = asyncio.get_running_loop().time, 0.0
        while True:
            group = [await self._waiting.get()]
            await asyncio.sleep(GATHERED_FOR if clock() < busy_until else 0)
            while not self._waiting.empty() and len(group) < MAX_GROUP:
                group.append(self._waiting.get_nowait())
            for snapshot in {id(one): one for _, one, _ in group}.values():
                _settle(snapshot, [(asked, told) for asked, one, told in group if one is snapshot])
            busy_until = clock() + BUSY_FOR


def _settle(snapshot: Snapshot, group: list[tuple[Application, asyncio.Future[Found]]]) -> None:
    """Answer a group by its snapshot; whatever goes wrong is told to all who wait for it."""
    try:
        answers = answer(snapshot, [asked for asked, _ in group])
    except Exception as error:
        for _, told in group:
            if not told.done():
                told.set_exception(error)
        return
    for (_, told), found in zip(group, answers, strict=True):
        if not told.done():
            told.set_result(found)
