"""TOML files that people edit: checked whole, a mistake told with its line and the fix."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tasks.errors import PolicyError

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, model: type[Model], *, what: str) -> tuple[Model, str]:
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


def parse_toml(text: str, path: Path, model: type[Model]) -> Model:
    """What the text, which is or will be in the file, says.

    Raises: PolicyError that names the line and the fix.
    """
    try:
        return model.model_validate(tomllib.loads(text))
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


def _line_of(loc: tuple[int | str, ...], text: str) -> int:
    """Line (from 1) of a key, or of the table that should hold it."""
    lines = text.splitlines()
    if not loc:
        return 1
    key = str(loc[len(loc) - 1])
    table = re.escape(str(loc[0])) + (rf"(\.{re.escape(str(loc[1]))})?" if len(loc) > 1 else "")
    heads = [n for n, line in enumerate(lines) if re.match(rf"^\[\[?{table}\]", line)]
    nth = loc[1] if len(loc) > 1 and isinstance(loc[1], int) else 0
    start = heads[nth] if nth < len(heads) else 0
    for n in range(start, len(lines)):
        if re.match(rf"^{re.escape(key)}\s*=", lines[n]):
            return n + 1
        if n > start and lines[n].startswith("["):
            break
    return start + 1
