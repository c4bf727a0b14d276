"""Rows of gold.monitoring, gold.actions and gold.economics of a month, from which stories are told."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from tasks.reporting.facts import Facts
from tasks.schemas.catalog import TABLES
from tests.policies import POLICY

DAY = date(2024, 6, 1)
MONTHS = [date(2024, month, 1) for month in (4, 5, 6)]


def figure(
    metric: str, status: str, *, day: date = DAY, subject: str = "score", **cells: Any
) -> dict[str, Any]:
    row = {
        "snapshot_date": day,
        "metric": metric,
        "subject": subject,
        "window": f"month {day:%Y-%m}",
        "n": 500,
    }
    known = {"value": 0.5, "reference": 0.6, "amber": 0.9, "red": 0.8, "model_id": "2024-03-01-4b6745be"}
    return {**dict.fromkeys(TABLES["gold.monitoring"].columns), **row, **known, "status": status, **cells}


def action(trigger: str, severity: str = "red", **cells: Any) -> dict[str, Any]:
    told = {"action": "Decide.", "owner": "Model risk", "due_date": date(2024, 6, 24), "evidence": "-"}
    own = {"snapshot_date": DAY, "trigger": trigger, "severity": severity, **told, **cells}
    return {**dict.fromkeys(TABLES["gold.actions"].columns), **own}


def money(name: str, value: float, reference: float | None = None, **cells: Any) -> dict[str, Any]:
    row = {"snapshot_date": DAY, "figure": name, "basis": "expected", "window": "month 2024-06"}
    known = {"cutoff": POLICY.cutoff_pd, "n": 500, "amount": 1.0, "status": "measured", "model_id": "m"}
    told = {"path": "all", "value": value, "ci_low": value, "ci_high": value, "reference": reference}
    return {**dict.fromkeys(TABLES["gold.economics"].columns), **row, **known, **told, **cells}


def facts(
    figures: Sequence[Any],
    actions: Sequence[Any] = (),
    moneys: Sequence[Any] = (),
    *,
    scored: Sequence[tuple[float, float]] = (),
) -> Facts:
    """Facts of the day; `scored` are PD and amount of its applications."""
    rows = (("gold.monitoring", figures), ("gold.actions", actions), ("gold.economics", moneys))
    past, due, earned = (pl.DataFrame(given, schema=TABLES[name].columns) for name, given in rows)
    loans = pl.DataFrame(scored, schema={"pd": pl.Float64, "amount": pl.Float64}, orient="row")
    return Facts(DAY, past, due, earned, POLICY, loans)
