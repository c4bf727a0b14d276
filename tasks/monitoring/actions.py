"""What earlier months decided: gold.actions, and whether they require a training or freeze promotions."""

from datetime import date
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.governance.adopted_policy import read_policy
from tasks.governance.policy import Policy
from tasks.governance.policy_text import describe_limits, describe_rules
from tasks.monitoring.measurement import RedFigure
from tasks.monitoring.triggers import describe_trigger, triggers_that
from tasks.store import tables

STOPPING = ("coverage", "fairness")  # metrics whose red lets a promotion wait, or stops it


def actions_on(as_of: date, settings: Settings) -> pl.DataFrame:
    """Rows of gold.actions of a day, the most severe first.

    Raises: TableNotReadyError when the day was not monitored.
    """
    tables.require("gold.monitoring", as_of, settings, flow="monitoring")
    rank = pl.col("severity").replace_strict({"red": 0, "amber": 1, "info": 2})
    return tables.read("gold.actions", settings, on=as_of).sort(rank, "due_date", "trigger")


def newest_monitored(settings: Settings) -> date:
    """Newest day that was monitored.

    Raises: TableNotReadyError when none was.
    """
    days = tables.snapshot_dates("gold.monitoring", settings)
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
    frozen = tables.read("gold.actions", settings, on=days[-1]).filter(pl.col("trigger").is_in(names))
    return "; ".join(f"{row['trigger']} of {days[-1]}" for row in frozen.to_dicts())


def red_metrics_before(as_of: date, settings: Settings) -> dict[str, list[RedFigure]]:
    """Red figures of coverage and fairness, by metric, in the newest month that was monitored before `as_of`.

    The month of `as_of` itself is monitored after its training: a re-run must decide as the first run did.
    """
    days = [day for day in tables.snapshot_dates("gold.monitoring", settings) if day < as_of]
    if not days:
        return {}
    red = tables.read("gold.monitoring", settings, on=days[-1]).filter(pl.col("status") == "red")
    values = red.select("metric", "subject", "value").rows()
    found = [RedFigure(metric, subject, value, days[-1]) for metric, subject, value in values]
    return {metric: [one for one in found if one.metric == metric] for metric in STOPPING}


def requires_training(since: str, as_of: date, settings: Settings) -> bool:
    """Whether a month after the last training (`since`, its day) and before `as_of` required another."""
    names = triggers_that(read_policy(settings.policy).policy, "trains")
    actions = tables.scan("gold.actions", settings, until=as_of)
    later = actions.filter(
        pl.col("snapshot_date").is_between(date.fromisoformat(since), as_of, closed="left")
    )
    return bool(later.filter(pl.col("trigger").is_in(names)).collect().height)
