"""What a month's figures say, in sentences by rules; none claims what an interval does not support."""

from collections.abc import Mapping
from typing import Any

import polars as pl

Row = Mapping[str, Any]
WORST = {"red": 2, "amber": 1, "info": 0}
MOST_NAMED = 4


def tell_state(actions: pl.DataFrame, now: pl.DataFrame) -> tuple[str, str]:
    """Colour and sentence of the month as a whole.

    Needs:  gold.actions and gold.monitoring of the month.
    """
    severities = actions["severity"].to_list()
    worst = max(severities, key=lambda severity: WORST[severity], default="info")
    if worst == "info":
        return "green", f"Nothing calls for a decision: {_outside_limits(now)}."
    counted = severities.count(worst)
    noun = "action is" if counted == 1 else "actions are"
    first = actions.filter(pl.col("severity") == worst).sort("due_date", "trigger").row(0, named=True)
    return worst, f"{counted} {worst} {noun} due, the first by {first['due_date']} ({first['owner']})."


def _outside_limits(now: pl.DataFrame) -> str:
    off = now.filter(pl.col("status").is_in(["amber", "red"])).sort("metric", "subject")
    if off.is_empty():
        return "every figure that could be measured is within its limits"
    named = [f"{row['metric'].replace('_', ' ')} of {row['subject']}" for row in off.to_dicts()]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    verb = "is" if len(named) == 1 else "are"
    return f"{', '.join(named[:MOST_NAMED])}{more} {verb} outside a limit, but not far or long enough"


def tell_figures(now: pl.DataFrame, *, month: str) -> dict[str, tuple[str, str]]:
    """Per figure of the report: what it shows this month, and what would worry.

    Needs:  gold.monitoring of one snapshot date; `month` names it, such as 2024-12.
    """
    return {
        "auc": (
            _ranking(now),
            "Worry when the pooled AUC falls below development beyond chance.",
        ),
        "grades": (
            _calibration(now),
            "Worry when a grade is named here, or a better grade defaults more: of so many intervals one may "
            "miss its orange mark by chance.",
        ),
        "score_stability": (
            _score(now, month),
            "Worry when the PSI passes both its fixed limit and what chance gives at this size.",
        ),
        "feature_stability": (
            _features(now, month),
            "Worry when a column of dark cells appears at once: the sender changed, not the customers.",
        ),
        "intake": (
            _coverage(now, month),
            "Worry below 99 %. Customers that a source never told of are scored by the fallback; where only "
            "this month is missing, older ones speak for them.",
        ),
        "bad_rates": (
            _bad_rate(now),
            "Worry when the expected rate leaves the interval month after month on the same side.",
        ),
        "expected_auc": (
            _expected(now, month),
            "Worry when realised points fall below the band: the forecast is blind to a changed relation.",
        ),
        "arrears": (
            _arrears(now),
            "Worry when more loans are in arrears than their PDs imply: the labels come three months later.",
        ),
    }


def _one(now: pl.DataFrame, metric: str, subject: str | None = None) -> Row | None:
    rows = now.filter(pl.col("metric") == metric)
    if subject is not None:
        rows = rows.filter(pl.col("subject") == subject)
    return rows.row(0, named=True) if rows.height else None


def _unmeasured(row: Row | None, what: str) -> str:
    return f"{what} cannot be told yet ({row['status'] if row else 'not measured'})."


def _ranking(now: pl.DataFrame) -> str:
    row = _one(now, "pooled_auc")
    if row is None or row["value"] is None:
        return _unmeasured(row, "How well the score ranks")
    against = {
        "green": "no loss beyond chance against",
        "amber": "probably below",
        "red": "below",
    }[row["status"]]
    served, scored_by = _one(now, "psi"), row["model_id"].split()
    by = "" if served and scored_by == [served["model_id"]] else f", scored by {' and '.join(scored_by)},"
    return (
        f"On the {row['window']}{by} the AUC is {row['value']:.3f} ({row['ci_low']:.3f} to "
        f"{row['ci_high']:.3f}, {row['n']:,} loans): {against} the {row['reference']:.3f} of development."
    )


def _calibration(now: pl.DataFrame) -> str:
    row = _one(now, "calibration_in_the_large")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Whether the PDs hold")
    off = now.filter(pl.col("metric") == "grade_bad_rate", pl.col("status").is_in(["amber", "red"]))
    grades = (
        f"; more defaults than promised in grade {', '.join(off['subject'].sort())}" if off.height else ""
    )
    word = "within chance" if row["status"] == "green" else "beyond chance"
    z = _one(now, "spiegelhalter_z")
    single = (
        f"; the single PDs miss beyond chance (Spiegelhalter's z {z['value']:+.2f}, {z['status']})"
        if z and z["status"] in ("amber", "red")
        else ""
    )
    return (
        f"Per default expected there were {row['value']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f}), "
        f"{word} of 1{single}{grades}."
    )


def _score(now: pl.DataFrame, month: str) -> str:
    row = _one(now, "psi")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Whether the score moved")
    word = {"green": "stable", "amber": "moved", "red": "moved far"}[row["status"]]
    return (
        f"In {month} the score is {word}: PSI {row['value']:.3f}, amber from {row['amber']:.2f}, "
        f"on {row['n']:,} applications."
    )


def _features(now: pl.DataFrame, month: str) -> str:
    moved = now.filter(pl.col("metric") == "csi", pl.col("status").is_in(["amber", "red"])).sort(
        "value", descending=True
    )
    if _one(now, "csi") is None:
        return _unmeasured(None, "Whether a feature moved")
    if moved.is_empty():
        return f"In {month} no feature passed its limit."
    names = ", ".join(moved["subject"].head(MOST_NAMED))
    more = f" and {moved.height - MOST_NAMED} more" if moved.height > MOST_NAMED else ""
    return f"In {month} {moved.height} of the features passed a limit: {names}{more}."


def _coverage(now: pl.DataFrame, month: str) -> str:
    rows = now.filter(pl.col("metric") == "coverage")
    if rows.is_empty():
        return _unmeasured(None, "How much each source knew")
    low = rows.filter(pl.col("status").is_in(["amber", "red"])).sort("value")
    if low.is_empty():
        return f"In {month} every source knew at least 99 % of the applications, and all were scored."
    said = [f"{row['subject']} {row['value']:.1%}" for row in low.to_dicts()]
    return f"In {month} too little was known: {', '.join(said)} of {low['n'][0]:,} applications."


def _bad_rate(now: pl.DataFrame) -> str:
    seen, told = _one(now, "bad_rate_observed"), _one(now, "bad_rate_expected")
    if seen is None or told is None or seen["value"] is None:
        return _unmeasured(seen, "The bad rate of the cohort that ripened")
    return (
        f"Of the {seen['window']}, {seen['value']:.1%} of {seen['n']:,} loans defaulted; "
        f"{told['value']:.1%} were expected."
    )


def _expected(now: pl.DataFrame, month: str) -> str:
    row = _one(now, "expected_auc")
    if row is None or row["value"] is None:
        return _unmeasured(row, "What to expect of the newest month")
    return (
        f"If its PDs hold, {month} will reach an AUC of {row['value']:.3f} "
        f"({row['ci_low']:.3f} to {row['ci_high']:.3f}) once it is ripe."
    )


def _arrears(now: pl.DataFrame) -> str:
    row = _one(now, "early_arrears")
    if row is None or row["value"] is None:
        return _unmeasured(row, "Early arrears")
    word = {"green": "beyond chance no more than", "amber": "probably more than", "red": "more than"}[
        row["status"]
    ]
    return (
        f"At {row['subject']}, {row['value']:.1%} of the {row['window']} ({row['n']:,} loans) are in "
        f"arrears: {word} the {row['reference']:.1%} that their PDs imply."
    )
