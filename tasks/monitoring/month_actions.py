"""The actions of a month: which triggers of the policy fire, and what became of those that fired before.

By recursion: from the month's figures, the actions of the month before as people left them, and what happened
meanwhile. The same inputs give the same rows again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.governance.policy import Policy
from tasks.governance.policy_trigger import Trigger
from tasks.monitoring.action_life import (
    ACTIONS,
    FIGURES,
    POLICY,
    Event,
    Row,
    end_as_done,
    end_as_green,
    end_for_another,
    escalate,
    find_event,
    is_open,
    life_of,
    one_month_more,
    open_anew,
)
from tasks.monitoring.triggers import OUTSIDE, describe_evidence, find_evidence, metrics_of
from tasks.months import months_before
from tasks.schemas.catalog import TABLES
from tasks.schemas.monitoring import keep_metrics

BETWEEN = "; "  # subjects
GONE, MISSING = "source_gone", "source_missing"  # triggers of a cause: a source whose coverage is red
EXPLAINED = pl.col("metric") == "path_mix"  # says no more than that a source is missing, while one is
CONSEQUENCES = ("path_cost_red",)  # a decision of somebody else, about the same cause
WITHOUT, AND = "without ", " and "  # in a score path's subjects, such as "score without a and b"


@dataclass(frozen=True)
class Past:
    """What the actions of a month rest on besides its figures.

    `before` are the rows of the month before as people left them, `events` what happened up to the day, in
    order, `champion` the model that serves on it.
    """

    before: pl.DataFrame
    events: Sequence[Event] = ()
    champion: str | None = None


NO_PAST = Past(ACTIONS.empty)


@dataclass(frozen=True)
class _Month:
    """What the actions of a month are derived from; `before` are the rows of the month before, by trigger."""

    figures: pl.DataFrame
    as_of: date
    policy: Policy
    digest: str
    past: Past
    before: Mapping[str, Row]


def decide_actions(
    figures: pl.DataFrame,
    earlier: Sequence[pl.DataFrame],
    *,
    as_of: date,
    policy: Policy,
    digest: str,
    past: Past = NO_PAST,
) -> pl.DataFrame:
    """Rows of gold.actions of one month: a row for each trigger that fires or whose action was open.

    Needs:  gold.monitoring of the month, and of the months before, the newest first, as many as the policy
            asks for in a row (no rows where a month was not measured).
    """
    before = {row["trigger"]: row for row in past.before.to_dicts()}
    month = _Month(figures, as_of, policy, digest, past, before)
    found, cause = _leave_to_the_cause(
        {one.name: find_evidence(one, figures, earlier) for one in policy.trigger}
    )
    rows: list[Row] = []
    covered: list[tuple[Sequence[str], Collection[str]]] = []  # metrics and subjects of red actions
    for trigger in sorted(policy.trigger, key=lambda one: one.severity != "red"):
        evidence = found[trigger.name]
        if trigger.severity != "red":
            evidence = _leave_out(evidence, covered)
        row = _continue(trigger, evidence, month) if evidence.height else _end(trigger, cause, month)
        if row:
            rows.append(_relate(row, cause, month))
            if trigger.severity == "red" and row["closed_by"] not in (FIGURES, POLICY):
                covered.append((metrics_of(trigger), _split(row["subjects"])))
    return pl.DataFrame(rows, schema=ACTIONS.columns)


def _leave_to_the_cause(found: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], str]:
    """The evidence of each trigger but for what a red source explains, and the trigger that tells of that.

    A source that is gone is missing no more: one cause has one action.
    """
    nothing = pl.DataFrame(schema=TABLES["gold.monitoring"].columns)
    gone, missing = found.get(GONE, nothing), found.get(MISSING, nothing)
    missing = missing.filter(~pl.col("subject").is_in(gone["subject"].implode()))
    cause = GONE if gone.height else MISSING if missing.height else ""
    others = {name: rows.filter(~EXPLAINED) if cause else rows for name, rows in found.items()}
    told = {name: rows for name, rows in ((GONE, gone), (MISSING, missing)) if name in found}
    return {**others, **told}, cause


def _leave_out(
    evidence: pl.DataFrame, covered: Sequence[tuple[Sequence[str], Collection[str]]]
) -> pl.DataFrame:
    """The evidence without the figures, by metrics and subjects, that a red action is about already."""
    for metrics, subjects in covered:
        known = _of_metrics(evidence, metrics, subjects)
        evidence = evidence.join(known, on=["metric", "subject", "window"], how="anti")
    return evidence


def _continue(trigger: Trigger, evidence: pl.DataFrame, month: _Month) -> Row:
    """The row of a trigger that fires."""
    subjects, before = _subjects(evidence), month.before.get(trigger.name)
    life = open_anew(trigger, month.as_of)
    if before and is_open(before["state"]):
        life = one_month_more(life_of(before))
    elif before and before["closed_by"] not in (FIGURES, POLICY) and subjects <= _split(before["subjects"]):
        life = life_of(
            before
        )  # it was done, or a person closed it, and its figures have not been green since
    return _row(trigger, evidence, trigger.severity, _settle(life, trigger, subjects, month), month)


def _end(trigger: Trigger, cause: str, month: _Month) -> Row | None:
    """The row of a trigger that does not fire: none, unless its action was open in the month before."""
    before = month.before.get(trigger.name)
    if before is None or not is_open(before["state"]):
        return None
    subjects, life = _split(before["subjects"]), one_month_more(life_of(before))
    measured = _of_metrics(month.figures, metrics_of(trigger), subjects)
    outside = measured.filter(pl.col("status") == "amber")
    if outside.height or _unmeasured(measured, month):
        severity = "amber" if outside.height else before["severity"]
        life = _settle(life, trigger, subjects, month)
        return _row(trigger, outside if outside.height else measured, severity, life, month, before=before)
    event = find_event(trigger, subjects, life["opened"], month.past.events)
    if event:
        life = end_as_done(life, event)
    elif measured["status"].is_in(["red"]).any():
        life = end_for_another(life, cause)
    else:
        life = end_as_green(life, month.as_of)
    return _row(trigger, measured, before["severity"], life, month, before=before)


def _unmeasured(measured: pl.DataFrame, month: _Month) -> bool:
    """Whether the month says nothing of the figures: none of them could be measured, or nobody applied."""
    paused = month.figures["status"].is_in(["no applications"]).any()
    return measured["value"].null_count() == measured.height and (paused or measured.height > 0)


def _settle(life: Row, trigger: Trigger, subjects: Collection[str], month: _Month) -> Row:
    """The life of an action whose order was carried out meanwhile, or that has stood too long."""
    if not is_open(life["state"]):
        return life
    event = find_event(trigger, subjects, life["opened"], month.past.events)
    if event:
        return end_as_done(life, event)
    return escalate(life, trigger, after=month.policy.actions.escalate_months)


def _row(
    trigger: Trigger,
    evidence: pl.DataFrame,
    severity: str,
    life: Row,
    month: _Month,
    *,
    before: Row | None = None,
) -> Row:
    """A row of gold.actions, but for its relation to others; `before` where the trigger is silent now."""
    subjects = _split(before["subjects"]) if before else _subjects(evidence)
    models = sorted({name for ids in evidence["model_id"] for name in ids.split()} - {"none"})
    return {
        "snapshot_date": month.as_of,
        "trigger": trigger.name,
        "severity": severity,
        "action": trigger.action,
        "owner": trigger.owner,
        "evidence": describe_evidence(evidence) + _say_retired(models, month.past.champion),
        "policy": month.digest,
        "model_id": " ".join(models) or None,
        "path": _path_of(evidence),
        "subjects": BETWEEN.join(sorted(subjects)),
        "command": _fill_in(trigger.command, subjects, month) or None,
        **life,
    }


def _relate(row: Row, cause: str, month: _Month) -> Row:
    """The row with the findings that it explains, and the trigger of the cause that explains it."""
    before = month.before.get(row["trigger"])
    carried = before["explained_by"] if before and row["opened"] < month.as_of else None
    consequence = cause if row["trigger"] in CONSEQUENCES and cause else carried
    explained = month.figures.filter(EXPLAINED, pl.col("status").is_in(OUTSIDE))
    explains = describe_evidence(explained) if row["trigger"] == cause and explained.height else None
    return {**row, "explains": explains, "explained_by": consequence}


def _say_retired(models: Sequence[str], champion: str | None) -> str:
    if champion is None or not models or champion in models:
        return ""
    return f"; of {' and '.join(models)}, which {'serves' if len(models) == 1 else 'serve'} no more"


def _of_metrics(figures: pl.DataFrame, metrics: Sequence[str], subjects: Collection[str]) -> pl.DataFrame:
    """Figures of these metrics and subjects; of all subjects where none is named, as by older code."""
    rows = keep_metrics(figures, *metrics)
    return rows.filter(pl.col("subject").is_in(sorted(subjects))) if subjects else rows


def _subjects(evidence: pl.DataFrame) -> set[str]:
    return set(evidence["subject"])


def _split(subjects: str | None) -> set[str]:
    return set(subjects.split(BETWEEN)) if subjects else set()


def _path_of(evidence: pl.DataFrame) -> str | None:
    """The score paths that the figures are of, by the sources that they do without; None for the mix."""
    sources = evidence.filter(metric="coverage")["subject"].unique().sort().to_list()
    named = {name.partition(WITHOUT)[2].replace(AND, "+") for name in _subjects(evidence)}
    return ", ".join(["+".join(sources)] if sources else sorted(named - {""})) or None


def _fill_in(command: str, subjects: Collection[str], month: _Month) -> str:
    """The command with the month, the next one, the source and the champion in their places."""
    places = {
        "{date}": str(month.as_of),
        "{next}": str(months_before(month.as_of, -1)),
        "{source}": min(subjects, default="NAME"),
        "{model}": month.past.champion or "MODEL_ID",
    }
    for place, value in places.items():
        command = command.replace(place, value)
    return command
