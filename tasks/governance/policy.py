"""The monitoring policy: its form. Shares and probabilities are 0 to 1."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.governance.earlier_policies import fill_in
from tasks.governance.policy_trigger import Part, PlainMetric, Trigger
from tasks.schemas.monitoring import METRICS

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Label(Part):
    """What a loan that was closed before its ripe month counts as."""

    closed_before_ripe: Literal["no label", "good", "bad"]


class Stability(Part):
    """PSI and CSI: fixed limits, and quantiles of what no change gives at the sample's size."""

    amber: Positive
    amber_level: Share
    red: Positive
    red_level: Share
    drift_fdr: Share
    drift_months: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def red_is_worse(self) -> "Stability":
        """Red must lie beyond amber."""
        if self.red <= self.amber or self.red_level < self.amber_level:
            raise ValueError("red must be above amber, and red_level not below amber_level")
        return self


class Coverage(Part):
    """Shares of applications that were scored, or that a source covers, against the training data."""

    amber: Share
    red: Share
    amber_p: Share
    below_reference: Share

    @model_validator(mode="after")
    def red_is_worse(self) -> "Coverage":
        """Red must lie beyond amber."""
        if self.red >= self.amber:
            raise ValueError("red must be below amber")
        return self


class Intake(Part):
    """Shares of a source's rows that were set aside."""

    amber: Share
    red: Share

    @model_validator(mode="after")
    def red_is_worse(self) -> "Intake":
        """Red must lie beyond amber."""
        if self.red <= self.amber:
            raise ValueError("red must be above amber")
        return self


class Tested(Part):
    """A figure that is amber and red by the probability of what was seen, if nothing had changed."""

    amber_p: Share
    red_p: Share

    @model_validator(mode="after")
    def red_is_rarer(self) -> "Tested":
        """Red must be the rarer of the two."""
        if self.red_p >= self.amber_p:
            raise ValueError("red_p must be below amber_p")
        return self


class Ranking(Tested):
    """AUC of the newest ripe cohorts, pooled, and the order of grades; a drop below `min_drop` is none."""

    cohorts: Annotated[int, Field(ge=1)]
    auc_floor: Share
    min_drop: Share
    inversion_p: Share


class Calibration(Tested):
    """Observed/expected defaults, and Spiegelhalter's z; off by less than `min_deviation` is not off."""

    oe_low: Positive
    oe_high: Positive
    amber_z: Positive
    red_z: Positive
    min_deviation: Share


class Arrears(Tested):
    """Arrears at `mob` months on book; an excess below `min_excess` of the expected is none."""

    mob: Annotated[int, Field(ge=1)]
    min_excess: Share


class Cutoff(Part):
    """Who is approved: applications with a PD up to the cut-off."""

    approve_up_to_pd: Share


class Paths(Part):
    """Score paths: figures of their own from `min_loans` on; shares against those of `months` before."""

    min_loans: Annotated[int, Field(ge=1)]
    months: Annotated[int, Field(ge=1)]
    min_change: Share
    p: Share


class PathCost(Part):
    """How far the expected bad rate among approved lies above that of development, relative to it.

    Surely with `p`, and red with `red_p`.
    """

    amber_excess: Positive
    red_excess: Positive
    p: Share
    red_p: Share

    @model_validator(mode="after")
    def red_is_worse(self) -> "PathCost":
        """Red must lie beyond amber."""
        if self.red_excess <= self.amber_excess or self.red_p > self.p:
            raise ValueError("red_excess must be above amber_excess, and red_p not above p")
        return self


class Fairness(Part):
    """Adverse impact ratio over `months` application months.

    Unequal with `p`; red only where it is below `amber` with `red_p`.
    """

    months: Annotated[int, Field(ge=1)]
    amber: Share
    red: Share
    p: Share
    red_p: Share
    min_applicants: Annotated[int, Field(ge=1)]


class Economics(Part):
    """What a loan earns and loses, as shares of the amount granted.

    `margin` of a good loan is assumed; so is `loss_given_default` until `min_bad_loans` bad loans have come
    to the end of their term within `months`: then it is measured.
    """

    margin: Annotated[float, Field(gt=0, le=1)]
    loss_given_default: Annotated[float, Field(gt=0, le=1)]
    min_bad_loans: Annotated[int, Field(ge=2)]
    months: Annotated[int, Field(ge=1)]


class Gate(Part):
    """What a challenger must show out of time: limits of intervals at `level`, and of Spiegelhalter's z.

    A score path that `path_share` or more of the newest applications take is judged by itself too.
    """

    level: Annotated[float, Field(gt=0.5, lt=1)]
    min_gain: Annotated[float, Field(ge=-1, le=1)]
    auc_floor: Share
    max_brier_loss: Share
    max_z: Positive
    path_share: Share
    cohorts: Annotated[int, Field(ge=1)]


class Actions(Part):
    """After how many months an action that is still open is escalated."""

    escalate_months: Annotated[int, Field(ge=1)]


class Audit(Part):
    """When a column of another source cannot have been known at the application."""

    implausible_auc: Share
    implausible_within: Share
    implausible_absence: Share
    hindsight_z: Annotated[float, Field(ge=2)]
    live_months: Annotated[int, Field(ge=0)]
    same_rank: Share
    copy_share: Share


class Choice(Part):
    """When a source is worth taking: what it adds to the AUC, and how many applications it covers."""

    min_gain: Share
    min_coverage: Share


class Limits(Part):
    """Where a metric turns amber, and red; which side is worse its MetricSpec says."""

    amber: float
    red: float


class Policy(Part):
    """The whole file."""

    version: Annotated[str, Field(min_length=1)]
    label: Label
    stability: Stability
    coverage: Coverage
    intake: Intake
    ranking: Ranking
    calibration: Calibration
    arrears: Arrears
    cutoff: Cutoff
    paths: Paths
    path_cost: PathCost
    fairness: Fairness
    economics: Economics
    gate: Gate
    actions: Actions
    audit: Audit
    choice: Choice
    limits: dict[PlainMetric, Limits] = Field(default_factory=dict[PlainMetric, Limits])
    trigger: tuple[Trigger, ...]

    @model_validator(mode="before")
    @classmethod
    def with_what_held_before(cls, stated: Any) -> Any:
        """A file that was adopted before a number became part of it says the same as ever."""
        return fill_in(stated)

    @property
    def cutoff_pd(self) -> float:
        """The PD up to which an application is approved."""
        return self.cutoff.approve_up_to_pd

    def limits_of(self, metric: str) -> tuple[float | None, float | None]:
        """Amber and red of a metric that are fixed; None where the policy states none."""
        part = self.limits.get(metric) or getattr(self, METRICS[metric].policy or "version")
        return getattr(part, "amber", None), getattr(part, "red", None)

    @property
    def fixed_limits(self) -> dict[str, tuple[float, float]]:
        """Amber and red of each metric that has both fixed."""
        limits = {name: self.limits_of(name) for name in METRICS}
        return {
            name: (amber, red)
            for name, (amber, red) in limits.items()
            if amber is not None and red is not None
        }

    @property
    def months_in_a_row(self) -> int:
        """How many months a decision rests on at most."""
        return max(self.stability.drift_months, *(trigger.months for trigger in self.trigger))

    @model_validator(mode="after")
    def red_is_worse(self) -> "Policy":
        """Red must lie beyond amber."""
        for name, limits in self.limits.items():
            ordered = limits.red < limits.amber if METRICS[name].worse == "low" else limits.red > limits.amber
            if not ordered:
                side = "below" if METRICS[name].worse == "low" else "above"
                raise ValueError(f"in [limits.{name}] red must be {side} amber")
        return self

    @model_validator(mode="after")
    def each_trigger_once(self) -> "Policy":
        """A name that is there twice would leave open which one counts."""
        names = [trigger.name for trigger in self.trigger]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the trigger {twice[0]!r} is there twice")
        return self
