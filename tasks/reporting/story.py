"""The story of a month: each cause with its consequence, what is asked of whom, and what is proven of it.

Figures outside their limits are grouped under what explains them: one cause is told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.reporting.asks import Ask, Watch, asks_of, confirm_pause, watch_of
from tasks.reporting.causes import describe_cause
from tasks.reporting.costs import NOT_KNOWN, Cost, describe_cost
from tasks.reporting.facts import RANK, Facts, Row
from tasks.reporting.words import list_names, month_name
from tasks.schemas.monitoring import METRICS


@dataclass(frozen=True)
class Cause:
    """One cause: what happened, what follows from it and costs, what is asked, and on what it rests.

    `explains` names the figures outside their limits that it accounts for; `proven` says whether they are
    realised or a forecast; `watch` says who would be asked when, where nobody is.
    """

    name: str
    severity: str
    cause: str
    consequence: str
    cost: Cost
    asks: tuple[Ask, ...]
    proven: str
    explains: tuple[str, ...]
    watch: Watch | None = None

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
# On what a cause rests; on a forecast if it is not here.
PROVEN = {
    **dict.fromkeys(("ranking", "calibration"), "Realised"),
    "arrears": "The arrears are realised, the defaults a forecast",
    **dict.fromkeys(("fairness", "rows", "model"), "Measured"),
}


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
    cause, consequence = describe_cause(name, rows, facts)
    asks = tuple(ask for one in (name, *also) for ask in asks_of(one, facts))
    return Cause(
        name=name,
        severity=min((row["status"] for row in rows), key=lambda status: RANK[status]),
        cause=cause,
        consequence=consequence,
        cost=describe_cost(name, rows, facts),
        asks=asks,
        proven=PROVEN.get(name, "Forecast: it rests on the PDs"),
        explains=tuple(dict.fromkeys(METRICS[row["metric"]].name_of(row) for row in rows[1:])),
        watch=None if asks else watch_of(name, rows, facts),
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
        proven=PROVEN.get(name, "Forecast: it rests on the PDs"),
        explains=(),
    )


def _headline(causes: Sequence[Cause], colour: str, facts: Facts) -> str:
    month = month_name(facts.day)
    if facts.now.is_empty():
        return f"{month} was not monitored yet: nothing is known of it"
    if colour == "green" and facts.paused_since:
        return (
            f"Nobody has applied from {month_name(facts.paused_since)} on: no decision on the model is due; "
            f"{confirm_pause(facts)}"
        )
    if not causes:
        return f"{month} was a quiet month: every figure is within its limits, and no decision is due"
    if colour == "green":
        named = list_names([TOPICS[cause.name] for cause in causes[:2]])
        return f"No decision is due in {month}: {named} went beyond a limit, not far or long enough to act"
    return causes[0].headline


# By cause, what its figures are about.
TOPICS = {
    "model": "the model's files", "rows": "rows in quarantine", "source": "coverage by sources",
    "ranking": "ranking power", "calibration": "calibration (predicted against observed defaults)",
    "arrears": "early arrears", "path_cost": "the mix of score paths",
    "score": "stability (applicants unlike those of training)", "fairness": "fairness", "other": "a figure",
}  # fmt: skip
