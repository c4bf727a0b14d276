"""The settings that a model store was made with, and each change of them: <model_store>/settings.jsonl."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.place import Place
from tasks.registry.anchors import name_note, require_anchored
from tasks.registry.history import Registry
from tasks.store.sealed_files import read_key
from tasks.store.sealed_lines import digest_of_last, read_lines, require_key, seal_line
from tasks.store.text_files import change_text, read_text


@dataclass(frozen=True)
class SettingsLine:
    """From `effective_from` on these settings hold; the first line holds before its date as well."""

    effective_from: str
    by: str
    why: str
    settings: Mapping[str, Any]


def history_path(settings: Settings) -> Place:
    """The file itself, oldest line first."""
    return settings.model_store / "settings.jsonl"


def read_settings_history(settings: Settings) -> list[SettingsLine]:
    """All lines in order; empty before the first model.

    Raises: ModelStoreError when a line was edited, removed or cannot be read, when it lacks the line by which
    a table was written, or when the key of the settings did not sign it.
    """
    return _parse(_read(settings), settings)


def _parse(text: str, settings: Settings) -> list[SettingsLine]:
    path = history_path(settings)
    names = SettingsLine.__dataclass_fields__
    lines = read_lines(text, path, what="a line of settings", key=read_key(settings))
    require_anchored("settings", text, path, settings)
    try:
        return [SettingsLine(**{name: fields[name] for name in names}) for fields in lines]
    except KeyError as error:
        raise ModelStoreError(f"{path} has a line without {error}; restore the file.") from error


def append_settings(line: SettingsLine, settings: Settings, *, follows: int) -> bool:
    """Append a line to a history of `follows` lines; False, and nothing written, when it has more by now."""
    path, key = history_path(settings), read_key(settings)

    def with_line(text: str) -> str | None:
        if len(_parse(text, settings)) != follows:
            return None
        require_key(text, path, key)
        return text + seal_line(asdict(line), text, key) + "\n"

    return change_text(path, with_line)


def note_heads(registry: Registry, settings: Settings) -> dict[str, str]:
    """What a commit notes of the histories by which its rows were made, by the name of each note."""
    return {name_note("registry"): registry.head, name_note("settings"): digest_of_last(_read(settings))}


def _read(settings: Settings) -> str:
    return read_text(history_path(settings))


def lines_until(day: date, lines: list[SettingsLine]) -> list[SettingsLine]:
    """The lines that are effective by a day, else the first: the last of them holds on it."""
    return [line for line in lines if line.effective_from <= str(day)] or lines[:1]
