"""Who is asked for what by when, and which choice the figures speak for; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.monitoring.action_life import due_date
from tasks.monitoring.triggers import metrics_of
from tasks.months import months_before
from tasks.reporting.facts import Facts, Row, months_outside, source_of
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
    return [_ask(row, facts) for row in _open_actions(name, facts)]


def _open_actions(name: str, facts: Facts) -> Sequence[Row]:
    """Actions of the day, because of a cause, that are still to be done, the first due first."""
    rows = facts.actions.filter(pl.col("trigger").str.starts_with(name), pl.col("severity") != "info")
    if "state" in rows.columns:
        rows = rows.filter(pl.col("state").is_null() | ~pl.col("state").is_in(SETTLED))
    return rows.sort("due_date", "trigger").to_dicts()


@dataclass(frozen=True)
class Watch:
    """Who is asked once a cause lasts, of which nothing is asked yet, and when; no `owner`: nobody."""

    owner: str
    once: str

    @property
    def words(self) -> str:
        """The same as a clause."""
        if not self.owner:
            return "no order of the policy follows from this figure by itself"
        return f"an order to {self.owner} follows {self.once}"


def watch_of(name: str, rows: Sequence[Row], facts: Facts) -> Watch:
    """Who would be asked because of a cause of which nothing is asked, and how long it lasts already."""
    worst = rows[0]
    named = [one for one in facts.policy.trigger if one.name.startswith(name) and one.severity != "info"]
    waiting = [one for one in named if worst["metric"] in metrics_of(one)]
    if not waiting:
        return Watch("", "")
    first = next((one for one in waiting if one.severity == worst["status"]), waiting[0])
    last = f" {first.months} months in a row" if first.months > 1 else ""
    lasted, owner = months_outside(worst, facts.past), first.owner.replace(", ", " and ")
    now = f"; it is {worst['status']} now"
    if first.severity == worst["status"]:
        now = f"; this is month {lasted}" if lasted < first.months else ""
    return Watch(owner, f"once it is {first.severity}{last}{now}")


def confirm_pause(facts: Facts) -> str:
    """Who confirms by when that nobody is meant to apply."""
    owner = owner_of(CUTOFF_TRIGGERS[0], facts)
    return f"{owner} confirms by {day_name(next_review(facts))} that lending has ended"


def owner_of(trigger: str, facts: Facts) -> str:
    """Whom the policy makes the owner of a trigger's action."""
    return next((one.owner for one in facts.policy.trigger if one.name == trigger), "the lender")


def next_review(facts: Facts) -> date:
    """The day of the next month's review."""
    return months_before(facts.day, -1)


def is_cutoff_asked(facts: Facts) -> bool:
    """Whether somebody is asked to set the cut-off."""
    return any(_open_actions(trigger, facts) for trigger in CUTOFF_TRIGGERS)


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
        return f"the newer {model_name(champion)} did not end it"
    return f"it is about loans of the {model_name(' '.join(of))}, none of the newer one is ripe"


def _advise_on_source(facts: Facts) -> str:
    cost = facts.money("path_cost")
    if cost is None:
        return "ask its sender to restore it, and retire it if that fails: its worth is not known yet"
    if cost["ci_low"] <= 0:
        return "retire it: that it is gone has no measurable cost"
    worth = f"it is worth about {about(cost['value'])} a month"
    return f"have its sender restore it, since {worth}; retire it, to do without it for good, if that fails"


def recommended_cutoff(facts: Facts) -> float | None:
    """Where the figures put the cut-off that somebody is asked to set; None without either."""
    if not is_cutoff_asked(facts):
        return None
    even = _even_under_arrears(facts)
    if even is not None or not _open_actions("path_cost", facts):
        return even
    moved = facts.best_cutoff is not None and facts.gain_of_best > 0
    return facts.best_cutoff["value"] if moved and facts.best_cutoff else facts.policy.cutoff_pd


def _advise_on_cutoff(facts: Facts) -> str:
    """Where the figures put the cut-off, and why."""
    best, cutoff = facts.best_cutoff, facts.policy.cutoff_pd
    if _even_under_arrears(facts) is not None:
        return _advise_on_arrears(facts)
    if best is None:
        return f"leave it at {cutoff:.0%} until profit is measured"
    if facts.gain_of_best <= 0:
        return f"leave it at {cutoff:.0%}: no other earns more"
    more = f"set it at {best['value']:.0%}, which earns about {about(facts.gain_of_best)} a month more"
    limits = f"{best['ci_low']:.0%} to {best['ci_high']:.0%}"
    return more if facts.better_cutoff else f"{more}; that may be chance, as from {limits} any may be best"


def _even_under_arrears(facts: Facts) -> float | None:
    """The PD at which a loan breaks even if it defaults as much more often as it is in arrears."""
    best, arrears = facts.money("best_cutoff"), facts.outside("early_arrears")
    if best is None or not arrears or best["reference"] is None or not _open_actions("arrears", facts):
        return None
    return float(best["reference"]) / _times(arrears[0])


def _times(arrears: Row) -> float:
    """How many times as many loans are in arrears as their PDs imply."""
    return float(arrears["value"]) / float(arrears["reference"])


def _advise_on_arrears(facts: Facts) -> str:
    even, best = _even_under_arrears(facts), facts.best_cutoff
    if even is None:
        return ""
    set_it = f"set it at {even:.0%}, where a loan breaks even if it defaults as often as arrears suggest"
    if best is None:
        return set_it
    why_not = "before these arrears" if best["basis"] == "realised" else "by the PDs that arrears exceed"
    even = round(even, 2)
    return f"{set_it} ({name_best(best)}, {why_not}){_effect_of(even, facts)}{_risk_of(even, facts)}"


def _effect_of(cutoff: float, facts: Facts) -> str:
    """How many a lower cut-off approves, and what it saves if loans default as arrears suggest."""
    before, then = facts.approved_at(facts.policy.cutoff_pd), facts.approved_at(cutoff)
    if before is None or then is None or then >= before:
        return ""
    saved = _saved_by(cutoff, facts)
    saves = f" and saves about {about(saved)} a month" if saved > 0 else ""
    return f"; that approves {then:.1%} in place of {before:.1%}{saves}"


def _saved_by(cutoff: float, facts: Facts) -> float:
    """What the loans between a lower cut-off and the policy's lose if they default as arrears suggest."""
    best, arrears = facts.money("best_cutoff"), facts.outside("early_arrears")
    if best is None or not arrears:
        return 0.0
    margin, pd = facts.policy.economics.margin, pl.col("pd")
    declined = facts.scored.filter(pd > cutoff, pd <= facts.policy.cutoff_pd)
    defaults = (pd * _times(arrears[0])).clip(upper_bound=1.0)
    lost = pl.col("amount") * (margin / best["reference"] * defaults - margin)
    return float(declined.select(lost.sum()).item())


def _risk_of(cutoff: float, facts: Facts) -> str:
    """What another cut-off, of whole percents, costs if the PDs hold after all."""
    here, there = (facts.profit_at(round(one, 2)) for one in (facts.policy.cutoff_pd, cutoff))
    if here is None or there is None or there >= here:
        return ""
    return f"; if the PDs hold after all, that costs about {about(here - there)} a month"


def name_best(best: Row) -> str:
    """Where the best cut-off is, and by which figures."""
    by = "the forecast puts" if best["basis"] == "expected" else "ripe loans put"
    return f"{by} the best at {best['value']:.0%} ({best['ci_low']:.0%} to {best['ci_high']:.0%})"


def name_gain(facts: Facts) -> str:
    """What the best cut-off earns more than the policy's, by the figures that put it there."""
    best = facts.best_cutoff
    would = "would earn" if best and best["basis"] == "expected" else "would have earned"
    return f"{would} about {about(facts.gain_of_best)} a month more than {facts.policy.cutoff_pd:.0%}"


def _advise_on_ranking(facts: Facts) -> str:
    worth = facts.money("value_over_former", "realised") or facts.money("value_over_former")
    if worth is None:
        return "retrain: no model before it can score these loans"
    if worth["ci_high"] < 0:
        return f"roll back: the model before earns about {about(-worth['value'])} more on these loans"
    return "retrain: the model before earns no more on these loans"


def _advise_on_drift(facts: Facts) -> str:
    moved = sorted(facts.outside("csi"), key=lambda row: -row["value"])
    if not moved:
        return ""
    name = moved[0]["subject"]
    return f"begin with the feature {name} ({source_of(name)}), which moved furthest"


def _advise_on_fairness(_facts: Facts) -> str:
    return "compare its bad rate with the largest group's at equal PDs; review the model if it is not higher"


ADVICE: Mapping[str, Callable[[Facts], str]] = {
    "source_gone": _advise_on_source,
    "path_cost_red": _advise_on_cutoff,
    "arrears_red": _advise_on_arrears,
    "ranking_red": _advise_on_ranking,
    "score_drifts": _advise_on_drift,
    "fairness_amber": _advise_on_fairness,
}
