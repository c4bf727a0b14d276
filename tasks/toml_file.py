"""TOML files that people edit: checked whole, a mistake told with its line and the fix."""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tasks.errors import PolicyError
from tasks.place import Place

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Place, model: type[Model], *, what: str) -> tuple[Model, str]:
    """What the file says, checked by `model`, and its text.

    Raises: PolicyError that names the line and the fix.
    """
    if not path.is_file():
        raise PolicyError(f"{path} is missing; restore governance/{what}.toml, or name a file.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path} is not UTF-8 text. Save it as such, or restore a copy.") from error
    return parse_toml(text, path, model), text


def parse_toml(text: str, path: Place, model: type[Model]) -> Model:
    """What the text, which is or will be in the file, says.

    Raises: PolicyError that names the line and the fix.
    """
    try:
        return _parsed(text, model)
    except RecursionError as error:
        raise PolicyError(f"{path} nests its values too deeply to be read. Restore a copy of it.") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path} is not TOML: {error}. Correct that line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise PolicyError(
            f"{path} line {_line_of(first['loc'], text)}, {where}: {message}. Correct it."
        ) from error


@lru_cache(maxsize=32)
def _parsed(text: str, model: type[Model]) -> Model:
    """The same object for the same text: what it says is not changed, and is asked for many times a month."""
    return model.model_validate(tomllib.loads(text))


def _line_of(loc: tuple[int | str, ...], text: str) -> int:
    """Line (from 1) of a key, or of the table that should hold it."""
    if not loc:
        return 1
    lines = text.splitlines()
    names = [re.escape(str(part)) for part in loc if isinstance(part, str)]
    nth = next((part for part in loc if isinstance(part, int)), 0)
    heads = _find(lines, rf"^\[\[?{names[0]}\]") or _find(lines, rf"^\[\[?{names[0]}\.")
    place = heads[nth] if nth < len(heads) else 0
    for name in names[1:] if heads else names:
        key = rf"^\"?{name}\"?\s*=|^\[\[?([\w.]+\.)?\"?{name}\"?\]"
        place = next((n for n in _table_lines(lines, place, names[0]) if re.match(key, lines[n])), place)
    return place + 1


def _find(lines: list[str], pattern: str) -> list[int]:
    return [n for n, line in enumerate(lines) if re.match(pattern, line)]


def _table_lines(lines: list[str], start: int, table: str) -> Iterator[int]:
    """Numbers of the lines from `start` on that are of the same table, or of one below it."""
    for n in range(start, len(lines)):
        if n > start and re.match(r"^\[", lines[n]) and not re.match(rf"^\[\[?{table}\.", lines[n]):
            return
        yield n
