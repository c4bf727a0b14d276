"""The score paths of a month: which models answered, and figures of their scores, together and of each."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl
from scipy.special import ndtr
from scipy.stats import fisher_exact

from tasks.governance.policy import Cutoff, PathCost, Paths, Policy, Stability
from tasks.monitoring.approvals import Approved, count_approved, keep_approved
from tasks.monitoring.expected_auc import measure_expected_auc, measure_expected_auc_spread
from tasks.monitoring.measurement import Measurement, grade, measurement
from tasks.monitoring.stability import Shift, measure_shift, score_bins
from tasks.months import months_before
from tasks.schemas.monitoring import CONFIDENCE
from tasks.schemas.predictions import COMPLETE, describe_path
from tasks.statistics.performance import find_z

Z = find_z(CONFIDENCE)


def split_by_path(rows: pl.DataFrame, limits: Paths) -> Iterator[tuple[str, pl.DataFrame]]:
    """All rows, then those of each score path with enough of them; each with the end of its subjects' names.

    Where every row took the complete path, all rows say the same as that path.

    Needs:  fallback.
    """
    yield "", rows
    counts = rows["fallback"].value_counts(name="n").sort("fallback").rows()
    for path, n in counts:
        if n >= limits.min_loans and (path != COMPLETE or len(counts) > 1):
            yield f" {describe_path(path)}", rows.filter(fallback=path)


def measure_scores(scores: pl.DataFrame, reference: Mapping[str, Any], policy: Policy) -> list[Measurement]:
    """Figures of a day's scores, all together and by path: PSI, what to expect, who is approved.

    Needs:  pd, grade, fallback of the applications; the reference of the model that scored them.
    """
    found: list[Measurement] = []
    for end, rows in split_by_path(scores, policy.paths):
        found += [
            measure_psi(rows, reference, f"score{end}", limits=policy.stability),
            *measure_expectation(rows["pd"], f"score{end}"),
            *measure_approved(rows, reference, end, cutoff=policy.cutoff, limits=policy.path_cost),
            *_grade_mix(rows, end),
        ]
    return found


def measure_psi(
    scores: pl.DataFrame, reference: Mapping[str, Any], subject: str, *, limits: Stability
) -> Measurement:
    """PSI of the scores against what their own paths said of the training data, in the shares of today.

    So a change of the paths is no shift of the score; `measure_path_mix` tells it. Both a fixed limit and
    what chance gives at this size must be passed.

    Needs:  pd, fallback.
    """
    counts = dict(scores["fallback"].value_counts(name="n").rows())
    bins, n_reference, paths = score_bins(reference, counts)
    pds = scores.filter(pl.col("fallback").is_in(paths))["pd"]
    if pds.is_empty():
        return measurement(
            "psi", subject, scores.height, None, status="no reference" if counts else "no rows"
        )
    return grade_shift("psi", subject, len(pds), measure_shift(pds, bins, n_reference), limits)


def grade_shift(metric: str, subject: str, n: int, shift: Shift, limits: Stability) -> Measurement:
    """Both a fixed limit and what chance gives at this size must be passed."""
    if n == 0:
        return measurement(metric, subject, 0, None, status="no rows")
    amber = max(limits.amber, shift.quantile(limits.amber_level))
    red = max(limits.red, shift.quantile(limits.red_level))
    return measurement(metric, subject, n, shift.psi, limits=(amber, red))


def measure_expectation(pds: pl.Series, subject: str = "score") -> list[Measurement]:
    """What to expect of applications once they ripen: AUC with its interval, and bad rate."""
    values = pds.to_numpy()
    auc = measure_expected_auc(values)
    if auc is None:
        return [
            measurement(name, subject, len(values), None, status="no rows")
            for name in ("expected_auc", "expected_bad_rate")
        ]
    half = Z * measure_expected_auc_spread(values)
    ci = (max(0.0, auc - half), min(1.0, auc + half))
    return [
        measurement("expected_auc", subject, len(values), auc, ci=ci),
        measurement("expected_bad_rate", subject, len(values), float(values.mean())),
    ]


def measure_approved(
    scores: pl.DataFrame, reference: Mapping[str, Any], end: str, *, cutoff: Cutoff, limits: PathCost
) -> list[Measurement]:
    """Mean PD of those below the cut-off, and their share, against development.

    All applications are compared with the paths that development had, each path with what that path said, at
    the cut-off of that time: so a lower one mends what a path costs.

    Needs:  pd, fallback, of one path where `end` names one.
    """
    path = scores["fallback"][0] if end else "mix"
    then = reference.get("cutoff", cutoff.approve_up_to_pd)
    before = count_approved(reference.get("expected", {}).get(path), then)
    now, n = keep_approved(scores["pd"], cutoff.approve_up_to_pd), scores.height
    share = before.n / before.n_all if before and before.n_all else None
    return [
        _grade_cost(now, before, f"score{end}", limits),
        measurement("approval_rate", f"score{end}", n, now.n / n if n else None, reference=share),
    ]


def _grade_cost(now: Approved, before: Approved | None, subject: str, limits: PathCost) -> Measurement:
    """Above the reference by so much, and significantly: one-sided z of two means (Welch)."""
    name = "expected_bad_rate_approved"
    if now.n == 0:
        return measurement(name, subject, 0, None, status="nobody approved")
    half = Z * now.variance**0.5
    ci = (max(0.0, now.mean - half), min(1.0, now.mean + half))
    if before is None or before.n == 0:
        return measurement(name, subject, int(now.n), now.mean, ci=ci, status="no reference")
    spread = (now.variance + before.variance) ** 0.5
    p = float(ndtr((before.mean - now.mean) / spread)) if spread > 0 else 1.0
    reached = ((1 + limits.amber_excess) * before.mean, (1 + limits.red_excess) * before.mean)
    status = grade(name, now.mean, reached) if p < limits.p else "green"
    if status == "red" and p >= limits.red_p:
        status = "amber"
    return measurement(
        name,
        subject,
        int(now.n),
        now.mean,
        ci=ci,
        reference=before.mean,
        limits=reached,
        status=status,
    )


def _grade_mix(scores: pl.DataFrame, end: str) -> list[Measurement]:
    counts = scores["grade"].value_counts(name="n").sort("grade").rows()
    return [measurement("grade_share", f"{name}{end}", n, n / scores.height) for name, n in counts]


def usual_months(as_of: date, limits: Paths) -> list[date]:
    """The months before a day whose paths its own are compared with, the newest first."""
    return [months_before(as_of, back) for back in range(1, limits.months + 1)]


def measure_path_mix(
    now: Mapping[str, int], before: Mapping[str, int], *, limits: Paths
) -> list[Measurement]:
    """Share of the applications per score path against that of the months before (Fisher's exact test).

    Needs:  number of applications per path, of the day and of the months before.
    """
    n, n_before = sum(now.values()), sum(before.values())
    found: list[Measurement] = []
    for path in sorted({*now, *before}) if n else []:
        k, k_before = now.get(path, 0), before.get(path, 0)
        if not n_before:
            status, usual = "no month before", None
        else:
            usual = k_before / n_before
            table: Any = fisher_exact([[k, n - k], [k_before, n_before - k_before]])
            changed = abs(k / n - usual) >= limits.min_change and float(table.pvalue) < limits.p
            status = "amber" if changed else "green"
        found.append(measurement("path_mix", describe_path(path), n, k / n, reference=usual, status=status))
    return found
