"""Every answer on disk before it is given: a hash-chained log, to which one sync adds many lines."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.config import Settings
from tasks.decisions.log import decisions_folder, file_of, log_files
from tasks.store.atomic_files import lock_now, sync_folder
from tasks.store.sealed_files import read_key
from tasks.store.sealed_lines import GENESIS, digest_of_line, seal_after

MAX_GROUP = 500  # lines that one sync may wait for


class DecisionLog:
    """The open log of a day: `append` returns once the lines are on disk.

    One process writes to a folder: it holds a lock until `close`. A write that fails leaves the file as it
    was.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises: UsageError where another service records to the folder; ModelStoreError without its key."""
        self._settings = settings
        self._key = read_key(settings)
        folder = decisions_folder(settings)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = lock_now(folder / "log", "Another vintage serve records to it; stop that one first.")
        files = log_files(settings)
        self._previous = _digest_of_newest(files)
        self._newest = files[-1].stem if files else ""  # a clock that is set back writes to no older file
        self._day, self._handle = "", -1
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
        while not self._waiting.empty():
            await asyncio.sleep(0.01)
        if self._writer:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        if self._handle >= 0:
            os.close(self._handle)
        os.close(self._lock)

    async def _write_groups(self) -> None:
        while True:
            group = [await self._waiting.get()]
            while not self._waiting.empty() and len(group) < MAX_GROUP:
                group.append(self._waiting.get_nowait())
            try:
                await asyncio.to_thread(self._write, [line for lines, _ in group for line in lines])
            except OSError as error:
                for _, done in group:
                    _settle(done, error)
            else:
                for _, done in group:
                    _settle(done, None)

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self._open(datetime.now(UTC).date().isoformat())
        previous, sealed = self._previous, bytearray()
        for fields in lines:
            line = seal_after(fields, previous, self._key)
            previous = digest_of_line(line)
            sealed += line.encode() + b"\n"
        before = os.fstat(self._handle).st_size
        try:
            written = 0
            while written < len(sealed):
                written += os.write(self._handle, sealed[written:])
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, before)
            raise
        self._previous = previous

    def _open(self, today: str) -> None:
        day = max(today, self._newest)
        if day == self._day:
            return
        path = file_of(day, self._settings)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        sync_folder(path.parent)
        if self._handle >= 0:
            os.close(self._handle)
        self._day = self._newest = day
        self._handle = handle


def _settle(done: asyncio.Future[None], error: OSError | None) -> None:
    """Tell who waits, if anybody still does."""
    if done.done():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)


def cut_torn_line(path: Path) -> list[str]:
    """The whole lines of a file; one that a crash cut short, never answered, is taken off."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    return whole.decode("utf-8").splitlines()


def _digest_of_newest(files: Sequence[Path]) -> str:
    for path in reversed(files):
        lines = cut_torn_line(path)
        if lines:
            return digest_of_line(lines[-1])
    return GENESIS
