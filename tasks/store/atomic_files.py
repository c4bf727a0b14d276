"""Files and folders that are written whole or not at all, and seen whole by whoever reads meanwhile."""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from tasks.errors import UsageError
from tasks.place import ObjectPlace, Place

HIDDEN = ".tmp-"  # begins the name of a folder that is not whole yet


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold `path` for one writer at a time; another waits. It ends with its process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _open_lock(path.with_name(f".{path.name}.lock"))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def lock_now(path: Path, why: str) -> int:
    """The open handle of a lock on `path`, which holds until it is closed or the process ends.

    Raises: UsageError, which says `why`, where another process holds it.
    """
    handle = _open_lock(path.with_name(f".{path.name}.lock"))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(f"{path.parent} is in use. {why}") from None
    return handle


@contextmanager
def held(folder: Path, name: str, by: str, *, waiting: Callable[[str], None]) -> Generator[None]:
    """Hold the folder for one writer at a time, across containers too, and write down `by` whom.

    Another is told of it through `waiting`, and waits. It ends with its process, however that ends. Neither
    the lock nor folders that were not there before and hold nothing are left behind.
    """
    path = folder / f".{name}.lock"
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    handle = _take(path, waiting)
    try:
        with suppress(OSError):  # a full disk, or the file of another user: the lock holds all the same
            os.ftruncate(handle, 0)
            os.pwrite(handle, by.encode(), 0)
        yield
    finally:
        with suppress(OSError):
            path.unlink()
            for place in made:
                place.rmdir()
        os.close(handle)


def _take(path: Path, waiting: Callable[[str], None]) -> int:
    """The open and locked file: whoever held it before may have removed it, with its folder."""
    announced = False
    while True:
        handle = None
        with suppress(FileNotFoundError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = _open_lock(path)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not announced:
                    waiting(os.pread(handle, 1000, 0).decode(errors="replace"))
                announced = True
                fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        if handle is not None:
            os.close(handle)


def _open_lock(path: Path) -> int:
    """A lock file, which nobody but its owner may write, whatever the umask says."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        if not path.exists():
            raise
        # It is another user's: it can be locked all the same.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def write_whole(path: Place, text: str | bytes) -> None:
    """Replace what the file holds: after a crash it is the old text (or bytes) or the new."""
    content = text.encode() if isinstance(text, str) else text
    if isinstance(path, ObjectPlace):
        path.write_bytes(content)
        return
    work = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with work.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def new_folder(target: Path, *, private: bool = False) -> Generator[Path]:
    """A folder to fill, which gets the name `target` when the block ends, unless another process was first.

    Who may open it is what the umask says; a `private` one its owner alone. After a crash there is a hidden
    folder beside it, and nothing of that name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.parent / f"{HIDDEN}{uuid4().hex}"
    work.mkdir(mode=0o700 if private else 0o777)
    try:
        yield work
        try:
            work.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(folder: Path) -> None:
    """Put the files of a folder on disk before its name is given away."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)
