"""Whether a challenger mends the groups whose approval is red, as it would serve."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tasks.governance.policy import Policy
from tasks.modelling.fallbacks import FallbackEnsemble, predict_ensemble
from tasks.modelling.training_set import TrainingSnapshot
from tasks.monitoring.fairness import add_groups, measure_fairness
from tasks.monitoring.measurement import RedFigure


@dataclass(frozen=True)
class FairnessVerdict:
    """Groups that stop the challenger, and those for which it waits for a person, in words."""

    stops: Sequence[str] = ()
    waits: Sequence[str] = ()


def judge_fairness(
    red: Sequence[RedFigure], ensemble: FallbackEnsemble, snapshot: TrainingSnapshot, policy: Policy
) -> FairnessVerdict:
    """What the challenger does for each red group, on the newest applications, each by its score path.

    A group that it mends stops nothing; one that it improves, and that stays red, waits for a person; one
    that it does not improve, or that cannot be measured, stops it.
    """
    if not red:
        return FairnessVerdict()
    months = snapshot.loans["snapshot_date"].unique().sort()[-policy.fairness.months :]
    newest = snapshot.loans.filter(pl.col("snapshot_date").is_in(months.implode()))
    people = newest.select("snapshot_date", "age", "occupation", pd=predict_ensemble(ensemble, newest))
    figures = measure_fairness(add_groups(people), limits=policy.fairness, cutoff=policy.cutoff)
    by_subject = {one["subject"]: one for one in figures if one["value"] is not None}
    stops, waits = list[str](), list[str]()
    for one in red:
        now = by_subject.get(one.subject)
        if now is None:
            stops.append(f"{one}, not measured with the challenger")
        elif now["status"] == "red":
            said = f"{one}, {now['value']:.2f} with the challenger against {one.value:.2f}"
            (waits if now["value"] > one.value else stops).append(said)
    return FairnessVerdict(stops, waits)
