"""Policy files that were adopted before a number became part of the policy: what held until then."""

from collections.abc import Mapping
from typing import Any

# By table and key. What is in force is in the policy file; this is only for files that do not state it.
HELD_BEFORE: Mapping[str, Mapping[str, float]] = {
    "gate": {"level": 0.90, "min_gain": -0.01, "auc_floor": 0.60, "max_z": 2.58, "cohorts": 3},
}


def fill_in(stated: Any) -> Any:
    """What a policy file states, and the values that held before for the numbers that it does not state."""
    if not isinstance(stated, Mapping):
        return stated
    filled = dict(stated)
    for table, numbers in find_unstated(stated).items():
        filled[table] = {**numbers, **stated.get(table, {})}
    return filled


def find_unstated(stated: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Numbers that the policy file does not state, with the values that held before, by table and key."""
    return {
        table: missing
        for table, numbers in HELD_BEFORE.items()
        if isinstance(stated.get(table, {}), Mapping)
        and (missing := {key: value for key, value in numbers.items() if key not in stated.get(table, {})})
    }
