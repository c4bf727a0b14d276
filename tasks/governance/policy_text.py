"""The policy in words: what makes each metric amber or red, and the rules that are no metric's."""

from string import Formatter
from typing import Any

from tasks.governance.policy import Policy
from tasks.metric_spec import MetricSpec
from tasks.schemas.monitoring import METRICS


class _Percent(Formatter):
    """Writes `{share:%}` as "12.5%", with as many digits as it needs."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        return f"{100 * value:g}%" if format_spec == "%" else super().format_field(value, format_spec)


def fill_numbers(text: str, policy: Policy) -> str:
    """A text with the policy's numbers for what is in braces, such as {stability.amber} or {intake.red:%}."""
    return _Percent().vformat(text, (), dict(policy))


def describe_limit(spec: MetricSpec, colour: str, policy: Policy) -> str:
    """What makes a metric amber or red; empty when nothing does."""
    text = spec.amber if colour == "amber" else spec.red
    if text or spec.name not in policy.limits:
        return fill_numbers(text, policy)
    limit = spec.write(getattr(policy.limits[spec.name], colour))
    return {"low": f"below {limit}", "high": f"{limit} or more"}.get(
        spec.worse, f"{limit} or more either way"
    )


def describe_limits(policy: Policy) -> list[dict[str, str]]:
    """Metric, title, amber and red in words, of each metric that can be amber or red."""
    rows = [
        {
            "metric": spec.name,
            "title": spec.title,
            "amber": describe_limit(spec, "amber", policy),
            "red": describe_limit(spec, "red", policy),
        }
        for spec in METRICS.values()
    ]
    return [row for row in rows if row["amber"] or row["red"]]


RULES = {
    "gate": "A challenger takes over when, on loans out of time (at least {gate.cohorts} cohorts, else the "
    "verdict says so), the lower limit of the {gate.level:%} interval of its gain in AUC over the champion "
    "is above {gate.min_gain}, the upper limit of that of its loss in Brier score is below "
    "{gate.max_brier_loss}, Spiegelhalter's z is between -{gate.max_z} and {gate.max_z} or no worse than the "
    "champion's, a fallback for missing sources was measured, and each group whose fairness is red is "
    "improved. Each application is scored by the path it would take; a path that {gate.path_share:%} or more "
    "of the newest applications take must meet the limit of the gain by itself. Where coverage is red, or a "
    "group stays red though improved, a person decides. "
    "A first model needs an AUC whose lower limit is above {gate.auc_floor}.",
    "economics": "A good loan is assumed to earn {economics.margin:%} of the amount granted. A bad one loses "
    "what bad loans left unpaid when their term ended in the newest {economics.months} months; before "
    "{economics.min_bad_loans} have, it is assumed to lose {economics.loss_given_default:%}.",
    "actions": "An action that is still open after {actions.escalate_months} months is escalated.",
    "label": "A loan that was closed before its ripe month counts as: {label.closed_before_ripe}.",
    "audit": "A column of another source is refused as unknown at the application when alone it ranks "
    "defaults out of time with an AUC above {audit.implausible_auc}; among applicants of like risk, above "
    "{audit.implausible_within}, or above {audit.implausible_absence} by its being there or not; when its "
    "rank correlation with what became known later is {audit.same_rank} or more; when it goes with risk or "
    "arrears in old cohorts more than in young ones by {audit.hindsight_z} standard errors; or when it "
    "equals a feature of ours for {audit.copy_share:%} of the applications. A source is on probation until "
    "{audit.live_months} months that were captured live have ripe loans, or an earlier delivery is the same.",
    "choice": "An audited source is worth taking when it adds {choice.min_gain} or more to our AUC, "
    "significantly, and covers {choice.min_coverage:%} or more of the applications.",
}


def describe_rules(policy: Policy) -> dict[str, str]:
    """The gate, the label of closed loans, the audit of sources and their choice, a sentence or two each."""
    return {name: fill_numbers(text, policy) for name, text in RULES.items()}
