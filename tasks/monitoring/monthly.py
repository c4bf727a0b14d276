"""The figures of one month: its applications against the training data, and the cohort that ripened on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tasks.governance.policy import Coverage, Intake, Policy, Stability
from tasks.monitoring.measurement import Measurement, measurement
from tasks.monitoring.score_paths import grade_shift, measure_path_mix, measure_scores
from tasks.monitoring.stability import WATCHED, count_known, measure_shift
from tasks.schemas.monitoring import keep_metrics
from tasks.schemas.source_features import source_of
from tasks.statistics import performance
from tasks.statistics.significance import discoveries, lowest_usual_count

# Of one ripe cohort; its ranking needs two loans of each class.
RANKS = ("auc", "gini", "ks")
FITS = ("brier", "log_loss", "bad_rate_observed", "bad_rate_expected", "observed_to_expected")
# Metric and subject of what says, in a month without applications, that there were none.
OF_APPLICATIONS = (
    ("psi", "score"),
    ("drifting_features", "features"),
    ("coverage", "scoring"),
    ("expected_auc", "score"),
    ("expected_bad_rate", "score"),
    ("expected_bad_rate_approved", "score"),
)
UNWATCHED = ("red", "retired")  # statuses of a source's coverage


@dataclass(frozen=True)
class Month:
    """What a month is measured on: `applications` with the columns of `add_month_values`, and their `scores`.

    `scores` holds pd, grade and fallback; `reference` is that of the model that scored them; `deliveries`
    bronze.deliveries of the day; `earlier` gold.monitoring of the months before, the newest first (no rows
    where a month was not measured); `retired` names the sources that are retired on the day; `usual_paths`
    counts the applications per score path in the months before that the policy looks at.
    """

    applications: pl.DataFrame
    scores: pl.DataFrame
    reference: Mapping[str, Any]
    deliveries: pl.DataFrame
    earlier: Sequence[pl.DataFrame]
    retired: Collection[str] = ()
    usual_paths: Mapping[str, int] = field(default_factory=dict[str, int])


def measure_month(month: Month, policy: Policy) -> list[Measurement]:
    """Figures of the applications of a month: stability, coverage, quarantine, expectation."""
    if month.applications.is_empty():
        return [
            *(measurement(*one, 0, None, status="no applications") for one in OF_APPLICATIONS),
            *measure_intake(month.deliveries, limits=policy.intake),
        ]
    coverage = measure_coverage(
        month.applications,
        month.scores.height,
        month.reference,
        limits=policy.coverage,
        retired=month.retired,
    )
    stability = measure_stability(
        month.applications,
        month.reference,
        limits=policy.stability,
        unwatched=find_unwatched(coverage),
    )
    paths = dict(month.scores["fallback"].value_counts(name="n").rows())
    return [
        *measure_scores(month.scores, month.reference, policy),
        *measure_path_mix(paths, month.usual_paths, limits=policy.paths),
        *stability,
        count_drifting(stability, month.earlier, limits=policy.stability),
        *coverage,
        *measure_intake(month.deliveries, limits=policy.intake),
    ]


def find_unwatched(coverage: Sequence[Measurement]) -> set[str]:
    """The sources whose features are not compared: red or retired, so that one cause gives one finding."""
    return {one["subject"] for one in coverage if one["status"] in UNWATCHED}


def measure_stability(
    features: pl.DataFrame,
    reference: Mapping[str, Any],
    *,
    limits: Stability,
    unwatched: Collection[str] = (),
) -> list[Measurement]:
    """CSI of every watched feature, and the p-value of its change.

    Those of the `unwatched` sources have no value.

    Needs:  what the champion's reference distributions are of: columns of a day's applications.
    """
    bins, n = reference["bins"], reference["n"]
    names: list[str] = [name for name in bins if name != "pd"]
    silent = [name for name in names if source_of(WATCHED.get(name, name)) in unwatched]
    shifts = {
        name: measure_shift(features[name], bins[name], n[name]) for name in names if name not in silent
    }
    figures = [grade_shift("csi", name, features.height, shift, limits) for name, shift in shifts.items()]
    figures += [measurement("drift_p", name, features.height, shift.p) for name, shift in shifts.items()]
    return figures + [
        measurement(metric, name, 0, None, status="no data")
        for metric in ("csi", "drift_p")
        for name in silent
    ]


def count_drifting(
    now: Sequence[Measurement], earlier: Sequence[pl.DataFrame], *, limits: Stability
) -> Measurement:
    """How many features changed in each of the policy's months in a row, at its false discovery rate.

    Needs:  figures of this month; gold.monitoring of the months before, the newest first.
    """
    p_values = {one["subject"]: one["value"] for one in now if one["metric"] == "drift_p"}
    today = {name: p for name, p in p_values.items() if p is not None}
    months = [today, *(_drift_of(rows) for rows in earlier[: limits.drift_months - 1])]
    if len(months) < limits.drift_months or not all(months[1:]):
        return measurement("drifting_features", "features", 0, None, status="no month before")
    always = set.intersection(*(_found(p_values, limits.drift_fdr) for p_values in months))
    return measurement("drifting_features", "features", len(today), float(len(always)), limits=(1.0, None))


def _drift_of(month: pl.DataFrame) -> dict[str, float]:
    rows = keep_metrics(month, "drift_p").drop_nulls("value").sort("subject")
    return dict(rows.select("subject", "value").iter_rows())


def _found(p_values: Mapping[str, float], rate: float) -> set[str]:
    stands = discoveries(list(p_values.values()), rate=rate)
    return {name for name, found in zip(p_values, stands, strict=True) if found}


def measure_coverage(
    applications: pl.DataFrame,
    n_scored: int,
    reference: Mapping[str, Any],
    *,
    limits: Coverage,
    retired: Collection[str] = (),
) -> list[Measurement]:
    """Share of the day's applications that each source covers, and share that was scored.

    A source is compared with its own share of the training data: one that never covers all is not amber. One
    that is `retired` says so whatever it covers.

    Needs:  what `count_known` needs of the applications.
    """
    n, n_before = applications.height, max(reference["n"].values())
    figures: list[Measurement] = []
    for source, count in count_known(applications).items():
        before = reference["coverage"][source]
        usual = lowest_usual_count(n, round(before * n_before), n_before, p=limits.amber_p) / n
        reached = (min(limits.amber, usual), before - limits.below_reference)
        status = "retired" if source in retired else None
        figures.append(
            measurement("coverage", source, n, count / n, reference=before, limits=reached, status=status)
        )
    scored = measurement(
        "coverage", "scoring", n, n_scored / n, reference=1.0, limits=(limits.amber, limits.red)
    )
    return [*figures, scored]


def measure_intake(deliveries: pl.DataFrame, *, limits: Intake) -> list[Measurement]:
    """Share of each source's rows that were set aside.

    Needs:  bronze.deliveries of the day.
    """
    figures: list[Measurement] = []
    for row in deliveries.sort("source").iter_rows(named=True):
        if row["n_received"] == 0:
            figures.append(measurement("quarantined", row["source"], 0, None, status="no rows"))
            continue
        share = row["n_quarantined"] / row["n_received"]
        reached = (limits.amber, limits.red)
        figures.append(measurement("quarantined", row["source"], row["n_received"], share, limits=reached))
    return figures


def measure_cohort(ripened: pl.DataFrame, subject: str = "score") -> list[Measurement]:
    """AUC, Gini, KS, Brier score, log loss, bad rates and observed/expected of the cohort that ripened.

    Reported without limits: a single cohort never decides.

    Needs:  label (0 or 1) and pd of the cohort's loans; no rows when it was never scored.
    """
    n = ripened.height
    if n == 0:
        return [measurement(name, subject, 0, None, status="not scored") for name in (*RANKS, *FITS)]
    labels, pds = ripened["label"].cast(pl.Float64).to_numpy(), ripened["pd"].to_numpy()
    rare = min(int(labels.sum()), n - int(labels.sum()))
    unranked = "single class" if rare == 0 else "too few of a class" if rare == 1 else ""
    names = FITS if unranked else (*RANKS, *FITS)
    estimates = performance.measure_performance(labels, pds, *names)
    return [
        *(measurement(name, subject, n, None, status=unranked) for name in RANKS if unranked),
        *(
            measurement(name, subject, n, one.value, ci=(one.low, one.high))
            for name, one in estimates.items()
        ),
    ]
