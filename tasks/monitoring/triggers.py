"""Which triggers of the policy a month's figures pull, on what evidence, and when each does so in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.governance.policy_text import describe_limit, fill_numbers
from tasks.governance.policy_trigger import Trigger
from tasks.schemas.monitoring import METRICS, is_of_metrics

MAX_NAMED = 5


def find_evidence(trigger: Trigger, figures: pl.DataFrame, earlier: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The figures that make a trigger fire; no rows when it does not."""
    before = earlier[: trigger.months - 1]
    if len(before) < trigger.months - 1:
        return figures.clear()
    condition = _when(trigger.severity, trigger.metric) if trigger.metric else CONDITIONS[trigger.name]
    return condition(figures, before)


def metrics_of(trigger: Trigger) -> tuple[str, ...]:
    """The metrics that a trigger waits for."""
    return (trigger.metric,) if trigger.metric else WAITS_FOR[trigger.name]


def triggers_that(policy: Policy, effect: str) -> list[str]:
    """Names of the triggers that train (`trains`) or hold promotions (`freezes`)."""
    return [trigger.name for trigger in policy.trigger if getattr(trigger, effect)]


def describe_evidence(rows: pl.DataFrame) -> str:
    """Figures in words, the first MAX_NAMED of them."""
    ordered = rows.sort("metric", "subject").to_dicts()
    more = f"; and {len(ordered) - MAX_NAMED} more" if len(ordered) > MAX_NAMED else ""
    return "; ".join(map(_describe_row, ordered[:MAX_NAMED])) + more


def _describe_row(row: Mapping[str, Any]) -> str:
    spec = METRICS[row["metric"]]
    if row["value"] is None:
        return f"{spec.name_of(row)}: {row['status']} ({row['window']})"
    limits = [f"{name} {spec.write(row[name])}" for name in ("amber", "red") if row[name] is not None]
    reached = f" [{', '.join(limits)}]" if limits else ""
    return (
        f"{spec.name_of(row)} {spec.write(row['value'])}{reached} ({spec.write_n(row['n'])}, {row['window']})"
    )


OUTSIDE = ("amber", "red")
Condition = Callable[[pl.DataFrame, Sequence[pl.DataFrame]], pl.DataFrame]


def _of(figures: pl.DataFrame, metrics: Sequence[str], *statuses: str) -> pl.DataFrame:
    return figures.filter(is_of_metrics(metrics), pl.col("status").is_in(statuses))


def _when(status: str, *metrics: str) -> Condition:
    """Fires on any figure of the metrics in this status, once one was outside a limit in each month before.

    A test at one per cent, twelve times a year, alarms in one year of nine though nothing changed;
    required in months in a row it hardly ever does (benchmarks/monitoring.md).
    """

    def condition(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
        found = _of(figures, metrics, status)
        again = found.height and all(_of(month, metrics, *OUTSIDE).height for month in before)
        return found if again else figures.clear()

    return condition


def _sources_missing(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return _when("red", "coverage")(figures, before).filter(pl.col("subject") != "scoring")


def _sources_gone(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The sources that were missing month after month."""
    found = _sources_missing(figures, [])
    for month in before if found.height else ():
        found = found.join(_sources_missing(month, []), on="subject", how="semi")
    return found


def _score_drifts(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Score PSI amber or worse month after month, or features that drift (which counts months by itself)."""
    found = _of(figures, ["psi"], *OUTSIDE)
    again = found.height and all(_of(month, ["psi"], *OUTSIDE).height for month in before)
    return pl.concat([found if again else found.clear(), _of(figures, ["drifting_features"], "amber")])


def _same(metric: str, status: str) -> Condition:
    """A group or path in this status, and in it or worse in each month before; some other one often was."""
    or_worse = OUTSIDE[OUTSIDE.index(status) :]

    def condition(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
        found = _of(figures, [metric], status)
        for month in before if found.height else ():
            found = found.join(_of(month, [metric], *or_worse), on="subject", how="semi")
        return found

    return condition


def _ranking_amber(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Ranking amber, or red but not for long enough: what `ranking_red` tells of is left to it."""
    metrics = WAITS_FOR["ranking_amber"]
    return pl.concat([_when(status, *metrics)(figures, before) for status in OUTSIDE])


def _calibration_red(figures: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Calibration red while the ranking holds; where it does not, recalibrating is not the fix."""
    if _of(figures, ["pooled_auc"], "red").height:
        return figures.clear()
    return _when("red", *WAITS_FOR["calibration_red"])(figures, before)


def _unusable(figures: pl.DataFrame, _before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    red = _of(figures, ["coverage", "artefact"], "red")
    return red.filter((pl.col("metric") == "artefact") | (pl.col("subject") == "scoring"))


CONDITIONS: Mapping[str, Condition] = {
    "cohorts_ripe": _when("due", "cohorts_since_training"),
    "rows_set_aside_red": _when("red", "quarantined"),
    "rows_set_aside_amber": _when("amber", "quarantined"),
    "source_missing": _sources_missing,
    "source_gone": _sources_gone,
    "score_drifts": _score_drifts,
    "score_shifted": _when("red", "psi"),
    "ranking_amber": _ranking_amber,
    "ranking_red": _same("pooled_auc", "red"),
    "calibration_red": _calibration_red,
    "arrears_red": _when("red", "early_arrears"),
    "fairness_amber": _same("fairness", "amber"),
    "fairness_red": _same("fairness", "red"),
    "model_unusable": _unusable,
}
WAITS_FOR: Mapping[str, tuple[str, ...]] = {
    "cohorts_ripe": ("cohorts_since_training",),
    "rows_set_aside_red": ("quarantined",),
    "rows_set_aside_amber": ("quarantined",),
    "source_missing": ("coverage",),
    "source_gone": ("coverage",),
    "score_drifts": ("psi", "drifting_features"),
    "score_shifted": ("psi",),
    "ranking_amber": ("pooled_auc", "grade_inversions"),
    "ranking_red": ("pooled_auc",),
    "calibration_red": ("calibration_in_the_large", "spiegelhalter_z", "grade_bad_rate"),
    "arrears_red": ("early_arrears",),
    "fairness_amber": ("fairness",),
    "fairness_red": ("fairness",),
    "model_unusable": ("coverage", "artefact"),
}
# What each waits for, as the rest of a sentence after "when": {amber:psi} is what makes the PSI amber,
# {again} that it was outside a limit in the months before too, {again red} that it was red.
WORDS: Mapping[str, str] = {
    "cohorts_ripe": "enough cohorts have ripened since the last training",
    "rows_set_aside_red": "the share of a source's rows in quarantine is {red:quarantined}",
    "rows_set_aside_amber": "the share of a source's rows in quarantine is {amber:quarantined}",
    "source_missing": "a source covers too few of the applications: {red:coverage}",
    "source_gone": "a source covers too few of the applications: {red:coverage}{again red}",
    "score_drifts": "the PSI of the score is {amber:psi}{again}; or features drift: "
    "{amber:drifting_features}",
    "score_shifted": "the PSI of the score is {red:psi}",
    "ranking_amber": "the AUC of the newest {ranking.cohorts} ripe cohorts is {amber:pooled_auc}, or red for "
    "fewer months than `ranking_red` waits for; or of the pairs of adjacent grades in the wrong order there "
    "are {amber:grade_inversions}",
    "ranking_red": "the AUC of the newest {ranking.cohorts} ripe cohorts is {red:pooled_auc}{again red}",
    "calibration_red": "the ranking holds, and on the newest {ranking.cohorts} ripe cohorts "
    "observed/expected defaults are {red:calibration_in_the_large}; or Spiegelhalter's z is "
    "{red:spiegelhalter_z}; or the bad rate of a grade is {red:grade_bad_rate}{again}",
    "arrears_red": "the share of a cohort in arrears is {red:early_arrears}{again}",
    "fairness_amber": "the approval rate of a group relative to the largest one is {amber:fairness}{again}",
    "fairness_red": "the approval rate of a group relative to the largest one is {red:fairness}{again red}",
    "model_unusable": "a file of the champion is not the one that was registered, or too few applications "
    "were scored: {red:coverage}",
}


def describe_trigger(trigger: Trigger, policy: Policy) -> str:
    """What a trigger waits for, with the policy's numbers, as the rest of a sentence after "when"."""
    if trigger.metric:
        spec = METRICS[trigger.metric]
        text = f"the {spec.title} is {describe_limit(spec, trigger.severity, policy)}{{again}}"
    else:
        text = WORDS[trigger.name]
    for name, spec in METRICS.items():
        text = text.replace(f"{{amber:{name}}}", spec.amber).replace(f"{{red:{name}}}", spec.red)
    for key, status in (("{again}", "amber or red"), ("{again red}", "red")):
        text = text.replace(key, _say_again(trigger.months, status))
    return f"{fill_numbers(text, policy)}."


def _say_again(months: int, status: str) -> str:
    if months == 1:
        return ""
    before = "the month before" if months == 2 else f"each of the {months - 1} months before"
    return f", and it was {status} in {before}"
