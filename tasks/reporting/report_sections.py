"""The sections of the report: what each finds, how bad it is, and the data behind its chart; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.reporting.facts import OUTSIDE, Facts
from tasks.reporting.findings import describe_figures
from tasks.reporting.words import about, capital, window_name
from tasks.schemas.economics import ALL, ECONOMICS, keep_economics
from tasks.schemas.monitoring import METRICS, SPECS, keep_metrics

RANK = {"red": 0, "amber": 1, "green": 2}
LIGHTS = {"red": "outside its limits", "amber": "outside a limit", "green": "within its limits"}
NEWEST = 36  # rows of a data table
# What is judged in a section beside the metric that it is named after.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "pooled_auc": ("auc", "gini", "ks", "grade_inversions"),
    "calibration_in_the_large": ("grade_bad_rate", "spiegelhalter_z", "calibration_slope", "brier"),
    "bad_rate_observed": ("bad_rate_expected", "observed_to_expected"),
    "csi": ("drifting_features",),
    "expected_auc": ("auc",),
}
HEADER = ("Window", "What", "Value", "95% interval", "n", "Status")
MONEY_HEADER = ("Figure", "Kind", "Window", "Path", "Value", "95% interval", "n")


@dataclass(frozen=True)
class Section:
    """A section: `light` is red, amber, green or, without limits, empty; `rows` are the data of its chart."""

    name: str
    title: str
    light: str
    finding: str
    escalate: str
    drawing: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def status(self) -> str:
        """The light in words."""
        return LIGHTS.get(self.light, "reported without a limit")


def build_sections(facts: Facts, grades: pl.DataFrame, *, month: str) -> list[Section]:
    """Every section, red ones first, then amber, then in the order of the catalogue.

    Needs:  grades: path, grade, n of the month's applications; `month` such as 2024-06.
    """
    findings = describe_figures(facts.now, month=month, policy=facts.policy)
    measured = [
        Section(
            spec.drawing or spec.name,
            spec.section,
            _light(facts.now, (spec.name, *BESIDE.get(spec.name, ()))),
            *findings[spec.name],
            spec.drawing,
            HEADER,
            _data(facts, (spec.name, *BESIDE.get(spec.name, ()))),
        )
        for spec in SPECS
        if spec.section
    ]
    extra = [_money(facts), _paths(facts), _grade_mix(grades)]
    if not METRICS["fairness"].section:
        extra.append(_fairness(facts, facts.policy))
    return sorted([*measured, *extra], key=lambda section: RANK.get(section.light, 3))


def _light(now: pl.DataFrame, metrics: Sequence[str]) -> str:
    statuses = set(keep_metrics(now, *metrics)["status"])
    return next((light for light in RANK if light in statuses), "")


def _data(facts: Facts, metrics: Sequence[str]) -> list[list[str]]:
    """The newest rows of the metrics; of those with many subjects those of the month."""
    rows = keep_metrics(facts.past, *metrics)
    rows = rows if rows["subject"].n_unique() < 5 else keep_metrics(facts.now, *metrics)
    order = pl.col("metric").replace_strict({name: at for at, name in enumerate(metrics)})
    newest = rows.sort(order, "snapshot_date", "subject", descending=[False, True, False]).head(NEWEST)
    return [_line(row) for row in newest.to_dicts()]


def _line(row: Mapping[str, Any]) -> list[str]:
    spec = METRICS[row["metric"]]
    value = "" if row["value"] is None else spec.write(row["value"])
    interval = "" if row["ci_low"] is None else f"{spec.write(row['ci_low'])} to {spec.write(row['ci_high'])}"
    return [
        window_name(row["window"]),
        capital(spec.name_of(row)),
        value,
        interval,
        f"{row['n']:,}",
        row["status"],
    ]


def _money(facts: Facts) -> Section:
    profit, worth = facts.money("profit"), facts.money("value_over_all")
    best = facts.best_cutoff
    finding = "No application of this month was scored and measured, so there is no profit to expect."
    if profit and worth and best:
        finding = (
            f"At the cut-off of {facts.policy.cutoff_pd:.0%} the month is expected to earn "
            f"{about(profit['value'])} "
            f"({about(profit['ci_low'])} to {about(profit['ci_high'])}), {about(worth['value'])} more "
            "than approving "
            f"all; the most profitable cut-off is {best['value']:.0%} ({best['ci_low']:.0%} to "
            f"{best['ci_high']:.0%}, "
            f"{best['basis']})."
        )
    today = facts.economics.filter(pl.col("snapshot_date") == facts.day, pl.col("path") == ALL)
    return Section("money", "Money", "", finding, NOTE, "", MONEY_HEADER, _money_rows(today, facts.policy))


NOTE = "The margin is an assumption of the policy; expected figures rest on the PDs."


def _money_rows(rows: pl.DataFrame, policy: Policy) -> list[list[str]]:
    order = pl.col("figure").replace_strict({name: at for at, name in enumerate(ECONOMICS)})
    at_cutoff = rows.filter((pl.col("figure") != "profit") | (pl.col("cutoff") == policy.cutoff_pd))
    return [_money_line(row) for row in at_cutoff.sort(order, "basis", "window", "path").to_dicts()]


def _money_line(row: Mapping[str, Any]) -> list[str]:
    spec = ECONOMICS[row["figure"]]
    value = row["status"] if row["value"] is None else spec.write(row["value"])
    interval = "" if row["ci_low"] is None else f"{spec.write(row['ci_low'])} to {spec.write(row['ci_high'])}"
    n = f"{row['n']:,}"
    return [capital(spec.title), row["basis"], window_name(row["window"]), row["path"], value, interval, n]


def _paths(facts: Facts) -> Section:
    """What each score path costs, and the applications that it answered."""
    today = facts.economics.filter(pl.col("snapshot_date") == facts.day, pl.col("path") != ALL)
    cost = facts.money("path_cost")
    finding = "Every application of this month was scored by the complete model."
    if today.is_empty() or facts.paused_since:
        finding = "No application of this month was scored and measured."
    elif cost is not None:
        finding = (
            f"Applications without a source cost about {about(cost['value'])} this month "
            f"({about(cost['ci_low'])} to {about(cost['ci_high'])}), against what the complete model "
            "earns on as many."
        )
    elif keep_economics(today, "approval_rate").filter(pl.col("path") != "none").height:
        finding = "Some applications lacked a source, too few or too early to say what that costs."
    light = (
        _light(facts.now, ("expected_bad_rate_approved",)) if "expected_bad_rate_approved" in METRICS else ""
    )
    note = "Forecast: both books are held to be of like applicants."
    rows = _money_rows(today, facts.policy)
    return Section("paths", "Score paths and what they cost", light, finding, note, "", MONEY_HEADER, rows)


def _grade_mix(grades: pl.DataFrame) -> Section:
    total = int(grades["n"].sum())
    by_grade = grades.group_by("grade").agg(pl.sum("n")).sort("grade")
    named = ", ".join(f"{grade} {n / total:.0%}" for grade, n in by_grade.iter_rows())
    finding = f"Of {total:,} applications by grade: {named}." if total else "No application was scored."
    rows = [[path, grade, f"{n:,}", f"{n / total:.1%}"] for path, grade, n in grades.iter_rows()]
    header = ("Path", "Grade", "Applications", "Share")
    return Section("grade_mix", "Grades of the month", "", finding, "", "", header, rows)


def _fairness(facts: Facts, policy: Policy) -> Section:
    rows = keep_metrics(facts.now, "fairness").sort("value", "subject")
    off = rows.filter(pl.col("status").is_in(OUTSIDE))
    known = rows.drop_nulls("value")
    finding = (
        f"Groups cannot be compared yet ({', '.join(rows['status'].unique().sort()) or 'not measured'})."
    )
    if known.height:
        finding = f"No group of {known.height} is approved significantly less often than the largest one."
    if off.height:
        named = ", ".join(f"{row['subject'].replace('_', ' ')} {row['value']:.2f}" for row in off.to_dicts())
        finding = f"Approved significantly less often than the largest group: {named}."
    limits = policy.fairness
    escalate = f"Escalate if a ratio is below {limits.red:g} with p < {limits.p:g}."
    light = _light(facts.now, ("fairness",))
    return Section(
        "fairness", "Fairness", light, finding, escalate, "", HEADER, [_line(row) for row in rows.to_dicts()]
    )
