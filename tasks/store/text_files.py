"""Text files that grow by lines, wherever they lie: a change is made on the newest text, or not at all."""

from collections.abc import Callable
from functools import partial
from operator import itemgetter

from tasks.errors import PassingError
from tasks.place import ObjectPlace, Place
from tasks.store.atomic_files import locked, write_whole
from tasks.store.turns import take_turns


def read_text(file: Place) -> str:
    """What the file holds; empty where there is none."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def change_text(file: Place, change: Callable[[str], str | None]) -> bool:
    """Replace what the file holds (empty: there is none) by what `change` makes of it.

    False, and nothing written, where that is None. Writers take turns: in a folder by a lock; in an object
    store each writes on the version that it read, and reads again where another was first.
    Raises: whatever `change` raises; PassingError when others are first again and again.
    """
    if isinstance(file, ObjectPlace):
        return _change_object(file, change)
    with locked(file):
        text = change(read_text(file))
        if text is not None:
            write_whole(file, text)
    return text is not None


def _change_object(file: ObjectPlace, change: Callable[[str], str | None]) -> bool:
    written = None
    for text, version in take_turns(partial(_read_version, file), itemgetter(1)):
        if written is not None and text.startswith(written):
            return True  # it went through, and only the answer was lost
        written = change(text)
        if written is None:
            return False
        if file.write_on(version, written.encode()):
            return True
    raise PassingError(f"Others write to {file} all the time. Nothing was added to it; try again later.")


def _read_version(file: ObjectPlace) -> tuple[str, str | None]:
    try:
        content, version = file.read_version()
    except FileNotFoundError:
        return "", None
    return content.decode(), version


def append_line(text: str, line: str) -> str:
    """The text with a line more, also where its last one was cut short."""
    missing = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{missing}{line}\n"
