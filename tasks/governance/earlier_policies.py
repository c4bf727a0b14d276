"""Policy files that were adopted earlier: numbers that they do not state, and names that changed since."""

from collections.abc import Mapping
from typing import Any

# By table and key. What is in force is in the policy file; this is only for files that do not state it.
HELD_BEFORE: Mapping[str, Mapping[str, float]] = {
    "stability": {"drift_months": 2},
    "coverage": {"amber_p": 0.01},
    "audit": {"hindsight_z": 3.5, "live_months": 3},
    "fairness": {"red_p": 1.0, "min_applicants": 30},
    "paths": {"min_loans": 50, "months": 3, "min_change": 0.05, "p": 0.01},
    "path_cost": {"amber_excess": 0.25, "red_excess": 0.50, "p": 0.01, "red_p": 0.01},
    "economics": {"margin": 0.15, "loss_given_default": 0.75, "min_bad_loans": 100, "months": 12},
    "actions": {"escalate_months": 3},
    "gate": {
        "level": 0.90,
        "min_gain": -0.01,
        "auc_floor": 0.60,
        "max_brier_loss": 0.002,
        "max_z": 2.58,
        "path_share": 0.10,
        "cohorts": 3,
    },
}
MONTHS_BEFORE = {"score_drifts": 2, "calibration_red": 2, "arrears_red": 2, "fairness_red": 2}  # of triggers
RENAMED: Mapping[str, Mapping[str, str]] = {  # by table: the earlier key, and that of today
    "ranking": {"least_drop": "min_drop"},
    "calibration": {"least": "min_deviation"},
    "arrears": {"least": "min_excess"},
    "choice": {"least_gain": "min_gain", "least_coverage": "min_coverage"},
}
# By table and key: the table of today that has the key.
MOVED: Mapping[tuple[str, str], str] = {("fairness", "approve_up_to_pd"): "cutoff"}


def fill_in(stated: Any) -> Any:
    """What a policy file states, under today's names, and what held before for what it does not state."""
    if not isinstance(stated, Mapping):
        return stated
    filled = _move({name: _rename(name, part) for name, part in stated.items()})
    for table, numbers in HELD_BEFORE.items():
        if isinstance(filled.get(table, {}), dict):
            filled[table] = {**numbers, **filled.get(table, {})}
    if isinstance(filled.get("trigger"), list):
        filled["trigger"] = [_with_months(trigger) for trigger in filled["trigger"]]
    return filled


def find_unstated(stated: Mapping[str, Any]) -> list[str]:
    """What a policy file that passed its check does not state, as lines to add: `[gate] max_z = 2.58`."""
    lines: list[str] = []
    for table, numbers in HELD_BEFORE.items():
        missing = [f"{key} = {value:g}" for key, value in numbers.items() if key not in stated.get(table, {})]
        lines += [f"[{table}] {', '.join(missing)}"] if missing else []
    for (table, key), now in MOVED.items():
        if key in stated.get(table, {}):
            lines.append(f"[{now}] {key} = {stated[table][key]:g} (instead of [{table}] {key})")
    for trigger in stated["trigger"]:
        if _with_months(trigger) != trigger:
            lines.append(f"[[trigger]] {trigger['name']}: months = {MONTHS_BEFORE[trigger['name']]}")
    return lines


def _rename(table: str, part: Any) -> Any:
    renamed = RENAMED.get(table, {})
    return {renamed.get(key, key): value for key, value in part.items()} if isinstance(part, dict) else part


def _move(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables with each of MOVED where it belongs; one that is stated there too stays, and is an error."""
    for (before, key), now in MOVED.items():
        part = tables.get(before)
        if now not in tables and isinstance(part, dict) and key in part:
            kept = {name: value for name, value in part.items() if name != key}
            tables = {**tables, before: kept, now: {key: part[key]}}
    return tables


def _with_months(trigger: Any) -> Any:
    if isinstance(trigger, dict) and trigger.get("name") in MONTHS_BEFORE and "metric" not in trigger:
        return {"months": MONTHS_BEFORE[trigger["name"]], **trigger}
    return trigger
