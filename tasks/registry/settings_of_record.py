"""The settings that shape a result: written down by the first training, read from there by all later runs.

A variable of the day's environment that differs is reported and does not win. A change is a decision with a
date.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from tasks.config import LABEL_RULE, RECORDED, Settings, checked_settings, label_def, rule_of
from tasks.errors import ModelStoreError, UsageError
from tasks.governance.adopted_policy import Adopted, read_policy
from tasks.registry.approver import require_name_and_reason
from tasks.registry.history import load_registry, newest_trained_before
from tasks.registry.registered_files import read_card
from tasks.registry.settings_history import (
    SettingsLine,
    append_settings,
    history_path,
    lines_until,
    read_settings_history,
)
from tasks.store import tables

LOG = logging.getLogger("vintage")
SETUP = ("trials", "seed", "oot_cohorts")  # the settings that a model's card holds


def settings_on(day: date, settings: Settings) -> Settings:
    """The settings with which a run of `day` has to work: those of record over those that were given.

    Raises: ModelStoreError when the datamart's labels and the model store are of two label rules.
    """
    recorded = _recorded_on(day, settings)
    given = Settings()
    for name in sorted(given.model_fields_set & recorded.keys()):
        if getattr(given, name) != recorded[name]:
            _report_once(
                f"VINTAGE_{name.upper()}={getattr(given, name)} is not used: {settings.model_store} and "
                f"{settings.datamart} were made with {recorded[name]}. {_how_to_change(name)}"
            )
    return settings.model_copy(update=recorded)


def policy_on(day: date, settings: Settings) -> Adopted:
    """The policy with the cut-off that holds on a day: the newest that was set by then, else the file's.

    Raises: PolicyError that names the line of the file and the fix.
    """
    adopted, cutoff_pd = read_policy(settings.policy), settings_on(day, settings).cutoff_pd
    if cutoff_pd is None:
        return adopted
    cutoff = adopted.policy.cutoff.model_copy(update={"approve_up_to_pd": cutoff_pd})
    return replace(adopted, policy=adopted.policy.model_copy(update={"cutoff": cutoff}))


def set_cutoff(cutoff_pd: float, start: date, settings: Settings, *, by: str, reason: str) -> float:
    """Let another cut-off hold from a day on, on record; return the one that held before.

    Raises: UsageError for what `change_settings` refuses, and for a day by which a month was monitored: its
    figures rest on the cut-off that held.
    """
    monitored = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day >= start]
    if monitored:
        raise UsageError(
            f"{monitored[-1]} was monitored by the cut-off that held on it. Choose --from after "
            f"{monitored[-1]}."
        )
    before = policy_on(start, settings).policy.cutoff_pd
    change_settings({"cutoff_pd": str(cutoff_pd)}, start, settings, by=by, reason=reason)
    return before


def record_settings(day: date, settings: Settings) -> None:
    """Write down the settings of the first training (of the next one, in a store without a record)."""
    if not read_settings_history(settings):
        values = {name: getattr(settings, name) for name in RECORDED}
        line = SettingsLine(str(day), settings.trained_by, "first training", values)
        append_settings(line, settings, follows=0)


def change_settings(
    changes: Mapping[str, str], start: date, settings: Settings, *, by: str, reason: str
) -> dict[str, Any]:
    """Let other settings hold from a day on; return them all.

    Raises: UsageError for a setting that cannot be changed or a value that it cannot have, without a name or
    a reason, before the first training, or for a day that is decided already.
    """
    require_name_and_reason(by, reason)
    _require_changeable(changes)
    newest = _newest_card(settings)
    if not newest:
        raise UsageError(
            f"{settings.model_store} holds no model, so no settings are on record yet: the first training "
            f"writes them down. Set {', '.join(f'VINTAGE_{name.upper()}' for name in changes)} for it."
        )
    if str(start) <= newest["as_of"]:
        raise UsageError(
            f"{newest['model_id']} was trained on {newest['as_of']} with the settings of that day. "
            f"Choose --from after {newest['as_of']}."
        )
    record_settings(date.fromisoformat(newest["as_of"]), settings_on(start, settings))
    lines = read_settings_history(settings)
    if str(start) < lines[-1].effective_from:
        raise UsageError(
            f"A change of {lines[-1].effective_from} is on record; one of {start} would change what follows "
            f"it. Choose --from {lines[-1].effective_from} or later."
        )
    held = checked_settings({**settings_on(start, settings).model_dump(), **changes})
    values = {name: getattr(held, name) for name in RECORDED}
    if not append_settings(SettingsLine(str(start), by, reason, values), settings, follows=len(lines)):
        raise ModelStoreError(f"{history_path(settings)} was changed meanwhile; run the same command again.")
    return values


def settings_table(day: date, settings: Settings) -> pl.DataFrame:
    """One row per setting that shapes a result: setting, value, since, by, why, as they hold on a day.

    `since`, `by` and `why` are of the line that gave it this value, null for what is not on record yet.
    """
    held = settings_on(day, settings)
    lines = lines_until(day, read_settings_history(settings))
    rows: list[dict[str, str | None]] = []
    for name in RECORDED:
        line = _set_by(name, lines)
        origin = {"since": line.effective_from, "by": line.by, "why": line.why} if line else {}
        rows.append({"setting": name, "value": str(getattr(held, name)), **origin})
    return pl.DataFrame(rows, schema=dict.fromkeys(("setting", "value", "since", "by", "why"), pl.String))


def _set_by(name: str, lines: list[SettingsLine]) -> SettingsLine | None:
    """The line that gave a setting the value that it has in the last one."""
    origin = None
    for line in lines:
        if origin is None or line.settings.get(name) != origin.settings.get(name):
            origin = line
    return origin


def _recorded_on(day: date, settings: Settings) -> dict[str, Any]:
    """Values by setting: of the line that holds on the day; in an older store, of the newest card."""
    lines = lines_until(day, read_settings_history(settings))
    if lines:
        recorded = {name: value for name, value in lines[-1].settings.items() if name in RECORDED}
    else:
        newest = _newest_card(settings)
        recorded = {name: newest["setup"][name] for name in SETUP} if newest else {}
    rule = _stored_rule(settings)
    learned = {name: recorded[name] for name in LABEL_RULE if name in recorded}
    if rule and learned and rule != learned:
        raise ModelStoreError(
            f"{settings.datamart} holds labels by {label_def(**rule)}, and the models of "
            f"{settings.model_store} learned {label_def(**learned)}. "
            "Name a --datamart and a --model-store that belong together."
        )
    return {**recorded, **rule}


def _newest_card(settings: Settings) -> dict[str, Any] | None:
    registry = load_registry(settings)
    model_id = newest_trained_before(registry, date.max)
    return read_card(registry, model_id) if model_id else None


def _stored_rule(settings: Settings) -> dict[str, int]:
    """The label rule of the labels that are stored, by setting; empty before the first."""
    days = tables.snapshot_dates("gold.label_store", settings)
    if not days:
        return {}
    first = tables.scan("gold.label_store", settings, on=days[:1]).select("label_def").head(1)
    return rule_of(first.collect().item())


def _require_changeable(changes: Mapping[str, str]) -> None:
    changeable = [name for name in RECORDED if name not in LABEL_RULE]
    for name in changes:
        if name in LABEL_RULE:
            raise UsageError(
                f"{name} is part of the label rule, and a datamart holds one. Name an empty --datamart and "
                f"--model-store, and set VINTAGE_{name.upper()} for their first run."
            )
        if name not in changeable:
            raise UsageError(f"There is no setting {name!r} to change; choose from {', '.join(changeable)}.")


def _how_to_change(name: str) -> str:
    if name in LABEL_RULE:
        return "Another label rule needs an empty --datamart and --model-store."
    return f"Change it from a date on with: vintage settings change {name}=VALUE --from YYYY-MM-01"


@cache
def _report_once(text: str) -> None:
    LOG.warning("%s", text)
