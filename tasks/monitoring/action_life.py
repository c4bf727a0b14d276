"""The life of an action: opened, continuing, escalated, then done or closed, from one month to the next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl

from tasks.governance.policy_trigger import Trigger
from tasks.schemas.actions import OPEN
from tasks.schemas.catalog import ACTIONS

LIFE = ("state", "opened", "months", "due_date", "closed_by", "closed_why", "escalated_by")
POLICY, FIGURES = "policy", "figures"  # who escalates or closes where no person does
Row = dict[str, Any]
Kind = Literal["training", "recalibration", "rollback", "retirement", "cut-off"]
# What carries out the order of a trigger; of another one that trains, a training.
CARRIED_OUT_BY: Mapping[str, tuple[Kind, ...]] = {
    "cohorts_ripe": ("training",),
    "score_shifted": ("training",),
    "ranking_red": ("training", "rollback"),
    "calibration_red": ("recalibration", "training"),
    "arrears_red": ("cut-off",),
    "path_cost_red": ("cut-off",),
    "model_unusable": ("rollback",),
    "source_missing": ("retirement",),
    "source_gone": ("retirement",),
}


@dataclass(frozen=True)
class Event:
    """What carries out an order: its kind, the day of its effect, by whom, in words, and of which source."""

    kind: Kind
    day: date
    by: str
    what: str
    source: str = ""


def is_open(state: str | None) -> bool:
    """Whether an action in this state is still to be done; rows of older code, without one, are."""
    return state is None or state in OPEN


def apply_decisions(rows: pl.DataFrame, decisions: Sequence[Mapping[str, str]]) -> pl.DataFrame:
    """Rows of gold.actions of one month as people left them, by what they decided on that month's actions.

    Needs:  of each decision what (close or escalate), trigger, by and reason; in their order.
    """
    kept: list[Row] = []
    for row in rows.to_dicts():
        whole = {**row, **life_of(row)}
        for one in decisions:
            if one["trigger"] == row["trigger"] and is_open(whole["state"]):
                whole |= _decided(one)
        kept.append(whole)
    return pl.DataFrame(kept, schema=ACTIONS.columns)


def _decided(decision: Mapping[str, str]) -> Row:
    if decision["what"] == "escalate":
        return {"state": "escalated", "escalated_by": f"{decision['by']}: {decision['reason']}"}
    return {"state": "closed", "closed_by": decision["by"], "closed_why": decision["reason"]}


def life_of(row: Mapping[str, Any]) -> Row:
    """The life of a row; one of older code began in its month."""
    begun = {"state": "opened", "opened": row["snapshot_date"], "months": 1}
    life = {name: row[name] for name in (*LIFE, "due_date")}
    return life if row["state"] else {**life, **begun}


def open_anew(trigger: Trigger, as_of: date) -> Row:
    """The life of an action that begins on a day."""
    due = due_date(as_of, trigger.due)
    return {**dict.fromkeys(LIFE), "state": "opened", "opened": as_of, "months": 1, "due_date": due}


def one_month_more(life: Row) -> Row:
    """The life of an action that was open and goes on."""
    state = "escalated" if life["state"] == "escalated" else "continuing"
    return {**life, "state": state, "months": life["months"] + 1}


def escalate(life: Row, trigger: Trigger, *, after: int) -> Row:
    """The same life, escalated once an open action stands `after` months."""
    long = life["months"] >= after and trigger.severity != "info"
    if life["state"] in ("opened", "continuing") and long:
        return life | {"state": "escalated", "escalated_by": POLICY}
    return life


def end_as_done(life: Row, event: Event) -> Row:
    """The life of an action whose order the event has carried out."""
    return life | {"state": "done", "closed_by": event.by, "closed_why": event.what}


def end_as_green(life: Row, as_of: date) -> Row:
    """The life of an action whose figures are green again."""
    return life | {"state": "closed", "closed_by": FIGURES, "closed_why": f"green again in {as_of:%Y-%m}"}


def end_for_another(life: Row, other: str) -> Row:
    """The life of an action whose figures are red for a reason that another trigger tells of."""
    why = f"{other} takes its place" if other else "its figures call for another action now"
    return life | {"state": "closed", "closed_by": POLICY, "closed_why": why}


def find_event(
    trigger: Trigger, subjects: Collection[str], opened: date, events: Sequence[Event]
) -> Event | None:
    """The newest event that carried out the order of an action since it was opened.

    A training runs before its month is measured: that of the same day answers for cohorts that are ripe.
    """
    kinds = CARRIED_OUT_BY.get(trigger.name, ("training",) if trigger.trains else ())
    same_day = trigger.name == "cohorts_ripe"
    fitting = [
        event
        for event in events
        if event.kind in kinds
        and (event.day > opened or (same_day and event.day == opened))
        and (not event.source or event.source in subjects)
    ]
    return fitting[-1] if fitting else None


def due_date(as_of: date, due: str) -> date:
    """The day a number of working days (Monday to Friday) after `as_of`; hours end on its next such day."""
    number, unit = due.split(maxsplit=1)
    days = int(number) if unit.startswith("working") else 0
    return np.busday_offset(np.datetime64(as_of), days, roll="forward").astype(date)
