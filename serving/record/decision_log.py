"""Every answer on disk before it is given: a hash-chained log, to which one sync adds many lines."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from serving.record.log_files import LogFiles
from serving.record.prepared_files import put
from tasks.config import Settings
from tasks.decisions.log import decisions_folder
from tasks.store.atomic_files import lock_now
from tasks.store.sealed_files import read_key
from tasks.store.sealed_lines import GENESIS, digest_of_line, seal_after

MAX_GROUP = 500  # lines that one sync may wait for


class DecisionLog:
    """The open log of a day: `append` returns once the lines are on disk.

    One process writes to a folder: it holds a lock until `close`, and begins a file of its own.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises: UsageError where another service records to the folder; ModelStoreError without its key."""
        self._settings = settings
        self._key = read_key(settings)
        folder = decisions_folder(settings)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = lock_now(folder / "log", "Another vintage serve records to it; stop that one first.")
        self._files = LogFiles(settings)
        last = self._files.last_line()
        self._previous = digest_of_line(last) if last else GENESIS
        self._waiting: asyncio.Queue[tuple[Sequence[Mapping[str, Any]], asyncio.Future[None]]] = (
            asyncio.Queue()
        )
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        self._writer = asyncio.create_task(self._write_groups())

    async def append(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines, all or none, on disk before this returns.

        Raises: OSError of a full disk, after which the log is as it was.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((lines, done))
        await done

    async def close(self) -> None:
        """Write what waits, and give up the lock."""
        await self._waiting.join()
        if self._writer:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        self._files.close()
        os.close(self._lock)

    async def _write_groups(self) -> None:
        while True:
            group = [await self._waiting.get()]
            while not self._waiting.empty() and len(group) < MAX_GROUP:
                group.append(self._waiting.get_nowait())
            problem: OSError | None = None
            # Sealed here: a thread that is not only at the disk takes turns with all who wait for an answer.
            sealed, last = self._seal([line for lines, _ in group for line in lines])
            try:
                await asyncio.to_thread(self._write, sealed)
            except OSError as error:
                problem = error
            else:
                self._previous = last
            for _, done in group:
                _settle(done, problem)
                self._waiting.task_done()

    def _seal(self, lines: Sequence[Mapping[str, Any]]) -> tuple[bytes, str]:
        """The lines as they follow what is written, and the digest of the last."""
        previous, sealed = self._previous, list[str]()
        for fields in lines:
            sealed.append(seal_after(fields, previous, self._key, _to_text))
            previous = digest_of_line(sealed[-1])
        return "".join(f"{line}\n" for line in sealed).encode(), previous

    def _write(self, sealed: bytes) -> None:
        file = self._files.with_room(datetime.now(UTC).date().isoformat(), len(sealed))
        try:
            put(file, sealed)
        except OSError:
            self._files.leave()  # what came to it in part is cut off
            raise


def _to_text(fields: Mapping[str, Any]) -> str:
    """As JSON of ASCII; what is such anyway in a seventh of the time that `json` takes."""
    text = to_json(fields, inf_nan_mode="constants").decode()
    return text if text.isascii() else json.dumps(fields)


def _settle(done: asyncio.Future[None], error: OSError | None) -> None:
    """Tell who waits, if anybody still does."""
    if done.done():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)
