"""The life of a source: active, missing, gone, retired from a day on, restored."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import UsageError
from tasks.governance.adopted_policy import read_policy
from tasks.governance.declarations import read_declarations, read_declared
from tasks.governance.source_log import (
    Line,
    What,
    effective_on,
    ever_used,
    note_decision,
    retired_on,
    used_on,
)
from tasks.lender.current import lender
from tasks.registry.approver import require_name_and_reason
from tasks.sources.decisions import require_open_day
from tasks.store import tables

DECIDES = ("retire", "restore")
GONE, MONTHS_UNTIL_GONE = "source_gone", 3  # the trigger that says so, and what holds where a policy has none


def retire(name: str, start: date, settings: Settings, *, by: str, reason: str) -> None:
    """Leave a source out of trainings from a day on, and take its absence for granted.

    Raises: UsageError for one that nothing works without, is not in use or retired already, without a name or
    a reason, or for a day that was trained on or monitored.
    """
    require_name_and_reason(by, reason)
    declared = read_declared(name, settings)
    may_be_missing = [source.name for source in lender().sources if source.may_be_missing]
    if declared.own and name not in may_be_missing:
        raise UsageError(f"Nothing works without {name}; it cannot be retired. Ask its sender for the rows.")
    if name in retired_on(None, settings):
        raise UsageError(f"{name} is retired already, from {retired_on(None, settings)[name]} on.")
    if not declared.own and name not in used_on(None, settings):
        raise UsageError(f"{name} is not in use, so there is nothing to retire. See: vintage sources list")
    _record("retire", name, start, settings, by=by, reason=reason)


def restore(name: str, start: date, settings: Settings, *, by: str, reason: str) -> None:
    """Let trainings from a day on learn from a retired source again.

    Raises: UsageError for one that is not retired, without a name or a reason, or for a day that was trained
    on or monitored.
    """
    require_name_and_reason(by, reason)
    read_declared(name, settings)
    if name not in retired_on(None, settings):
        raise UsageError(
            f"{name} is not retired, so there is nothing to restore: once its sender delivers again, its "
            "coverage turns green by itself."
        )
    _record("restore", name, start, settings, by=by, reason=reason)


def _record(what: What, name: str, start: date, settings: Settings, *, by: str, reason: str) -> None:
    require_open_day(name, start, settings)
    monitored = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day >= start]
    if monitored:
        raise UsageError(
            f"{monitored[-1]} was monitored by what was decided then, so nothing can take effect on {start}: "
            f"history is not edited. Choose a day after {monitored[-1]}."
        )
    note_decision(what, name, {"from": str(start), "by": by, "reason": reason}, settings)


def describe_lives(settings: Settings) -> dict[str, str]:
    """Where each source that is ours or was ever in use stands, in words, by its name."""
    decided = {line["source"]: line for line in effective_on(None, settings) if line["what"] in DECIDES}
    reds, gone_after = _red_months(settings), _months_until_gone(settings)
    return {
        source.name: _describe_life(decided.get(source.name), reds.get(source.name, []), gone_after)
        for source in read_declarations(settings)
        if source.own or source.name in ever_used(settings)
    }


def _describe_life(decided: Line | None, reds: Sequence[date], gone_after: int) -> str:
    """Needs: the last decision, the newest months in a row in which its coverage was red, in order."""
    if decided and decided["what"] == "retire":
        return f"retired from {decided['from']}"
    if reds:
        gone = len(reds) >= gone_after
        return f"gone since {reds[0]}, a decision is due" if gone else f"missing since {reds[0]}"
    return f"restored from {decided['from']}" if decided else "active"


def _red_months(settings: Settings) -> dict[str, list[date]]:
    """By source, the newest months in a row in which its coverage was red; months without it do not count."""
    if not tables.snapshot_dates("gold.monitoring", settings):
        return {}
    rows = tables.scan("gold.monitoring", settings).filter(pl.col("metric") == "coverage")
    found: dict[str, list[date]] = {}
    for row in rows.sort("snapshot_date").collect().iter_rows(named=True):
        if row["value"] is not None:
            before = found.get(row["subject"], [])
            found[row["subject"]] = [*before, row["snapshot_date"]] if row["status"] == "red" else []
    return found


def _months_until_gone(settings: Settings) -> int:
    """After how many months in a row the policy calls a missing source gone."""
    triggers = read_policy(settings.policy).policy.trigger
    return next((trigger.months for trigger in triggers if trigger.name == GONE), MONTHS_UNTIL_GONE)
