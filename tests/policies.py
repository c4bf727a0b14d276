"""The policy that ships with the project, and policies that differ from it, for tests of what they decide."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.governance.policy import Policy

ADOPTED = read_policy(Settings().policy)
POLICY = ADOPTED.policy
STATED: dict[str, Any] = tomllib.loads(Settings().policy.read_text(encoding="utf-8"))
FACTORS = (2, 0.5, 1.1, 0.9, 10, 0.1, 4, 0.01, 50)


def numbers_of(part: Any, path: str = "") -> Iterator[str]:
    """Where each number of the file stands, such as gate.max_z or trigger.3.due."""
    if isinstance(part, dict | list):
        inner = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in inner:
            yield from numbers_of(value, f"{path}.{key}".lstrip("."))
    elif path.endswith(".due") or (isinstance(part, int | float) and not isinstance(part, bool)):
        yield path


def with_value(path: str, value: Any) -> Policy:
    stated = json.loads(json.dumps(STATED))
    *parents, last = path.split(".")
    part = stated
    for key in parents:
        part = part[int(key) if isinstance(part, list) else key]
    part[last] = value
    return Policy.model_validate(stated)


def at_once(name: str) -> Policy:
    """The adopted policy with a trigger that fires in the first month, as in policies adopted earlier."""
    changed = [one.model_copy(update={"months": 1}) if one.name == name else one for one in POLICY.trigger]
    return POLICY.model_copy(update={"trigger": tuple(changed)})


def other_policies(path: str) -> Iterator[Policy]:
    """Policies that differ in one number and are valid."""
    value: Any = STATED
    for key in path.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    if isinstance(value, str):
        number, unit = value.split(maxsplit=1)
        changed: list[Any] = [f"{int(number) + 40} {unit}", f"{int(number) + 5} working days"]
    elif isinstance(value, int):
        changed = [value + 1, value + 20, max(1, value - 1)]
    else:
        changed = [value * factor for factor in FACTORS] + [(1 + value) / 2]
    for one in changed:
        try:
            yield with_value(path, one)
        except ValidationError:
            continue
