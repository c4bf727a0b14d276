"""The story of a month: each cause with its consequence, what is asked of whom, and what is proven of it.

Figures outside their limits are grouped under what explains them: one cause is told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.months import months_before
from tasks.reporting.facts import OUTSIDE, RANK, Facts, Row
from tasks.reporting.words import about, capital, day_name, list_names, model_name, month_name, window_name
from tasks.schemas.monitoring import METRICS, keep_metrics

SETTLED = ("done", "closed")  # states of an action that ask for nothing any more


@dataclass(frozen=True)
class Cause:
    """One cause: what happened, what follows from it, what is asked, and on what it rests.

    `explains` names the figures outside their limits that it accounts for; `proven` says whether they are
    realised or a forecast.
    """

    name: str
    severity: str
    cause: str
    consequence: str
    ask: str
    proven: str
    explains: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """A month in one `headline`, and its causes, the most severe first; none in a quiet month."""

    colour: str
    headline: str
    causes: tuple[Cause, ...]

    @property
    def state(self) -> str:
        """The month in one line: the first cause with its consequence."""
        first = self.causes[0] if self.causes else None
        return f"{first.cause}: {first.consequence}" if first else self.headline


# Metrics by the cause that they point to, in the order of telling; triggers by the beginning of their names.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "model": ("artefact",),
    "rows": ("quarantined",),
    "source": ("coverage",),
    "ranking": ("pooled_auc", "grade_inversions"),
    "calibration": (
        "calibration_in_the_large", "spiegelhalter_z", "grade_bad_rate", "calibration_slope",
    ),
    "arrears": ("early_arrears",),
    "path_cost": ("expected_bad_rate_approved", "path_mix"),
    "score": ("psi", "csi", "drifting_features"),
    "fairness": ("fairness",),
}  # fmt: skip
EXPLAINED_BY_A_SOURCE = ("path_cost", "score")
REALISED = ("ranking", "calibration", "arrears", "fairness", "rows", "model")


def tell(facts: Facts) -> Story:
    """The story of the day."""
    found = _find_groups(facts)
    causes = [_tell_cause(name, rows, facts) for name, rows in found.items()]
    causes.sort(key=lambda cause: RANK[cause.severity])
    due = [cause for cause in causes if cause.ask and cause.severity in OUTSIDE]
    colour = due[0].severity if due else "green"
    return Story(colour, _headline(due or causes, colour, facts), tuple(causes))


def _find_groups(facts: Facts) -> dict[str, list[Row]]:
    """Figures outside their limits by cause; what a missing source explains is under it."""
    found = {name: facts.outside(*metrics) for name, metrics in GROUPS.items()}
    known = {metric for metrics in GROUPS.values() for metric in metrics}
    found["other"] = facts.outside(*(name for name in METRICS if name not in known))
    if any(row["status"] == "red" and row["subject"] != "scoring" for row in found["source"]):
        for name in EXPLAINED_BY_A_SOURCE:
            found["source"] += found.pop(name)
    return {name: rows for name, rows in found.items() if rows}


def _tell_cause(name: str, rows: Sequence[Row], facts: Facts) -> Cause:
    asked = asks_of(name, facts.actions)
    if name == "source":
        asked += [row for other in EXPLAINED_BY_A_SOURCE for row in asks_of(other, facts.actions)]
    severity = min((row["status"] for row in rows), key=lambda status: RANK[status])
    describe = DESCRIPTIONS.get(name, _describe_other)
    cause, consequence = describe(rows, facts)
    return Cause(
        name=name,
        severity=severity,
        cause=cause,
        consequence=consequence,
        ask=_ask(asked),
        proven="Realised" if name in REALISED else "Forecast: it rests on the PDs",
        explains=tuple(dict.fromkeys(METRICS[row["metric"]].name_of(row) for row in rows[1:])),
    )


def asks_of(name: str, actions: pl.DataFrame) -> list[Row]:
    """Actions of a cause that still ask for something, the first due first."""
    open_ = actions.filter(pl.col("trigger").str.starts_with(name), pl.col("severity") != "info")
    if "state" in open_.columns:
        open_ = open_.filter(pl.col("state").is_null() | ~pl.col("state").is_in(SETTLED))
    return [*open_.sort("due_date", "trigger").to_dicts()]


def _ask(asked: Sequence[Row]) -> str:
    return " ".join(
        f"{row['owner']}, {_when(row)} {day_name(row['due_date'])}: {row['action'].rstrip('.')}."
        for row in asked[:2]
    )


def _when(row: Row) -> str:
    return "overdue since" if row["due_date"] < row["snapshot_date"] else "by"


def _headline(causes: Sequence[Cause], colour: str, facts: Facts) -> str:
    month = month_name(facts.day)
    if facts.now.is_empty():
        return f"{month} was not monitored yet: nothing is known of it"
    if not causes and "no applications" in facts.now["status"].to_list():
        return f"Nobody applied in {month}: ripe loans are judged all the same, and no decision is due"
    if not causes:
        return f"{month} was a quiet month: every figure is within its limits, and no decision is due"
    if colour == "green":
        named = list_names([TOPICS[cause.name] for cause in causes[:2]])
        return f"No decision is due in {month}: {named} left a limit, not far or long enough to act"
    first = causes[0]
    return f"{first.cause}: {first.consequence}"


TOPICS = {
    "model": "the model's files", "rows": "the quarantine", "source": "coverage", "ranking": "ranking",
    "calibration": "calibration", "arrears": "early arrears", "path_cost": "the mix of score paths",
    "score": "stability", "fairness": "fairness", "other": "a figure",
}  # fmt: skip


def _describe_source(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    missing = [row for row in rows if row["metric"] == "coverage"]
    named = list_names([row["subject"] for row in missing if row["status"] == missing[0]["status"]])
    share = missing[0]["value"]
    since = month_name(red_since(missing[0], facts.past))
    covered = "no" if share < 0.0005 else f"{share:.1%} of the"
    cause = f"{capital(named)} has covered {covered} applicants since {since}"
    return cause, _describe_cost(facts)


def red_since(row: Row, past: pl.DataFrame) -> date:
    """First month of the unbroken run, up to the row's own, in which its figure was outside its limits."""
    same = past.filter(
        pl.col("metric") == row["metric"],
        pl.col("subject") == row["subject"],
        pl.col("status").is_in(OUTSIDE),
    )
    months, day = set(same["snapshot_date"]), row["snapshot_date"]
    while months_before(day, 1) in months:
        day = months_before(day, 1)
    return day


def _describe_cost(facts: Facts) -> str:
    rate, cost = facts.money("bad_rate_approved"), facts.money("path_cost")
    if facts.all_complete:
        return "all are still scored by the complete model, on what was known before"
    if rate is None or rate["reference"] is None:
        return "what it costs is not known yet"
    moved = "up" if rate["value"] >= rate["reference"] else "down"
    text = f"expected bad rate among approved {moved} from {rate['reference']:.1%} to {rate['value']:.1%}"
    return f"{text}, about {about(cost['value'])} a month" if cost and cost["value"] > 0 else text


def _describe_ranking(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    row = rows[0]
    if row["metric"] != "pooled_auc":
        return "Adjacent grades default in the wrong order", _describe_realised(facts)
    fell = f"ranking fell to an AUC of {row['value']:.3f} from {row['reference']:.3f} at development"
    return f"{capital(model_name(row['model_id']))}: {fell}", _describe_realised(facts)


def _describe_calibration(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    row = next((row for row in rows if row["metric"] == "calibration_in_the_large"), rows[0])
    if row["metric"] != "calibration_in_the_large":
        grades = [one["subject"] for one in rows if one["metric"] == "grade_bad_rate"]
        missed = f"Grade {list_names(grades)} defaulted more often than its PDs said"
        return missed if grades else "Individual PDs are significantly off", _describe_realised(facts)
    side = "more" if row["value"] > 1 else "fewer"
    return (
        f"{row['value']:.2f} times the expected defaults: {side} loans of {window_name(row['window'])} "
        "defaulted than the PDs said",
        _describe_realised(facts),
    )


def _describe_realised(facts: Facts) -> str:
    rate, profit = facts.money("bad_rate_approved", "realised"), facts.money("profit", "realised")
    if rate is None or profit is None:
        return "what it cost is not known yet"
    return (
        f"{rate['value']:.1%} of the approved loans of {window_name(rate['window'])} defaulted, a profit of "
        f"about {about(profit['value'])}"
    )


def _describe_arrears(rows: Sequence[Row], _facts: Facts) -> tuple[str, str]:
    row = rows[0]
    return (
        f"{row['value']:.1%} of the loans of {window_name(row['window'])} are in arrears, where their PDs "
        f"imply {row['reference']:.1%}",
        "more of them are likely to default than expected",
    )


def _describe_score(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    features = [row["subject"] for row in rows if row["metric"] == "csi"]
    of_features = f"Feature{'s' * (len(features) > 1)} {list_names(features[:3])}"
    what = f"{of_features} moved" if features else "The scores moved"
    more = f" with {len(features) - 3} other features" if len(features) > 3 else ""
    return f"{what}{more} away from the training data", _describe_shift(facts)


def _describe_shift(facts: Facts) -> str:
    """Approval rate against training, and expected bad rate of those approved."""
    rate, approved = facts.money("bad_rate_approved"), keep_metrics(facts.now, "approval_rate")
    if rate is None:
        return "its effect is not known yet"
    expected = f"expected bad rate among approved is {rate['value']:.1%}"
    for now, then in approved.drop_nulls(["value", "reference"]).select("value", "reference").iter_rows():
        return f"{now:.1%} are approved, {then:.1%} at training; {expected}"
    return expected


def _describe_fairness(rows: Sequence[Row], _facts: Facts) -> tuple[str, str]:
    row, groups = rows[0], [one["subject"].replace("_", " ") for one in rows]
    others = f", as {'are' if len(groups) > 2 else 'is'} {list_names(groups[1:4])}" if groups[1:] else ""
    more = f" and {len(groups) - 4} more" if len(groups) > 4 else ""
    return (
        f"{capital(groups[0])} is approved {row['value']:.2f} times as often as the largest group",
        f"it is below the limit of {row['amber']:.2f}{others}{more}; "
        "whether their risk explains it is for compliance to judge",
    )


def _describe_other(rows: Sequence[Row], _facts: Facts) -> tuple[str, str]:
    row = rows[0]
    spec = METRICS[row["metric"]]
    value = "not measured" if row["value"] is None else spec.write(row["value"])
    return f"{capital(spec.name_of(row))} is {value}, beyond its {row['status']} limit", "see the proof below"


DESCRIPTIONS = {
    "source": _describe_source,
    "ranking": _describe_ranking,
    "calibration": _describe_calibration,
    "arrears": _describe_arrears,
    "score": _describe_score,
    "fairness": _describe_fairness,
}
