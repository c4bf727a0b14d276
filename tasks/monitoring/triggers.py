"""From figures to decisions: which triggers of the policy a month's figures pull, and what follows.

Derived from the figures alone, so that the same figures give the same actions again.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import numpy as np
import polars as pl

from tasks.governance.policy import Policy, Trigger, TriggerName
from tasks.schemas.catalog import TABLES

ACTIONS = TABLES["gold.actions"]
MOST_NAMED = 5


def decide_actions(
    figures: pl.DataFrame, before: pl.DataFrame, *, as_of: date, policy: Policy, digest: str
) -> pl.DataFrame:
    """Rows of gold.actions of one month: each trigger that fires, once, with its evidence.

    Needs:  gold.monitoring of the month, and of the month before (no rows when it was not measured).
    """
    rows: list[dict[str, object]] = []
    for trigger in policy.trigger:
        evidence = CONDITIONS[trigger.name](figures, before)
        if evidence:
            rows.append(_row(trigger, evidence, as_of, digest))
    return pl.DataFrame(rows, schema=ACTIONS.columns)


def _row(trigger: Trigger, evidence: str, as_of: date, digest: str) -> dict[str, object]:
    return {
        "snapshot_date": as_of,
        "trigger": trigger.name,
        "severity": trigger.severity,
        "action": trigger.action,
        "owner": trigger.owner,
        "due_date": due_date(as_of, trigger.due),
        "evidence": evidence,
        "policy": digest,
    }


def due_date(as_of: date, due: str) -> date:
    """The day a number of working days (Monday to Friday) after `as_of`; hours end on its next such day."""
    number, unit = due.split(maxsplit=1)
    days = int(number) if unit.startswith("working") else 0
    return np.busday_offset(np.datetime64(as_of), days, roll="forward").astype(date)


def triggers_that(policy: Policy, wish: str) -> list[str]:
    """Names of the triggers that train (`trains`) or hold promotions (`freezes`)."""
    return [trigger.name for trigger in policy.trigger if getattr(trigger, wish)]


def _say(rows: pl.DataFrame) -> str:
    """Figures in words; empty when there is none."""
    said = [
        f"{row['metric']} of {row['subject']} {row['value']:.3f}{_limits(row)} "
        f"(n = {row['n']:,}, {row['window']})"
        for row in rows.sort("metric", "subject").to_dicts()
    ]
    more = f"; and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    return "; ".join(said[:MOST_NAMED]) + more


def _limits(row: Mapping[str, float | None]) -> str:
    limits = [f"{name} {row[name]:.3f}" for name in ("amber", "red") if row[name] is not None]
    return f" [{', '.join(limits)}]" if limits else ""


def _of(figures: pl.DataFrame, metrics: Iterable[str], status: str) -> pl.DataFrame:
    return figures.filter(pl.col("metric").is_in(list(metrics)), pl.col("status") == status)


Condition = Callable[[pl.DataFrame, pl.DataFrame], str]


def _when(status: str, *metrics: str) -> Condition:
    """Fires on any figure of the metrics in this status."""

    def condition(figures: pl.DataFrame, _before: pl.DataFrame) -> str:
        return _say(_of(figures, metrics, status))

    return condition


def _sources_missing(figures: pl.DataFrame, _before: pl.DataFrame) -> str:
    return _say(_of(figures, ["coverage"], "red").filter(pl.col("subject") != "scoring"))


def _score_drifts(figures: pl.DataFrame, before: pl.DataFrame) -> str:
    """Score PSI amber or worse for two months running, or features that drift for two."""
    twice = [
        frame.filter(pl.col("metric") == "psi", pl.col("status").is_in(["amber", "red"]))
        for frame in (figures, before)
    ]
    found = [twice[0]] if all(frame.height for frame in twice) else []
    return _say(pl.concat([*found, _of(figures, ["drifting_features"], "amber")]))


def _red_again(*metrics: str) -> Condition:
    """Fires on a red figure of the metrics when one of them was amber or red in the month before.

    A test at one per cent, twelve times a year, alarms in one year of nine though nothing changed; asked
    to show twice it hardly ever does (benchmarks/monitoring.md).
    """

    def condition(figures: pl.DataFrame, before: pl.DataFrame) -> str:
        seen = before.filter(pl.col("metric").is_in(metrics), pl.col("status").is_in(["amber", "red"]))
        return _say(_of(figures, metrics, "red")) if seen.height else ""

    return condition


def _fairness_red(figures: pl.DataFrame, before: pl.DataFrame) -> str:
    """A group red for two months running; with a dozen groups tested, some other one often was."""
    now, then = (_of(frame, ["fairness"], "red") for frame in (figures, before))
    return _say(now.join(then, on="subject", how="semi"))


def _calibration_red(figures: pl.DataFrame, before: pl.DataFrame) -> str:
    """Calibration red again while the ranking holds; where it does not, recalibrating is not the mend."""
    if _of(figures, ["pooled_auc"], "red").height:
        return ""
    return _red_again("calibration_in_the_large", "spiegelhalter_z", "grade_bad_rate")(figures, before)


def _unusable(figures: pl.DataFrame, _before: pl.DataFrame) -> str:
    scoring = _of(figures, ["coverage"], "red").filter(pl.col("subject") == "scoring")
    return _say(pl.concat([scoring, _of(figures, ["artefact"], "red")]))


def _cohorts_ripe(figures: pl.DataFrame, _before: pl.DataFrame) -> str:
    due = figures.filter(pl.col("metric") == "cohorts_since_training", pl.col("status") == "due")
    return _say(due)


CONDITIONS: Mapping[TriggerName, Condition] = {
    "cohorts_ripe": _cohorts_ripe,
    "rows_set_aside_red": _when("red", "quarantined"),
    "rows_set_aside_amber": _when("amber", "quarantined"),
    "source_missing": _sources_missing,
    "score_drifts": _score_drifts,
    "score_shifted": _when("red", "psi"),
    "ranking_amber": _when("amber", "pooled_auc", "grade_inversions"),
    "ranking_red": _when("red", "pooled_auc"),
    "calibration_red": _calibration_red,
    "arrears_red": _red_again("early_arrears"),
    "fairness_red": _fairness_red,
    "model_unusable": _unusable,
}


def describe_conditions(policy: Policy) -> dict[TriggerName, str]:
    """What each trigger waits for, with the policy's numbers, as the rest of a sentence after "when"."""
    stable, cover, intake, rank = policy.stability, policy.coverage, policy.intake, policy.ranking
    calibrated, arrears, fair = policy.calibration, policy.arrears, policy.fairness
    pooled = f"pooled over the newest {rank.cohorts} ripe cohorts"
    return {
        "cohorts_ripe": "enough cohorts have ripened since the last training.",
        "rows_set_aside_red": f"{intake.red:.0%} or more of a source's rows broke a rule.",
        "rows_set_aside_amber": f"{intake.amber:.0%} or more of a source's rows broke a rule.",
        "source_missing": f"a source knows fewer than {cover.red:.0%} of the applications, or "
        f"{cover.below_reference:.0%} fewer than in the training data.",
        "score_drifts": f"the score's PSI is at least {stable.amber} and beyond its "
        f"{stable.amber_level:.0%} point for two months, or a feature drifts for two (false discovery rate "
        f"{stable.drift_fdr}).",
        "score_shifted": f"the score's PSI is at least {stable.red} and beyond its {stable.red_level:.1%} "
        "point.",
        "ranking_amber": f"the AUC {pooled}, is {rank.least_drop} or more below development with "
        f"p < {rank.amber_p}, or two adjacent "
        f"grades are in the wrong order with p < {rank.inversion_p}.",
        "ranking_red": f"the AUC {pooled}, is {rank.least_drop} or more below development with "
        f"p < {rank.red_p}, or surely below {rank.auc_floor}.",
        "calibration_red": f"the ranking holds, and observed to expected defaults, {pooled}, are off with "
        f"p < {calibrated.red_p} (outside {calibrated.oe_low} to {calibrated.oe_high}: "
        f"p < {calibrated.amber_p}), or Spiegelhalter's z is beyond {calibrated.red_z}, or a grade has too "
        f"many defaults, each by {calibrated.least:.0%} or more of what was promised; and one of them was "
        "amber or red the month before.",
        "arrears_red": f"more loans are in arrears at MOB {arrears.mob} than their PDs imply, by "
        f"{arrears.least:.0%} or more and with p < {arrears.red_p}; and the cohort before was amber or red.",
        "fairness_red": f"a group is approved less than {fair.red} times as often as the largest, over "
        f"{fair.months} months, p < {fair.p}; and was the month before.",
        "model_unusable": "the champion's files are not those that were registered, or too few were scored.",
    }
