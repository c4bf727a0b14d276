"""What a month's figures show, in sentences by rules; none claims what an interval does not support."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.governance.policy_text import describe_limit, fill_numbers
from tasks.metric_spec import MetricSpec, split_subject
from tasks.schemas.actions import keep_open
from tasks.schemas.monitoring import (
    METRICS,
    SPECS,
    is_of_all_paths,
    keep_metrics,
)

Row = Mapping[str, Any]
SEVERITIES = {"red": 2, "amber": 1, "info": 0}
OUTSIDE = ("amber", "red")
MAX_NAMED = 4


@dataclass(frozen=True)
class Month:
    """What is described: rows of gold.monitoring of one snapshot date, its name (2024-12), the policy."""

    now: pl.DataFrame
    name: str
    policy: Policy

    def first(self, metric: str) -> Row | None:
        """The first figure of a metric."""
        rows = keep_metrics(self.now, metric)
        return rows.row(0, named=True) if rows.height else None

    def outside(self, metric: str) -> pl.DataFrame:
        """Figures of a metric that are amber or red."""
        return keep_metrics(self.now, metric).filter(pl.col("status").is_in(OUTSIDE))

    def by_path(self, metric: str) -> str:
        """The figures of a metric on each score path by itself, in words; empty without any."""
        spec = METRICS[metric]
        rows = keep_metrics(self.now, metric, paths=True).filter(~is_of_all_paths()).drop_nulls("value")
        told = [
            f"{split_subject(row['subject'])[1]} {spec.write(row['value'])} ({spec.write_n(row['n'])})"
            for row in rows.sort("subject").to_dicts()
        ]
        return f" By score path:{';'.join(told)}." if told else ""


def describe_state(actions: pl.DataFrame, now: pl.DataFrame) -> tuple[str, str]:
    """Colour and sentence of the month as a whole.

    Needs:  gold.actions and gold.monitoring of the month.
    """
    actions = keep_open(actions)
    severities = actions["severity"].to_list()
    worst = max(severities, key=lambda severity: SEVERITIES[severity], default="info")
    if worst == "info":
        return "green", f"No decision is due: {_outside_limits(now)}."
    counted = severities.count(worst)
    noun = "action is" if counted == 1 else "actions are"
    first = actions.filter(pl.col("severity") == worst).sort("due_date", "trigger").row(0, named=True)
    new = actions.filter(severity=worst, state="opened").height
    due = f"the first by {first['due_date']} ({first['owner']})"
    return worst, f"{counted} {worst} {noun} due, {new} of them new, {due}."


def _outside_limits(now: pl.DataFrame) -> str:
    outside = now.filter(pl.col("status").is_in(OUTSIDE)).sort("metric", "subject")
    if outside.is_empty():
        return "every figure that could be measured is within its limits"
    named = _list([METRICS[row["metric"]].name_of(row) for row in outside.to_dicts()])
    verb = "is" if outside.height == 1 else "are"
    return f"{named} {verb} outside a limit, but not far or long enough to require an action"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"


def describe_figures(now: pl.DataFrame, *, month: str, policy: Policy) -> dict[str, tuple[str, str]]:
    """Of each metric with a section in the report: its finding of this month, and when to escalate.

    Needs:  gold.monitoring of one snapshot date; `month` names it, such as 2024-12.
    """
    seen = Month(now, month, policy)
    return {spec.name: (_find(spec, seen), _escalate(spec, policy)) for spec in SPECS if spec.section}


def _find(spec: MetricSpec, month: Month) -> str:
    return FINDINGS[spec.name](month) if spec.name in FINDINGS else describe_metric(spec, month)


def _escalate(spec: MetricSpec, policy: Policy) -> str:
    condition = fill_numbers(spec.escalate, policy) or f"it is {describe_limit(spec, 'red', policy)}"
    return f"Escalate if {condition}."


def describe_metric(spec: MetricSpec, month: Month) -> str:
    """The finding of a metric that has no words of its own: value, interval, expectation, limits."""
    row = month.first(spec.name)
    if row is None or row["value"] is None:
        return _unmeasured(row, f"The {spec.title}")
    interval = (
        f"{spec.write(row['ci_low'])} to {spec.write(row['ci_high'])}, " if row["ci_low"] is not None else ""
    )
    expected = f", against an expected {spec.write(row['reference'])}" if row["reference"] is not None else ""
    limits = [f"{colour} {spec.write(row[colour])}" for colour in OUTSIDE if row[colour] is not None]
    graded = f": {row['status']} (limits: {', '.join(limits)})" if limits else ""
    value = f"{spec.write(row['value'])} ({interval}{spec.write_n(row['n'])})"
    return f"For the {row['window']} the {spec.title} is {value}{expected}{graded}."


def _unmeasured(row: Row | None, what: str) -> str:
    return f"{what} cannot be measured yet ({row['status'] if row else 'not measured'})."


def _ranking(month: Month) -> str:
    row = month.first("pooled_auc")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Ranking power")
    against = {
        "green": "not significantly below",
        "amber": "probably below",
        "red": "significantly below",
    }[row["status"]]
    served, scored_by = month.first("psi"), row["model_id"].split()
    by = "" if served and scored_by == [served["model_id"]] else f", scored by {' and '.join(scored_by)},"
    return (
        f"On the {row['window']}{by} the AUC is {row['value']:.3f} ({row['ci_low']:.3f} to "
        f"{row['ci_high']:.3f}, {row['n']:,} loans), {against} the {row['reference']:.3f} of development."
        f"{month.by_path('pooled_auc')}"
    )


def _calibration(month: Month) -> str:
    row = month.first("calibration_in_the_large")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Calibration")
    off = month.outside("grade_bad_rate")
    grades = (
        f"; more defaults than expected in grade {', '.join(off['subject'].sort())}" if off.height else ""
    )
    word = "not significantly" if row["status"] == "green" else "significantly"
    z = month.first("spiegelhalter_z")
    single = (
        f"; individual PDs are significantly off (Spiegelhalter's z {z['value']:+.2f}, {z['status']})"
        if z and z["status"] in OUTSIDE
        else ""
    )
    return (
        f"Observed/expected defaults are {row['value']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f}), "
        f"{word} different from 1{single}{grades}.{month.by_path('calibration_in_the_large')}"
        f"{_raw_z(month)}"
    )


def _raw_z(month: Month) -> str:
    """Spiegelhalter's z as it is tested, and what it is without the allowance."""
    z, raw = month.first("spiegelhalter_z"), month.first("spiegelhalter_z_raw")
    if z is None or raw is None or z["value"] is None or raw["value"] is None:
        return ""
    return (
        f" Spiegelhalter's z is {raw['value']:+.2f}; tested is {z['value']:+.2f}, since the PDs have a "
        "sampling error of their own, being learned from few loans."
    )


def _score(month: Month) -> str:
    row = month.first("psi")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Stability of the score")
    word = {"green": "is stable", "amber": "has shifted", "red": "has shifted materially"}[row["status"]]
    return (
        f"In {month.name} the score distribution {word}: PSI {row['value']:.3f}, amber from "
        f"{row['amber']:.3f}, on {row['n']:,} applications.{month.by_path('psi')}"
    )


def _features(month: Month) -> str:
    shifted = month.outside("csi").sort("value", descending=True)
    if month.first("csi") is None:
        return _unmeasured(None, "Stability of the features")
    if shifted.is_empty():
        return f"In {month.name} no feature exceeded its limit."
    return (
        f"In {month.name} {shifted.height} features exceeded a limit: {_list(shifted['subject'].to_list())}."
    )


def _coverage(month: Month) -> str:
    row = month.first("coverage")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Coverage of the sources")
    low = month.outside("coverage").sort("value")
    amber = f"{100 * month.policy.coverage.amber:g}%"
    if low.is_empty():
        return (
            f"In {month.name} at least {amber} of the applications were scored, and no source covered "
            "significantly fewer than in the training data."
        )
    named = [f"{row['subject']} {row['value']:.1%}" for row in low.to_dicts()]
    return (
        f"In {month.name} coverage was too low: {', '.join(named)} of {low['n'][0]:,} applications."
        f"{_explained(month)}"
    )


def _explained(month: Month) -> str:
    """What a source without applications explains: features that are not watched, and other score paths."""
    silent = keep_metrics(month.now, "csi").filter(status="no data").height
    mix = keep_metrics(month.now, "path_mix").filter(pl.col("value") > 0).sort("subject")
    shares = [f"{row['value']:.0%} {row['subject']}" for row in mix.to_dicts()]
    features = f" That explains why {silent} features are not watched" if silent else ""
    scored = f"{' and' if silent else ' That explains'} how applications are scored: {', '.join(shares)}"
    return f"{features}{scored}." if shares else f"{features}." if silent else ""


def _bad_rate(month: Month) -> str:
    observed, expected = month.first("bad_rate_observed"), month.first("bad_rate_expected")
    if observed is None or expected is None or observed["value"] is None:
        return _unmeasured(observed, "The bad rate of the cohort that ripened")
    return (
        f"Of the {observed['window']}, {observed['value']:.1%} of {observed['n']:,} loans defaulted; "
        f"{expected['value']:.1%} were expected."
    )


def _expected(month: Month) -> str:
    row = month.first("expected_auc")
    if row is None or row["value"] is None:
        return _unmeasured(row, "The expected AUC of the newest month")
    return (
        f"If its PDs hold, the AUC of {month.name} will be {row['value']:.3f} "
        f"({row['ci_low']:.3f} to {row['ci_high']:.3f}) once it is ripe.{_optimism(month)}"
    )


def _optimism(month: Month) -> str:
    row = month.first("optimistic_forecasts")
    if row is None or row["value"] is None:
        return ""
    return f" Such forecasts were optimistic in {row['value']:.0f} of {row['n']} months that are ripe."


def _arrears(month: Month) -> str:
    row = month.first("early_arrears")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Early arrears")
    against = {"green": "not significantly more than", "amber": "probably more than", "red": "more than"}
    return (
        f"At {row['subject']}, {row['value']:.1%} of the {row['window']} ({row['n']:,} loans) are in "
        f"arrears, {against[row['status']]} the {row['reference']:.1%} that their PDs imply."
    )


FINDINGS: Mapping[str, Callable[[Month], str]] = {
    "pooled_auc": _ranking,
    "calibration_in_the_large": _calibration,
    "bad_rate_observed": _bad_rate,
    "early_arrears": _arrears,
    "psi": _score,
    "csi": _features,
    "coverage": _coverage,
    "expected_auc": _expected,
}
