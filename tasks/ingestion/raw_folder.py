"""The data folder on this machine: raw files of an object store are copied here before they are read.

A process looks once at what lies there, so that a command sees the files as they were when it began. A file
is copied when it is first asked for, and again when another version lies there.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath

from tasks.place import ObjectPlace, Place, scratch_of
from tasks.store.atomic_files import write_whole

RECEIVED, VERSIONS, URI = "received", "versions", "uri"


def local_data(data: Place, name: str = "*") -> Path:
    """The data folder on this machine, with the files and folders below it that a name or a pattern means.

    Raises: StorageError, PassingError for an object store that cannot be read.
    """
    if isinstance(data, Path):
        return data
    received = scratch_of(data) / RECEIVED
    for file, version in _versions(data).items():
        if _is_meant(file, name):
            _bring(data, file, version)
    return received


def sent_as(path: Path) -> str:
    """The URI that a copy was made of; the path of any other file."""
    for folder in path.parents:
        note = folder.parent / URI
        if folder.name == RECEIVED and note.is_file():
            return f"{note.read_text(encoding='utf-8')}/{path.relative_to(folder).as_posix()}"
    return str(path)


def _is_meant(file: str, pattern: str) -> bool:
    """Whether a file, or a folder that holds it, has the name; of a pattern each part is one folder's."""
    wanted = PurePosixPath(pattern.partition("**")[0]).parts
    parts = PurePosixPath(file).parts[: len(wanted)]
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


@cache
def _versions(data: ObjectPlace) -> Mapping[str, str]:
    """The version of each file there is; copies of others are removed."""
    found, scratch = data.versions(), scratch_of(data)
    (scratch / RECEIVED).mkdir(parents=True, exist_ok=True)
    write_whole(scratch / URI, data.uri)
    for kept in (scratch / RECEIVED).rglob("*"):
        if kept.is_file() and kept.relative_to(scratch / RECEIVED).as_posix() not in found:
            kept.unlink()
    return found


def _bring(data: ObjectPlace, file: str, version: str) -> None:
    """Copy a file here unless the copy of that version is here."""
    copy, note = (scratch_of(data) / folder / file for folder in (RECEIVED, VERSIONS))
    if copy.is_file() and note.is_file() and note.read_text(encoding="utf-8") == version:
        return
    for path in (copy, note):
        path.parent.mkdir(parents=True, exist_ok=True)
    note.unlink(missing_ok=True)
    (data / file).download(copy)
    write_whole(note, version)
