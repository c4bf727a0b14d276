"""What lies at the addresses of other teams' sources: whether it changed, told without reading it."""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

from tasks.config import Settings
from tasks.errors import StorageError, UsageError
from tasks.governance.declarations import read_declared
from tasks.place import ObjectPlace, as_place
from tasks.sources.files import Format

LOG = logging.getLogger("vintage")
PATTERN = re.compile(r"/[^/]*[*?\[]")  # where an address begins to be a pattern


def stamps_of_addresses(
    names: Iterable[str], settings: Settings, before: Mapping[str, str]
) -> dict[str, str]:
    """What changes with the files at each address in an object store that the sources of these names lie at.

    Needs: `before`, what it was: it stays where the store cannot be asked now.
    """
    found: dict[str, str] = {}
    for name in names:
        with suppress(UsageError):  # it is declared no more
            declared = read_declared(name, settings)
            for address in (place for place in declared.where if "://" in place):
                try:
                    found[address] = _stamp_of(address, declared.format)
                except StorageError as error:
                    LOG.warning("Whether %s changed is not known now: %s", name, error)
                    found[address] = before.get(address, "")
    return found


def _stamp_of(address: str, kind: Format) -> str:
    """Of one file its version, else of all files below; empty for an address outside object stores."""
    root = PATTERN.split(address, maxsplit=1)[0]
    try:
        place = as_place(f"{root}/_delta_log" if kind == "delta" else root)
    except UsageError:
        return ""
    if not isinstance(place, ObjectPlace):
        return ""
    version = place.etag() if root == address and kind != "delta" else None
    return version or hashlib.sha256(json.dumps(place.versions()).encode()).hexdigest()
