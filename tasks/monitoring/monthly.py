"""The figures of one month: its applications against the training data, and the cohort that ripened on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy.stats import norm

from tasks.governance.policy import Coverage, Intake, Policy, Stability
from tasks.monitoring.expected_auc import measure_expected_auc, measure_expected_auc_spread
from tasks.monitoring.measurement import Measurement, measurement
from tasks.monitoring.stability import WATCHED, Shift, count_known, measure_shift
from tasks.schemas.monitoring import CONFIDENCE, keep_metrics
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
)
UNWATCHED = ("red", "retired")  # statuses of a source's coverage


@dataclass(frozen=True)
class Month:
    """What a month is measured on: `applications` with the columns of `add_month_values`, and their `pds`.

    `reference` is that of the model that scored them, `deliveries` bronze.deliveries of the day, `earlier`
    gold.monitoring of the months before, the newest first (no rows where a month was not measured); `retired`
    names the sources that are retired on the day.
    """

    applications: pl.DataFrame
    pds: pl.Series
    reference: Mapping[str, Any]
    deliveries: pl.DataFrame
    earlier: Sequence[pl.DataFrame]
    retired: Collection[str] = ()


def measure_month(month: Month, policy: Policy) -> list[Measurement]:
    """Figures of the applications of a month: stability, coverage, quarantine, expectation."""
    if month.applications.is_empty():
        return [
            *(measurement(*one, 0, None, status="no applications") for one in OF_APPLICATIONS),
            *measure_intake(month.deliveries, limits=policy.intake),
        ]
    coverage = measure_coverage(
        month.applications, len(month.pds), month.reference, limits=policy.coverage, retired=month.retired
    )
    stability = measure_stability(
        month.applications,
        month.pds,
        month.reference,
        limits=policy.stability,
        unwatched=find_unwatched(coverage),
    )
    return [
        *stability,
        count_drifting(stability, month.earlier, limits=policy.stability),
        *coverage,
        *measure_intake(month.deliveries, limits=policy.intake),
        *measure_expectation(month.pds),
    ]


def find_unwatched(coverage: Sequence[Measurement]) -> set[str]:
    """The sources whose features are not compared: red or retired, so that one cause gives one finding."""
    return {one["subject"] for one in coverage if one["status"] in UNWATCHED}


def measure_stability(
    features: pl.DataFrame,
    pds: pl.Series,
    reference: Mapping[str, Any],
    *,
    limits: Stability,
    unwatched: Collection[str] = (),
) -> list[Measurement]:
    """PSI of the score, CSI of every watched feature, and the p-value of each feature's change.

    Those of the `unwatched` sources have no value.

    Needs:  what the champion's reference distributions are of: columns of a day's applications, their PDs.
    """
    bins, n = reference["bins"], reference["n"]
    score = measure_shift(pds, bins["pd"], n["pd"])
    names: list[str] = [name for name in bins if name != "pd"]
    silent = [name for name in names if source_of(WATCHED.get(name, name)) in unwatched]
    shifts = {
        name: measure_shift(features[name], bins[name], n[name]) for name in names if name not in silent
    }
    figures = [_shifted("psi", "score", len(pds), score, limits)]
    figures += [_shifted("csi", name, features.height, shift, limits) for name, shift in shifts.items()]
    figures += [measurement("drift_p", name, features.height, shift.p) for name, shift in shifts.items()]
    return figures + [
        measurement(metric, name, 0, None, status="no data")
        for metric in ("csi", "drift_p")
        for name in silent
    ]


def _shifted(metric: str, subject: str, n: int, shift: Shift, limits: Stability) -> Measurement:
    """Both a fixed limit and what chance gives at this size must be passed."""
    if n == 0:
        return measurement(metric, subject, 0, None, status="no rows")
    amber = max(limits.amber, shift.quantile(limits.amber_level))
    red = max(limits.red, shift.quantile(limits.red_level))
    return measurement(metric, subject, n, shift.psi, limits=(amber, red))


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


def measure_expectation(pds: pl.Series) -> list[Measurement]:
    """What to expect of the day's applications once they ripen: AUC with its interval, and bad rate."""
    values = pds.to_numpy()
    auc = measure_expected_auc(values)
    if auc is None:
        return [
            measurement(name, "score", len(values), None, status="no rows")
            for name in ("expected_auc", "expected_bad_rate")
        ]
    half = float(norm.ppf(0.5 + CONFIDENCE / 2)) * measure_expected_auc_spread(values)
    ci = (max(0.0, auc - half), min(1.0, auc + half))
    return [
        measurement("expected_auc", "score", len(values), auc, ci=ci),
        measurement("expected_bad_rate", "score", len(values), float(values.mean())),
    ]


def measure_cohort(ripened: pl.DataFrame) -> list[Measurement]:
    """AUC, Gini, KS, Brier score, log loss, bad rates and observed/expected of the cohort that ripened.

    Reported without limits: a single cohort never decides.

    Needs:  label (0 or 1) and pd of the cohort's loans; no rows when it was never scored.
    """
    n = ripened.height
    if n == 0:
        return [measurement(name, "score", 0, None, status="not scored") for name in (*RANKS, *FITS)]
    labels, pds = ripened["label"].cast(pl.Float64).to_numpy(), ripened["pd"].to_numpy()
    rare = min(int(labels.sum()), n - int(labels.sum()))
    unranked = "single class" if rare == 0 else "too few of a class" if rare == 1 else ""
    names = FITS if unranked else (*RANKS, *FITS)
    estimates = performance.measure_performance(labels, pds, *names)
    return [
        *(measurement(name, "score", n, None, status=unranked) for name in RANKS if unranked),
        *(
            measurement(name, "score", n, one.value, ci=(one.low, one.high))
            for name, one in estimates.items()
        ),
    ]
