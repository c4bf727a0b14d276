"""Files of zeros, made ahead: what is written over them is on disk soon, as no length has to be kept.

A sync of a file that grew waits for the file system's journal, which everybody else on the disk fills too.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from tasks.decisions.log import keep_whole_lines
from tasks.store.atomic_files import sync_folder

STEP = 2**18  # bytes of zeros that are written at once, so that nobody waits long for the disk meanwhile
PAUSE = 0.02  # seconds between steps
SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has no other than fsync


@dataclass
class PreparedFile:
    """An open file of `room` bytes, of which `end` are written; zeros follow."""

    path: Path
    handle: int
    room: int
    end: int = 0


def prepare(path: Path, steps: int) -> PreparedFile:
    """A new file of so many STEPs of zeros, on disk. Raises: OSError of a full disk; no file is left."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for step in range(steps):
            if step:
                time.sleep(PAUSE)
            _write_at(handle, bytes(STEP), step * STEP)
            os.fsync(handle)
        sync_folder(path.parent)
    except OSError:
        os.close(handle)
        path.unlink()
        raise
    return PreparedFile(path, handle, steps * STEP)


def put(file: PreparedFile, content: bytes) -> None:
    """Write over the zeros, on disk when this returns; what there is no room for lengthens the file.

    Raises: OSError, after which the file has to be finished: it may hold a part of the content.
    """
    _write_at(file.handle, content, file.end)
    SYNC(file.handle)
    file.end += len(content)


def finish(file: PreparedFile) -> None:
    """Close it, without the zeros; one that nothing was written to is removed."""
    os.ftruncate(file.handle, file.end)
    os.close(file.handle)
    if not file.end:
        file.path.unlink()


def cut(path: Path) -> list[str]:
    """The whole lines of a file; zeros and what a crash cut short, never answered, are taken off.

    One that holds no whole line is removed.
    """
    content = path.read_bytes()
    whole = keep_whole_lines(content)
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    if not whole:
        path.unlink()
    return whole.decode().splitlines()


def _write_at(handle: int, content: bytes, place: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(handle, rest, place)
        rest, place = rest[written:], place + written
