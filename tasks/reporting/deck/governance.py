"""Pages 9 and 10: who acts by when; fairness, limits, options and next steps."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.reporting.asks import SETTLED, confirm_pause, decide_by
from tasks.reporting.deck.blocks import Block, Mark, Page, Row, points, steps, table
from tasks.reporting.deck.charts import Axis, Bar, bar_chart
from tasks.reporting.deck.data import APPROVER, DeckData, waiting_models
from tasks.reporting.deck.waiting import fairness_rules, limits_without_model, train_first
from tasks.reporting.words import day_name, model_name, month_name, window_name
from tasks.schemas.monitoring import keep_metrics

RANK = {"red": 0, "amber": 1, "info": 2}
MAX_GROUPS, MAX_ASKS = 9, 2
PLAIN = (
    "Measurements decide when someone must act; people decide what is done, and who decides is not who "
    "built the model. "
    "Every decision is one more line in a sealed history, and going back to an earlier model is one command."
)
LIMITS = (
    "Approval, margin and loss are judged at today's cut-off and terms: change them in the policy, not here.",
    "Forecasts rest on the PDs: blind to a changed relation between features and default until labels ripen.",
)


def build_governance(data: DeckData) -> Page:
    """Triggers with owners and their status today, the gate, the calendar, the procedure."""
    open_ = [row for row in data.actions_now.to_dicts() if row.get("state") not in SETTLED]
    fired = [row["trigger"] for row in open_ if row["severity"] != "info"]
    decided = [row for row in data.models if row["state"] in ("champion", "rejected")]
    promoted = sum(row["state"] == "champion" for row in decided)
    gate = f"the gate passed {promoted} of {len(decided)} models" if decided else "no model was judged yet"
    waiting = len(waiting_models(data))
    gate += f", {waiting} wait{'s' * (waiting == 1)} for a person" if waiting else ""
    count = (
        f"{len(fired)} of {len(data.triggers)} triggers ask{'s' * (len(fired) == 1)} for something"
        if fired
        else f"None of {len(data.triggers)} triggers asks for anything"
    )
    return Page(
        "Governance",
        f"{count} in {month_name(data.day)}; {gate}",
        PLAIN,
        [
            Row([_triggers(data, fired)], fill=True),
            Row([_gate(data)]),
            Row([_calendar(data)]),
        ],
    )


def _triggers(data: DeckData, fired: Sequence[str]) -> Block:
    dues = {row["trigger"]: _describe_due(row, data) for row in data.actions_now.to_dicts()}
    colours = {row["trigger"]: row["severity"] for row in data.actions_now.to_dicts()}
    order = sorted(data.triggers, key=lambda one: (one["name"] not in dues, RANK[one["severity"]]))
    rows = [
        [
            f"@{colours[one['name']] if one['name'] in fired else 'open'}",
            one["name"].replace("_", " "),
            _short(one["action"]),
            one["owner"],
            one["due"],
            dues.get(one["name"], "nothing open"),
        ]
        for one in order
    ]
    title = f"Who acts by when, open and red triggers first; policy {data.policy_name}"
    header = ("", "Trigger", "Action", "Owner", "Within", "Today")
    return table(title, header, rows, widths=(0, 0, 1.5, 0, 0, 1), inset=2.4)


def _describe_due(row: Mapping[str, Any], data: DeckData) -> str:
    """When an action is to be decided, or what became of it."""
    if row.get("state") in SETTLED:
        return str(row["state"])
    by = decide_by(row, data.facts)
    late = f" (overdue since {day_name(row['due_date'])})" if by > row["due_date"] else ""
    return f"by {day_name(by)}{late}"


def _short(action: str) -> str:
    """The first sentence of an order, or its first clause where there is one."""
    return re.split(r"[;.]( |$)", action)[0]


def _gate(data: DeckData) -> Block:
    gate = data.policy.gate
    items = [
        ["Challenger", "trained when cohorts ripen, or a red trigger asks", ""],
        ["Ranks no worse", f"gain in AUC above {gate.min_gain}, lower {gate.level:.0%} limit", ""],
        ["Hits no worse", f"loss in Brier below {gate.max_brier_loss}, |z| below {gate.max_z}", ""],
        ["No red", "fairness; red coverage asks a person", ""],
        ["Serves", "or waits for approval; one command rolls back", "yes"],
    ]
    return {
        "kind": "gate",
        "title": "The gate, on loans neither model has seen",
        "items": items,
        "height": 66,
    }


def _calendar(data: DeckData) -> Block:
    items = [
        ("1st of the month", "files in, checked, scored"),
        ("Same day", "report read, actions named"),
        ("Within days", "owners act by their due dates"),
        (f"After {data.label_mob} months", "cohort ripe: forecast is judged"),
        ("New ripe cohorts", "challenger trained, gate decides"),
    ]
    return steps("Refresh calendar and operating procedure (governance/SOP.md)", items, height=54)


def build_closing(data: DeckData) -> Page:
    """Fairness, what the model cannot do, what can be done, and what is next."""
    return Page(
        "Next",
        _title(data),
        _describe_fairness_rule(data),
        [
            Row([_fairness(data), _limits(data)], (1.15, 1), fill=True),
            Row([_next(data)]),
        ],
    )


def _describe_fairness_rule(data: DeckData) -> str:
    rule = "Groups of applicants should be approved about equally often unless their risk differs."
    if _groups(data).is_empty():
        return f"{rule} A ratio of 0.8 means four approved where five of the largest group are."
    return (
        f"{rule} An orange bar is left of a dashed line by more than chance: compliance reviews it, which is "
        "no verdict yet."
    )


def _groups(data: DeckData) -> pl.DataFrame:
    """The groups compared, those outside a limit first, then by their ratio."""
    rows = keep_metrics(data.now, "fairness").drop_nulls("value")
    within = ~pl.col("status").is_in(["amber", "red"])
    return rows.sort(within, "value", "subject").head(MAX_GROUPS)


def _title(data: DeckData) -> str:
    rows = _groups(data)
    if rows.is_empty():
        months = data.policy.fairness.months
        return f"Fairness is judged over {months} scored months: there are not enough yet"
    lowest = rows.row(0, named=True)
    group = lowest["subject"].replace("_", " ")
    if lowest["status"] not in ("amber", "red"):
        return f"Fairness: no group is below its limit; the lowest ratio is {lowest['value']:.2f}, of {group}"
    return (
        f"Fairness: {group} is approved {lowest['value']:.2f} times as often as the largest group, "
        "below the limit "
        f"of {lowest[lowest['status']]:.2f}"
    )


def _fairness(data: DeckData) -> Block:
    rows = _groups(data)
    if rows.is_empty():
        return fairness_rules(data)
    bars = [
        Bar(
            row["subject"].replace("_", " "),
            row["value"],
            row["ci_low"],
            row["ci_high"],
            f"{row['value']:.2f} of {row['n']:,}",
            "alarm" if row["status"] in ("amber", "red") else "accent",
        )
        for row in rows.to_dicts()
    ]
    highest = max(bar.high or bar.value for bar in bars)
    top = max(1.5, -(-highest * 4 // 1) / 4)
    limits = data.policy.fairness
    return bar_chart(
        f"Approval rate over the largest group's; limits {limits.amber:.2f} and {limits.red:.2f}",
        bars,
        Axis(0.0, top, lambda v: f"{v:.1f}", [tick / 2 for tick in range(int(top * 2) + 1)]),
        alt="Approval ratio of each group with 95% interval and the policy's limits",
        xlabel=f"ratio of approval rates, {window_name(rows['window'][0])}; orange: beyond chance",
        guides=[limits.amber, limits.red],
    )


def _limits(data: DeckData) -> Block:
    card = list(data.card["limits"][:4]) if data.card else limits_without_model(data)
    lines: list[tuple[Mark, str, str]] = [("", "", words) for words in [*card, *LIMITS]]
    return points("What the model cannot do", lines)


def _next(data: DeckData) -> Block:
    rows: list[Sequence[str]] = []
    asks = [ask for cause in data.story.causes for ask in cause.asks]
    for ask in asks[:MAX_ASKS]:
        words = f"{ask.what}. Recommended: {ask.advice}" if ask.advice else ask.what
        rows.append([f"@{ask.severity}", "Decide", f"{ask.who}, {ask.when}: {words}"])
    if data.facts.paused_since:
        rows.append(["@amber", "Check", confirm_pause(data.facts)])
    if not data.card:
        rows.append(["@open", "Train", train_first(data)])
    for model_id in waiting_models(data)[-1:]:
        command = f"vintage models approve {model_id}, or reject"
        rows.append(
            ["@open", "Approve", f"{APPROVER}: the {model_name(model_id)} waits for a person ({command})"]
        )
    rows += [[f"@{mark}", head, words] for mark, head, words in _options(data)]
    return table(
        "Options and next steps", ("", "What", "How, and by whom"), rows[:5], widths=(0, 0, 1), size=13
    )


def _options(data: DeckData) -> list[tuple[str, str, str]]:
    routine = [row for row in data.actions_now.to_dicts() if row["severity"] == "info"]
    named: list[tuple[str, str, str]] = [
        ("open", "Routine", f"{row['owner']}, by {day_name(row['due_date'])}: {row['action']}")
        for row in routine
    ]
    keep = f"the monthly batch with the {model_name(data.model_id)}" if data.model_id else "the monthly batch"
    return [
        *named,
        (
            "ok",
            "Stay",
            f"{keep}: labels take {data.label_mob} months, a faster service would not learn sooner",
        ),
        ("open", "Try", "a challenger of a new family in the shadow for a month before it may decide"),
        ("open", "Add", "a source of another team: audit it for leaks, compare it walk-forward, then use it"),
    ]
