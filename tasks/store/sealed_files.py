"""Files of sealed lines: appended to whole, read with their chain verified, signed where there is a key."""

from collections.abc import Mapping
from typing import Any

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.place import Place
from tasks.store.sealed_lines import read_lines, require_key, seal_line
from tasks.store.text_files import append_line, change_text, read_text

MIN_KEY_BYTES = 32


def read_key(settings: Settings) -> bytes | None:
    """The key that signs the histories; None where the settings name no file of one.

    Raises: ModelStoreError when the file cannot be read, or holds too little to be a key.
    """
    path = settings.registry_key
    if path is None:
        return None
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ModelStoreError(
            f"{path}, the key of the registry, cannot be read ({error.strerror}). Correct "
            "VINTAGE_REGISTRY_KEY, or restore the file."
        ) from error
    if len(key) < MIN_KEY_BYTES:
        raise ModelStoreError(
            f"{path} holds {len(key)} bytes, and a key needs {MIN_KEY_BYTES}. Make one with: "
            f"openssl rand -hex 32 > {path}"
        )
    return key


def read_sealed(path: Place, settings: Settings, *, what: str) -> list[dict[str, Any]]:
    """The lines of a file in order, verified from its first sealed one on; empty where there is no file.

    Lines before that are of older code, which sealed none.

    Needs:  `what` a line is, for the message.
    Raises: ModelStoreError when a line was edited, removed or cannot be read.
    """
    return read_lines(read_text(path), path, what=what, key=read_key(settings), unsealed_first=True)


def append_sealed(path: Place, fields: Mapping[str, Any], settings: Settings, *, what: str) -> None:
    """Add a sealed line to a file, on disk before this returns.

    Raises: as `read_sealed`; ModelStoreError when the lines are signed and there is no key to sign another.
    """
    key = read_key(settings)

    def with_line(text: str) -> str:
        read_lines(text, path, what=what, key=key, unsealed_first=True)
        require_key(text, path, key)
        return append_line(text, seal_line(fields, text, key))

    change_text(path, with_line)
