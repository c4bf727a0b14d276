"""gold.actions as people left them: what they ask of trainings and promotions, and decisions on them."""

from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import TableNotReadyError, UsageError
from tasks.governance.adopted_policy import read_policy
from tasks.governance.policy import Policy
from tasks.governance.policy_text import describe_limits, describe_rules
from tasks.governance.source_log import retired_on, retirements
from tasks.monitoring.action_life import Event, apply_decisions
from tasks.monitoring.action_log import What, decisions_of, note_action
from tasks.monitoring.measurement import RedFigure
from tasks.monitoring.month_actions import Past
from tasks.monitoring.triggers import describe_trigger, triggers_that
from tasks.months import months_before
from tasks.registry.approver import require_name_and_reason
from tasks.registry.history import Registry, champion_on, load_registry, trained_after
from tasks.registry.records import RECALIBRATED, ROLLED_BACK
from tasks.registry.settings_history import read_settings_history
from tasks.schemas.actions import OPEN, keep_open
from tasks.store import tables

STOPPING = ("coverage", "fairness")  # metrics whose red lets a promotion wait, or stops it


def actions_on(as_of: date, settings: Settings) -> pl.DataFrame:
    """Rows of gold.actions of a day as people left them: the open ones first, of these the most severe.

    Raises: TableNotReadyError when the day was not monitored.
    """
    tables.require("gold.monitoring", as_of, settings, flow="monitoring")
    rank = pl.col("severity").replace_strict({"red": 0, "amber": 1, "info": 2}, return_dtype=pl.Int8)
    rows = read_standing(as_of, settings)
    return rows.sort(~pl.col("state").is_in(OPEN), rank, "due_date", "trigger")


def read_standing(day: date, settings: Settings) -> pl.DataFrame:
    """Rows of gold.actions of a month, with what people decided on them since; none where there is no row."""
    return apply_decisions(tables.read("gold.actions", settings, on=day), decisions_of(day, settings))


def read_past(as_of: date, registry: Registry, settings: Settings) -> Past:
    """What the actions of a day rest on besides its figures."""
    champion = champion_on(registry, as_of)
    return Past(
        before=read_standing(months_before(as_of, 1), settings),
        events=_events_until(as_of, registry, settings),
        champion=champion.model_id if champion else None,
    )


def _events_until(as_of: date, registry: Registry, settings: Settings) -> list[Event]:
    """What was trained, rolled back, retired and cut off up to a day, in order."""
    events = _cutoffs(settings)
    for entry in registry.entries:
        day = date.fromisoformat(entry.effective_from)
        if entry.state == "challenger":
            kind = "recalibration" if RECALIBRATED in entry.model_id else "training"
            made = "recalibrated" if kind == "recalibration" else "trained"
            events.append(Event(kind, day, entry.by, f"{entry.model_id} was {made}"))
        elif entry.state == "retired" and entry.why.startswith(ROLLED_BACK):
            events.append(Event("rollback", day, entry.by, entry.why))
    for name, line in retirements(settings).items():
        day = date.fromisoformat(line["from"])
        what = f"{name} is retired from {day}: {line['reason']}"
        events.append(Event("retirement", day, line["by"], what, source=name))
    return sorted((event for event in events if event.day <= as_of), key=lambda event: event.day)


def _cutoffs(settings: Settings) -> list[Event]:
    """Each cut-off that people set."""
    lines, events = read_settings_history(settings), list[Event]()
    for before, line in pairwise(lines):
        cutoff = line.settings.get("cutoff_pd")
        if cutoff != before.settings.get("cutoff_pd"):
            day = date.fromisoformat(line.effective_from)
            events.append(Event("cut-off", day, line.by, f"the cut-off is {cutoff} from {day}: {line.why}"))
    return events


def decide_on_action(
    what: What, trigger: str, day: date, settings: Settings, *, by: str, reason: str
) -> None:
    """Close or escalate the action of a trigger that is open in a month; the next month goes on from that.

    Raises: UsageError without a name or a reason, where no such action is open in that month, or when later
    months were monitored or trained by it.
    """
    require_name_and_reason(by, reason)
    rows = actions_on(day, settings)
    names = keep_open(rows)["trigger"].to_list()
    if trigger not in names:
        raise UsageError(
            f"No action {trigger!r} is open in {day:%Y-%m}; open are: {', '.join(names) or 'none'}. "
            f"See: vintage actions --date {day}"
        )
    later = [one for one in tables.snapshot_dates("gold.monitoring", settings) if one > day]
    trained = trained_after(load_registry(settings), day)
    if later or trained:
        done = f"{later[-1]} was monitored" if later else f"{trained[-1]} was trained"
        raise UsageError(
            f"{done} by what was open in {day:%Y-%m}, and history is not edited. Decide on the newest month: "
            f"vintage actions {what} {trigger} --date {newest_monitored(settings)}"
        )
    note_action(what, trigger, day, settings, by=by, reason=reason)


def newest_monitored(settings: Settings) -> date:
    """Newest day that was monitored.

    Raises: TableNotReadyError when none was.
    """
    days = tables.snapshot_dates("gold.monitoring", settings)
    if not days and tables.snapshot_dates("gold.feature_store", settings):
        raise TableNotReadyError(
            f"No month was monitored yet in {settings.datamart.absolute()}: no model served one. What became "
            "of the models that were trained: vintage models list, and the gate on their cards."
        )
    if not days:
        raise TableNotReadyError(
            f"No month was monitored yet in {settings.datamart.absolute()}. Name the folder of the tables "
            "with --datamart, or begin with: vintage demo"
        )
    return days[-1]


def explain_policy(policy: Policy) -> dict[str, Any]:
    """The policy in words: `triggers`, the `limits` of metrics, the `rules` of the gate and of sources."""
    return {
        "triggers": explain_triggers(policy),
        "limits": describe_limits(policy),
        "rules": describe_rules(policy),
    }


def explain_triggers(policy: Policy) -> list[dict[str, str]]:
    """Name, severity, when it fires, action, owner, due time of each trigger, and what the loop then does."""
    effects = {"trains": "The next run of training trains.", "freezes": "No model is promoted meanwhile."}
    return [
        {
            "name": trigger.name,
            "severity": trigger.severity,
            "when": describe_trigger(trigger, policy),
            "action": trigger.action,
            "owner": trigger.owner,
            "due": trigger.due,
            "more": "".join(f" {text}" for effect, text in effects.items() if getattr(trigger, effect)),
        }
        for trigger in policy.trigger
    ]


def freezes_promotion(as_of: date, settings: Settings) -> str:
    """Why promotions are frozen on `as_of`, by the newest month that was monitored before it; else nothing.

    The month of `as_of` itself is monitored after its training: a re-run must decide as the first run did.
    """
    days = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day < as_of]
    if not days:
        return ""
    names = triggers_that(read_policy(settings.policy).policy, "freezes")
    frozen = read_standing(days[-1], settings).filter(
        pl.col("trigger").is_in(names), pl.col("state").is_in((*OPEN, "done")), pl.col("severity") == "red"
    )
    return "; ".join(f"{row['trigger']} of {days[-1]}" for row in frozen.to_dicts())


def red_metrics_before(as_of: date, settings: Settings) -> dict[str, list[RedFigure]]:
    """Red figures of coverage and fairness, by metric, in the newest month that was monitored before `as_of`.

    Of sources that are retired on `as_of` none counts. The month of `as_of` itself is monitored after its
    training: a re-run must decide as the first run did.
    """
    days = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day < as_of]
    if not days:
        return {}
    red = tables.read("gold.monitoring", settings, on=days[-1]).filter(pl.col("status") == "red")
    retired = pl.col("subject").is_in(list(retired_on(as_of, settings)))
    red = red.filter(~((pl.col("metric") == "coverage") & retired))
    values = red.select("metric", "subject", "value").rows()
    found = [RedFigure(metric, subject, value, days[-1]) for metric, subject, value in values]
    return {metric: [one for one in found if one.metric == metric] for metric in STOPPING}


def requires_training(since: str, as_of: date, settings: Settings) -> bool:
    """Whether a month after the last training (`since`, its day) and before `as_of` required another.

    An action does so when it is opened, and again while its figures are red, once loans of the score path
    that it is about have ripened since.
    """
    names, last = triggers_that(read_policy(settings.policy).policy, "trains"), date.fromisoformat(since)
    months = [day for day in tables.snapshot_dates("gold.actions", settings) if last <= day < as_of]
    for day in months:
        rows = read_standing(day, settings).filter(pl.col("trigger").is_in(names))
        for row in rows.to_dicts():
            stands = row["state"] in ("continuing", "escalated", "done") and row["severity"] == "red"
            if row["state"] == "opened" or (stands and _has_ripened(row["path"], last, as_of, settings)):
                return True
    return False


def _has_ripened(path: str | None, after: date, until: date, settings: Settings) -> bool:
    """Whether loans that a score path answered for, or any without one, ripened after a day."""
    scored = tables.scan("gold.predictions", settings, until=until)
    if path:
        scored = scored.filter(pl.col("fallback").is_in(path.split(", ")))
    labels = tables.scan("gold.label_store", settings, until=until).filter(pl.col("snapshot_date") > after)
    return bool(labels.join(scored, on="loan_id", how="semi").collect().height)
