"""Files and folders that are written whole or not at all, and seen whole by whoever reads meanwhile."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HIDDEN = ".tmp-"  # begins the name of a folder that is not whole yet


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold `path` for one writer at a time; another waits. It ends with its process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, text: str | bytes) -> None:
    """Replace what the file holds: after a crash it is the old text (or bytes) or the new."""
    work = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with work.open("wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """A folder to fill, which gets the name `target` when the block ends, unless another process was first.

    After a crash there is a hidden folder beside it, and nothing of that name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=target.parent))
    try:
        yield work
        try:
            work.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to the file, or leave it as it was. Needs: `locked(path)`."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = "" if before.endswith("\n") or not before else "\n"
    write_whole(path, f"{before}{missing}{line}\n")


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
