"""One writer to a datamart: a second command waits for the first, and says who that is."""

import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tasks.config import Settings
from tasks.place import Place, scratch_of
from tasks.store.atomic_files import held

LOG = logging.getLogger("vintage")
_ours: set[Path] = set()  # datamarts that this process writes to


@contextmanager
def one_writer(settings: Settings, doing: str) -> Generator[None]:
    """Be the only command that writes to the datamart while the block runs; `doing` is told to who waits.

    Of a datamart in an object store: the only one of this machine. One elsewhere that writes the same month
    is refused by the table (`tables.replace_partitions`).
    """
    datamart = scratch_of(settings.datamart).resolve()
    if datamart in _ours:
        yield
        return
    now = datetime.now(UTC)
    by = f"{doing} (process {os.getpid()} on {socket.gethostname()}, since {now:%Y-%m-%d %H:%M} UTC)"
    with held(datamart, "writer", by, waiting=lambda other: _say(other, settings.datamart)):
        _ours.add(datamart)
        try:
            yield
        finally:
            _ours.discard(datamart)


def write_for_another(settings: Settings) -> None:
    """From now on this process writes to the datamart for a command that is its only writer already."""
    _ours.add(scratch_of(settings.datamart).resolve())


def _say(other: str, datamart: Place) -> None:
    LOG.warning("Waiting for %s, which writes to %s.", other or "another command", datamart)
