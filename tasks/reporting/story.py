"""The story of a month: each cause with its consequence, what is asked of whom, and what is proven of it.

Figures outside their limits are grouped under what explains them: one cause is told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.reporting.asks import Ask, asks_of
from tasks.reporting.costs import NOT_KNOWN, Cost, describe_cost, drifting_since
from tasks.reporting.facts import RANK, Facts, Row, first_of_run, outside_since
from tasks.reporting.words import (
    about,
    capital,
    list_names,
    model_name,
    month_name,
    pairs_right,
    window_name,
)
from tasks.schemas.feature_store import MEASURES_OF, SOURCE_OF
from tasks.schemas.monitoring import METRICS, keep_metrics


@dataclass(frozen=True)
class Cause:
    """One cause: what happened, what follows from it and costs, what is asked, and on what it rests.

    `explains` names the figures outside their limits that it accounts for; `proven` says whether they are
    realised or a forecast.
    """

    name: str
    severity: str
    cause: str
    consequence: str
    cost: Cost
    asks: tuple[Ask, ...]
    proven: str
    explains: tuple[str, ...]

    @property
    def ask(self) -> str:
        """What is asked, in sentences; empty where nothing is."""
        return " ".join(ask.words for ask in self.asks)

    @property
    def urgency(self) -> str:
        """The severity of the most severe of what is asked; green where nothing is."""
        return min((ask.severity for ask in self.asks), key=lambda one: RANK[one], default="green")

    @property
    def headline(self) -> str:
        """What happened, and what it costs."""
        follows = f"{self.consequence}; {self.cost.short}" if self.name == "source" else self.cost.short
        return f"{self.cause}: {follows}"


@dataclass(frozen=True)
class Story:
    """A month in one `headline`, and its causes, the most severe first; none in a quiet month."""

    colour: str
    headline: str
    causes: tuple[Cause, ...]


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
    causes += [_tell_open(name, asks) for name, asks in _find_open(found, facts).items()]
    causes.sort(key=lambda cause: RANK[cause.severity])
    due = sorted((cause for cause in causes if cause.asks), key=lambda cause: RANK[cause.urgency])
    colour = due[0].urgency if due else "green"
    return Story(colour, _headline(due or causes, colour, facts), tuple(causes))


def _find_groups(facts: Facts) -> dict[str, list[Row]]:
    """Figures outside their limits by cause; what a missing source explains is under it."""
    found = {name: facts.outside(*metrics) for name, metrics in GROUPS.items()}
    known = {metric for metrics in GROUPS.values() for metric in metrics}
    found["other"] = facts.outside(*(name for name in METRICS if name not in known))
    if facts.lacks_source:
        for name in EXPLAINED_BY_A_SOURCE:
            found["source"] += found.pop(name)
    return {name: rows for name, rows in found.items() if rows}


def _tell_cause(name: str, rows: Sequence[Row], facts: Facts) -> Cause:
    also = EXPLAINED_BY_A_SOURCE if name == "source" and facts.lacks_source else ()
    describe = DESCRIPTIONS.get(name, _describe_other)
    cause, consequence = describe(rows, facts)
    return Cause(
        name=name,
        severity=min((row["status"] for row in rows), key=lambda status: RANK[status]),
        cause=cause,
        consequence=consequence,
        cost=describe_cost(name, rows, facts),
        asks=tuple(ask for one in (name, *also) for ask in asks_of(one, facts)),
        proven="Realised" if name in REALISED else "Forecast: it rests on the PDs",
        explains=tuple(dict.fromkeys(METRICS[row["metric"]].name_of(row) for row in rows[1:])),
    )


def _find_open(found: Mapping[str, list[Row]], facts: Facts) -> dict[str, list[Ask]]:
    """What is asked, by cause, because of figures that are outside no limit now, such as in a pause."""
    told = {*found, *(EXPLAINED_BY_A_SOURCE if facts.lacks_source else ())}
    asked = {name: asks_of(name, facts) for name in GROUPS if name not in told}
    return {name: asks for name, asks in asked.items() if asks}


def _tell_open(name: str, asks: Sequence[Ask]) -> Cause:
    since = month_name(min(ask.since for ask in asks))
    return Cause(
        name=name,
        severity=min((ask.severity for ask in asks), key=lambda severity: RANK[severity]),
        cause=f"What was asked about {TOPICS[name]} in {since} is not settled",
        consequence="its figures say nothing new this month",
        cost=NOT_KNOWN,
        asks=tuple(asks),
        proven="Realised" if name in REALISED else "Forecast: it rests on the PDs",
        explains=(),
    )


def _headline(causes: Sequence[Cause], colour: str, facts: Facts) -> str:
    month = month_name(facts.day)
    if facts.now.is_empty():
        return f"{month} was not monitored yet: nothing is known of it"
    if not causes and "no applications" in facts.now["status"].to_list():
        since = month_name(first_of_run(_months_without_applications(facts), facts.day))
        return f"Nobody has applied since {since}: ripe loans are judged all the same, no decision is due"
    if not causes:
        return f"{month} was a quiet month: every figure is within its limits, and no decision is due"
    if colour == "green":
        named = list_names([TOPICS[cause.name] for cause in causes[:2]])
        return f"No decision is due in {month}: {named} left a limit, not far or long enough to act"
    return causes[0].headline


def _months_without_applications(facts: Facts) -> set[date]:
    return set(facts.past.filter(pl.col("status") == "no applications")["snapshot_date"])


TOPICS = {
    "model": "the model's files", "rows": "the quarantine", "source": "coverage", "ranking": "ranking",
    "calibration": "calibration", "arrears": "early arrears", "path_cost": "the mix of score paths",
    "score": "stability", "fairness": "fairness", "other": "a figure",
}  # fmt: skip


def _describe_source(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    missing = [row for row in rows if row["metric"] == "coverage"]
    named = list_names([row["subject"] for row in missing if row["status"] == missing[0]["status"]])
    share = missing[0]["value"]
    since = month_name(outside_since(missing[0], facts.past))
    covered = "no" if share < 0.0005 else f"{share:.1%} of the"
    cause = f"{capital(named)} has covered {covered} applicants since {since}"
    return cause, _describe_approved(facts)


def _describe_approved(facts: Facts) -> str:
    """What a missing source does to those approved."""
    rate = facts.money("bad_rate_approved")
    if facts.all_complete:
        return "all are still scored by the complete model, on what was known before"
    if rate is None or rate["reference"] is None:
        return "its effect is not known yet"
    moved = "up" if rate["value"] >= rate["reference"] else "down"
    return f"expected bad rate among approved {moved} from {rate['reference']:.1%} to {rate['value']:.1%}"


def _describe_paths(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    return _describe_other(rows, facts)[0], _describe_approved(facts)


def _describe_ranking(rows: Sequence[Row], facts: Facts) -> tuple[str, str]:
    row = rows[0]
    if row["metric"] != "pooled_auc":
        return "Adjacent grades default in the wrong order", _describe_realised(facts)
    now, then = (pairs_right(row[name], digits=1) for name in ("value", "reference"))
    fell = f"ranks {now} right, {then.split()[0]} at development"
    return f"{capital(model_name(row['model_id']))} {fell}", _describe_realised(facts)


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
        return "no approved loan of it is ripe yet"
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
    since = month_name(drifting_since(rows, facts))
    moved = [row for row in rows if row["metric"] == "csi"]
    features = [row["subject"] for row in sorted(moved, key=lambda row: -row["value"])]
    sources = list_names(list(dict.fromkeys(_source_of(name) for name in features)))
    by = f" ({sources})" if features else " by their scores"
    named = list_names([*features[:2], *(["others"] if len(features) > 2 else [])])
    cause = f"Applicants have differed from the training data since {since}{by}"
    return cause, f"{f'{named} moved; ' if features else ''}{_describe_shift(facts)}"


def _source_of(feature: str) -> str:
    """The source of a feature, or of a measure of a history."""
    measured = next((name for name, measures in MEASURES_OF.items() if feature in measures), "other data")
    return SOURCE_OF.get(feature, measured).replace("_", " ")


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
    "path_cost": _describe_paths,
    "ranking": _describe_ranking,
    "calibration": _describe_calibration,
    "arrears": _describe_arrears,
    "score": _describe_score,
    "fairness": _describe_fairness,
}
