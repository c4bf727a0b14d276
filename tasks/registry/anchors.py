"""What the histories of a model store are held to: the tables made by them, and a key.

Each commit of predictions, figures and actions notes the digest of the last line of the registry and of the
history of settings. A history without that line was cut, replaced by an older copy or written anew. The
newest note speaks for the older ones: when it was made they were in the chain that it ends.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.place import Place
from tasks.store.handles import newest_note
from tasks.store.sealed_lines import digests_of_lines

ANCHORED = ("gold.predictions", "gold.monitoring", "gold.actions")
Kind = Literal["registry", "settings"]
_replayed: ContextVar[Path | None] = ContextVar("replayed", default=None)


def name_note(kind: Kind) -> str:
    """Name of the note, in the metadata of a commit, that holds the head of a history."""
    return f"vintage.{kind}"


@contextmanager
def replay_store() -> Generator[Path]:
    """An empty model store for a replay, thrown away in the end: its models write no tables.

    So it alone is held to none, although it is read beside tables that another store has written.
    """
    with TemporaryDirectory() as folder:
        token = _replayed.set(Path(folder))
        try:
            yield Path(folder)
        finally:
            _replayed.reset(token)


def require_anchored(kind: Kind, text: str, path: Place, settings: Settings) -> None:
    """Do nothing if a history, read as `text` from `path`, holds the lines by which the tables were written.

    Tables that were written by older code have no notes and are held against nothing.
    Raises: ModelStoreError that names the table.
    """
    if settings.model_store == _replayed.get():
        return
    known = digests_of_lines(text)
    for name in ANCHORED:
        head = newest_note(name, name_note(kind), settings)
        if head is not None and head not in known:
            raise ModelStoreError(
                f"{path} lacks the line {head[:12]}, by which {name} in {settings.datamart} was written. "
                "Lines were removed, or an older or another history was put in its place. Restore the newest "
                "copy, or name a --datamart and a --model-store that belong together."
            )
