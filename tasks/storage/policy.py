"""The policy file: read, checked, and known by its digest."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tasks.errors import PolicyError
from tasks.schemas.policy import Policy


@dataclass(frozen=True)
class Adopted:
    """A policy that passed its check, and the first twelve hex digits of its file's SHA-256."""

    policy: Policy
    digest: str


def read_policy(path: Path) -> Adopted:
    """The policy of a file.

    Errors: PolicyError that names the line and the mend.
    """
    if not path.is_file():
        raise PolicyError(f"There is no policy at {path}; restore governance/policy.toml, or name a file.")
    text = path.read_text(encoding="utf-8")
    try:
        policy = Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path} is not TOML: {error}. Mend that line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        said = first["msg"].removeprefix("Value error, ")
        raise PolicyError(f"{path} line {_line_of(first['loc'], text)}, {where}: {said}. Mend it.") from error
    return Adopted(policy, hashlib.sha256(text.encode()).hexdigest()[:12])


def _line_of(loc: tuple[int | str, ...], text: str) -> int:
    """Line (from 1) of a key, or of the table that should hold it."""
    lines = text.splitlines()
    if not loc:
        return 1
    key = str(loc[len(loc) - 1])
    heads = [n for n, line in enumerate(lines) if re.match(rf"^\[\[?{re.escape(str(loc[0]))}\]", line)]
    nth = loc[1] if len(loc) > 1 and isinstance(loc[1], int) else 0
    start = heads[nth] if nth < len(heads) else 0
    for n in range(start, len(lines)):
        if re.match(rf"^{re.escape(key)}\s*=", lines[n]):
            return n + 1
        if n > start and lines[n].startswith("["):
            break
    return start + 1
