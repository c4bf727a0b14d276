"""Where tables and models lie: a folder of this machine, or a place in an object store.

An `ObjectPlace` offers what this code uses of `pathlib.Path`, by the same names, and what a disk has no need
of: a write that goes through only on the version that was read. Credentials come from the variables that the
provider's own tools read, such as AWS_ACCESS_KEY_ID; none is kept or printed here. obstore is imported where
an object store is first met.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tasks.errors import StorageError, UsageError
from tasks.store_faults import NO_BUCKET, first_words, in_a_bucket, in_one_sentence

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ObjectStore, RetryConfig

SCHEMES = ("s3", "gs", "az")
PATIENCE = timedelta(seconds=30)  # for which a store that is slow or busy is asked again
RETRIES = 5


@dataclass(frozen=True, order=True)
class ObjectPlace:
    """A folder or file in an object store by its URI, without a slash at the end: s3://bucket/datamart."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    def __truediv__(self, name: str) -> "ObjectPlace":
        return ObjectPlace(f"{self.uri}/{name}")

    @property
    def name(self) -> str:
        """The last part of the URI."""
        return self.uri.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> "ObjectPlace":
        """The place that holds this one."""
        return ObjectPlace(self.uri.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> "ObjectPlace":
        """The same place with another ending of its name."""
        return self.parent / f"{self.stem}{suffix}"

    def absolute(self) -> "ObjectPlace":
        """The same: a URI depends on no working folder."""
        return self

    def exists(self) -> bool:
        """Whether there is a file or a folder of this name."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether there is a file of this name."""
        return self.etag() is not None

    def is_dir(self) -> bool:
        """Whether any file lies below: an object store knows no empty folder."""
        return next(self.iterdir(), None) is not None

    def is_symlink(self) -> bool:
        """False: an object store has no links."""
        return False

    def mkdir(self, mode: int = 0, *, parents: bool = True, exist_ok: bool = True) -> None:
        """Do nothing: a folder is there as soon as a file lies in it."""

    def etag(self) -> str | None:
        """What names this version of the file; None where there is no file."""
        import obstore

        try:
            with in_one_sentence(self.uri):
                return obstore.head(self._store, self._key)["e_tag"] or ""
        except FileNotFoundError:
            return None

    def read_bytes(self) -> bytes:
        """What the file holds. Raises: FileNotFoundError."""
        return self.read_version()[0]

    def read_text(self, encoding: str = "utf-8") -> str:
        """What the file holds, as text. Raises: FileNotFoundError."""
        return self.read_bytes().decode(encoding)

    def read_version(self) -> tuple[bytes, str]:
        """What the file holds, and the ETag of that version. Raises: FileNotFoundError."""
        import obstore

        with in_one_sentence(self.uri):
            found = obstore.get(self._store, self._key)
            return bytes(found.bytes()), found.meta["e_tag"] or ""

    def write_bytes(self, content: bytes) -> None:
        """Replace what the file holds, whole or not at all."""
        import obstore

        with in_one_sentence(self.uri), in_a_bucket(self.uri):
            obstore.put(self._store, self._key, content)

    def write_on(self, version: str | None, content: bytes) -> bool:
        """Replace the version of that ETag, or write the file where there is none (None).

        False, and nothing written, where there is another version by now.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            with in_one_sentence(self.uri), in_a_bucket(self.uri):
                mode: PutMode = "create" if version is None else {"e_tag": version}
                obstore.put(self._store, self._key, content, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    def iterdir(self) -> "Iterator[ObjectPlace]":
        """Files and folders right below, in order."""
        import obstore

        with in_one_sentence(self.uri):
            found = obstore.list_with_delimiter(self._store, self._key or None)
        keys = [*found["common_prefixes"], *(file["path"] for file in found["objects"])]
        return (self._root / key for key in sorted(keys))

    def files(self) -> "list[ObjectPlace]":
        """All files below, at any depth, in order."""
        return [self / name for name in self.versions()]

    def versions(self) -> dict[str, str]:
        """The ETag of each file below, by its path from here, in order. Raises: StorageError."""
        import obstore

        try:
            with in_one_sentence(self.uri):
                found = [file for page in obstore.list(self._store, self._key or None) for file in page]
        except FileNotFoundError as error:
            raise StorageError(f"{self} {NO_BUCKET}") from error
        start = len(self._key) + 1 if self._key else 0
        return dict(sorted((file["path"][start:], file["e_tag"] or "") for file in found))

    def download(self, to: Path) -> None:
        """Copy the file to one of this machine, which holds all of it or what it held before."""
        import obstore

        work = to.with_name(f".{to.name}.{os.getpid()}")
        try:
            with in_one_sentence(self.uri), work.open("wb") as file:
                for chunk in obstore.get(self._store, self._key).stream():
                    file.write(chunk)
            work.replace(to)
        finally:
            work.unlink(missing_ok=True)

    def glob(self, pattern: str) -> "list[ObjectPlace]":
        """Files below whose path matches the pattern part by part, in order."""
        wanted = pattern.split("/")

        def matches(file: ObjectPlace) -> bool:
            parts = file.uri.removeprefix(f"{self.uri}/").split("/")
            return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))

        return [file for file in self.files() if matches(file)]

    def remove(self) -> None:
        """Remove all files below."""
        import obstore

        with in_one_sentence(self.uri):
            obstore.delete(self._store, [file._key for file in self.files()])

    @property
    def _root(self) -> "ObjectPlace":
        parts = urlsplit(self.uri)
        return ObjectPlace(f"{parts.scheme}://{parts.netloc}")

    @property
    def _key(self) -> str:
        return self.uri.removeprefix(self._root.uri).lstrip("/")

    @property
    def _store(self) -> "ObjectStore":
        return _open_store(self._root.uri)


Place = Path | ObjectPlace


def as_place(text: object) -> object:
    """A folder by its path, or a place in an object store by its URI; what is no text is left as it is.

    Raises: UsageError for a URI that cannot be used, of which it prints no more than the scheme, or without
    the extra that object stores need.
    """
    if not isinstance(text, str) or "://" not in text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise UsageError(
            f"{parts.scheme}:// is no place for tables and models: name a folder, or one of {known}."
        )
    path = text.partition("://")[2].rstrip("/")
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", path, re.ASCII):
        raise UsageError(
            f"A {parts.scheme}:// place is a bucket and folders, such as {parts.scheme}://bucket/datamart, "
            "named by letters, digits, dots, _ and -, and no more. Credentials belong into the variables of "
            "the provider, such as AWS_ACCESS_KEY_ID."
        )
    if find_spec("obstore") is None:
        raise UsageError(
            f"A {parts.scheme}:// place needs obstore, which is not installed here: pip install '.[scale]', "
            "in the clone."
        )
    return ObjectPlace(f"{parts.scheme}://{path}")


def stamp_of(file: Place) -> str | None:
    """What changes whenever a file is replaced; None where there is none."""
    if isinstance(file, ObjectPlace):
        return file.etag()
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{status.st_mtime_ns} {status.st_size}"


def require_folder(place: Place, what: str) -> Path:
    """The folder of this machine. Raises: UsageError where it is none, with `what` works on folders alone."""
    if isinstance(place, Path):
        return place
    raise UsageError(f"{what} works on a folder of this machine, and {place} is none. Copy it to one first.")


def delta_options(place: Place) -> dict[str, str] | None:
    """How long Delta Lake asks an object store that fails: as long as this code; None for a folder."""
    seconds = f"{PATIENCE.total_seconds():.0f}s"
    patient = {"max_retries": str(RETRIES), "retry_timeout": seconds}
    return patient if isinstance(place, ObjectPlace) else None


def scratch_of(place: Place) -> Path:
    """Folder of this machine for what is no result: beside the tables, or for an object store in the cache.

    The cache is that of the user (XDG_CACHE_HOME, else ~/.cache), with a folder for each place.
    """
    if isinstance(place, Path):
        return place
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache_home / "vintage" / hashlib.sha256(place.uri.encode()).hexdigest()[:16]


@cache
def _open_store(root: str) -> "ObjectStore":
    """The bucket, opened once by each process, without a request. Raises: StorageError."""
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    retries: RetryConfig = {"max_retries": RETRIES, "retry_timeout": PATIENCE}
    try:
        return from_url(root, retry_config=retries)
    except BaseError as error:
        raise StorageError(
            f"{root} cannot be opened: {first_words(str(error))}. Set the variables of the provider "
            "(AWS_..., GOOGLE_..., AZURE_...)."
        ) from error
