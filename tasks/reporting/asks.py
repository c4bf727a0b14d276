"""Who is asked for what by when, and which choice the figures speak for; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.monitoring.action_life import due_date
from tasks.reporting.facts import Facts, Row
from tasks.reporting.words import about, day_name, model_day, model_name

CUTOFF_TRIGGERS = ("path_cost_red", "arrears_red")  # whose action is to set the cut-off
SETTLED = ("done", "closed")  # states of an action that ask for nothing any more


@dataclass(frozen=True)
class Ask:
    """One request: of `who`, `what`, by which day, and what the figures speak for.

    `due` is the day of the action, `by` that on which it is to be decided: later where `due` has passed.
    `stands` says why it is open though a newer model serves; `advice` is empty where there is no choice.
    `since` is the month in which it was opened, `severity` that of its figures.
    """

    severity: str
    since: date
    who: str
    what: str
    due: date
    by: date
    stands: str
    advice: str

    @property
    def overdue(self) -> bool:
        """Whether the day it was due has passed."""
        return self.by > self.due

    @property
    def when(self) -> str:
        """By when it is to be decided, and since when it is overdue."""
        late = f" (overdue since {day_name(self.due)})" if self.overdue else ""
        return f"by {day_name(self.by)}{late}"

    @property
    def words(self) -> str:
        """The request in sentences."""
        advice = f" Recommended: {self.advice}." if self.advice else ""
        stands = f" It stays open: {self.stands}." if self.stands else ""
        return f"{self.who}, {self.when}: {self.what}.{advice}{stands}"


def asks_of(name: str, facts: Facts) -> list[Ask]:
    """What is asked because of a cause, the first due first."""
    rows = facts.actions.filter(pl.col("trigger").str.starts_with(name), pl.col("severity") != "info")
    if "state" in rows.columns:
        rows = rows.filter(pl.col("state").is_null() | ~pl.col("state").is_in(SETTLED))
    return [_ask(row, facts) for row in rows.sort("due_date", "trigger").to_dicts()]


def is_cutoff_asked(facts: Facts) -> bool:
    """Whether somebody is asked to set the cut-off."""
    return any(asks_of(trigger, facts) for trigger in CUTOFF_TRIGGERS)


def _ask(row: Row, facts: Facts) -> Ask:
    advise = ADVICE.get(row["trigger"])
    return Ask(
        severity=row["severity"],
        since=row.get("opened") or row["snapshot_date"],
        who=row["owner"],
        what=row["action"].rstrip("."),
        due=row["due_date"],
        by=decide_by(row, facts),
        stands=_why_it_stands(row, facts.champion),
        advice=advise(facts) if advise else "",
    )


def decide_by(row: Row, facts: Facts) -> date:
    """The day an action is due; where that has passed, as many days on as its trigger gives."""
    terms = [trigger.due for trigger in facts.policy.trigger if trigger.name == row["trigger"]]
    late = row["due_date"] < facts.day
    return due_date(facts.day, terms[0]) if late and terms else row["due_date"]


def _why_it_stands(row: Row, champion: str) -> str:
    """Why an action is open that is older than the model in service; empty where it is not."""
    opened, trained = row.get("opened"), model_day(champion)
    if opened is None or trained is None or trained <= opened:
        return ""
    of = (row.get("model_id") or champion).split()
    if champion in of:
        return f"the newer {model_name(champion)} shows it too"
    return f"it is about loans of the {model_name(' '.join(of))}, none of the newer one is ripe"


def _advise_on_source(facts: Facts) -> str:
    cost = facts.money("path_cost")
    if cost is None:
        return "ask its sender to restore it, and retire it if that fails: its worth is not known yet"
    if cost["ci_low"] <= 0:
        return "retire it: that it is gone has no measurable cost"
    worth = f"it is worth about {about(cost['value'])} a month"
    return f"have its sender restore it, since {worth}; retire it, to do without it for good, if that fails"


def advise_on_cutoff(facts: Facts) -> str:
    """Where the figures put the cut-off, and why."""
    best, cutoff = facts.best_cutoff, facts.policy.cutoff_pd
    if best is None:
        return f"leave it at {cutoff:.0%} until profit is measured"
    limits = f"{best['ci_low']:.0%} to {best['ci_high']:.0%}"
    if facts.gain_of_best <= 0:
        return f"leave it at {cutoff:.0%}: no other earns more"
    if not facts.better_cutoff:
        return f"leave it at {cutoff:.0%}: from {limits} any may be best"
    return f"set it at {best['value']:.0%}, which earns about {about(facts.gain_of_best)} a month more"


def _advise_on_arrears(facts: Facts) -> str:
    """The cut-off at which a loan breaks even if it defaults as much more often as it is in arrears."""
    best, arrears = facts.money("best_cutoff"), facts.outside("early_arrears")
    if best is None or not arrears or best["reference"] is None:
        return ""
    even = best["reference"] * arrears[0]["reference"] / arrears[0]["value"]
    return f"set it at {even:.0%}, where a loan breaks even if defaults exceed the PDs as arrears do"


def _advise_on_ranking(facts: Facts) -> str:
    worth = facts.money("value_over_former", "realised") or facts.money("value_over_former")
    if worth is None:
        return "retrain: no model before it can score these loans"
    if worth["ci_high"] < 0:
        return f"roll back: the model before earns about {about(-worth['value'])} more on these loans"
    return "retrain: the model before earns no more on these loans"


def _advise_on_drift(facts: Facts) -> str:
    moved = sorted(facts.outside("csi"), key=lambda row: -row["value"])
    return f"begin with {moved[0]['subject']}, which moved furthest" if moved else ""


ADVICE: Mapping[str, Callable[[Facts], str]] = {
    "source_gone": _advise_on_source,
    "path_cost_red": advise_on_cutoff,
    "arrears_red": _advise_on_arrears,
    "ranking_red": _advise_on_ranking,
    "score_drifts": _advise_on_drift,
}
