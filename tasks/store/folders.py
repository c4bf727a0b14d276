"""Folders of several files, wherever they lie: there whole or not at all, and taken away again."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.place import Place
from tasks.store.atomic_files import new_folder, sync_files, sync_folder


@contextmanager
def publish_folder(target: Place, *, last: str) -> Generator[Path]:
    """A folder of this machine to fill, whose files are at `target` when the block ends.

    A folder is renamed as a whole. To an object store the files go one by one, the one named `last` in the
    end: without it there is no such folder (`is_published`).
    """
    if isinstance(target, Path):
        with new_folder(target) as work:
            yield work
            sync_files(work)
        sync_folder(target.parent)
        return
    with TemporaryDirectory() as work:
        yield Path(work)
        for file in sorted(Path(work).iterdir(), key=lambda file: (file.name == last, file.name)):
            (target / file.name).write_bytes(file.read_bytes())


def is_published(target: Place, *, last: str) -> bool:
    """Whether the folder is there, whole."""
    return target.exists() if isinstance(target, Path) else (target / last).is_file()


def remove_folder(folder: Place) -> None:
    """Remove a folder and all that is in it, as far as that goes."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder.remove()
