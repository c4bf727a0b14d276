"""A trigger of the policy: its form, and the metrics that the policy may name."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tasks.schemas.monitoring import METRICS

# Triggers whose conditions are in tasks/monitoring/triggers.py; others name the metric that they wait for.
BUILT_IN = (
    "cohorts_ripe",
    "rows_set_aside_red",
    "rows_set_aside_amber",
    "source_missing",
    "source_gone",
    "score_drifts",
    "score_shifted",
    "ranking_amber",
    "ranking_red",
    "calibration_red",
    "arrears_red",
    "fairness_amber",
    "fairness_red",
    "model_unusable",
)


def _one_of(names: Iterable[str], *, why_not: str) -> AfterValidator:
    known = tuple(names)

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"{name!r} {why_not}: {', '.join(known) or 'none does'}")
        return name

    return AfterValidator(check)


LIMITED = [spec for spec in METRICS.values() if spec.worse]
MetricName = Annotated[
    str, _one_of((spec.name for spec in LIMITED), why_not="is none of the metrics that can be amber or red")
]
# Metrics whose limits are two fixed numbers of their own.
PlainMetric = Annotated[
    str,
    _one_of(
        (spec.name for spec in LIMITED if not spec.amber + spec.red),
        why_not="is none of the metrics that have a table of limits here",
    ),
]


class Part(BaseModel):
    """A table of the file: nothing but the named keys, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Trigger(Part):
    """What follows when a trigger fires: `trains` a challenger out of schedule, `freezes` promotions.

    It fires when its figures are as its name says for `months` in a row; with a `metric`, when a figure of
    that has the trigger's severity. The `command` carries the action out, with {date}, {next}, {source} and
    {model} for the month, the one after, the source and the champion.
    """

    metric: MetricName | None = None
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
    severity: Literal["info", "amber", "red"]
    action: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    due: Annotated[str, Field(pattern=r"^\d+ (working days?|hours?)$")]
    command: str = ""
    months: Annotated[int, Field(ge=1)] = 1
    trains: bool = False
    freezes: bool = False

    @field_validator("name")
    @classmethod
    def says_what_it_waits_for(cls, name: str, info: ValidationInfo) -> str:
        """A trigger without a metric must be one whose condition is known."""
        if name not in BUILT_IN and not info.data.get("metric"):
            raise ValueError(
                f'{name!r} needs a metric, such as metric = "csi"; without one there are {BUILT_IN}'
            )
        return name

    @model_validator(mode="after")
    def can_fire(self) -> "Trigger":
        """A metric is amber or red, never info."""
        if self.metric and self.severity == "info":
            raise ValueError(f"{self.name!r} waits for {self.metric}, so its severity must be amber or red")
        return self
