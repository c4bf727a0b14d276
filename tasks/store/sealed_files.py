"""Files of sealed lines: appended to whole, read with their chain verified, signed where there is a key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.store.atomic_files import locked, write_whole
from tasks.store.sealed_lines import read_lines, require_key, seal_line

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


def read_sealed(path: Path, settings: Settings, *, what: str) -> list[dict[str, Any]]:
    """The lines of a file in order, verified from its first sealed one on; empty where there is no file.

    Lines before that are of older code, which sealed none.

    Needs:  `what` a line is, for the message.
    Raises: ModelStoreError when a line was edited, removed or cannot be read.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return read_lines(text, path, what=what, key=read_key(settings), unsealed_first=True)


def append_sealed(path: Path, fields: Mapping[str, Any], settings: Settings, *, what: str) -> None:
    """Add a sealed line to a file, on disk before this returns.

    Raises: as `read_sealed`; ModelStoreError when the lines are signed and there is no key to sign another.
    """
    key = read_key(settings)
    with locked(path):
        read_sealed(path, settings, what=what)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        require_key(text, path, key)
        whole = text if text.endswith("\n") or not text else f"{text}\n"
        write_whole(path, f"{whole}{seal_line(fields, text, key)}\n")
