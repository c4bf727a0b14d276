"""Backtest: how the newest ripe cohorts, pooled, turned out against what was expected of the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from tasks.governance.policy import Calibration, Policy, Ranking
from tasks.monitoring.measurement import Measurement, grade, measurement
from tasks.schemas.monitoring import CONFIDENCE
from tasks.schemas.predictions import COMPLETE
from tasks.statistics import performance
from tasks.statistics.performance import Auc, Floats, find_z
from tasks.statistics.significance import holm, jeffreys_interval, jeffreys_p, jeffreys_two_sided_p

Z = find_z(CONFIDENCE)
BACKTEST = (
    "pooled_auc",
    "calibration_in_the_large",
    "spiegelhalter_z",
    "calibration_slope",
    "grade_inversions",
)


@dataclass(frozen=True)
class DevelopmentBenchmark:
    """AUC that models had in development, out of time, and its variance; of several, by their loans.

    `n_learned` is how many loans their PDs rest on: of several models the number whose sampling error is that
    of the mixture.
    """

    auc: float
    variance: float
    n_learned: float


def development_benchmark(
    n_by_path: Mapping[tuple[str, str], int], cards: Mapping[str, Mapping[str, Any]]
) -> DevelopmentBenchmark:
    """How the score paths of the models that scored the loans did in development, weighted by loans.

    Needs:  number of loans by model and path.
    """
    total, auc, variance = sum(n_by_path.values()), 0.0, 0.0
    n_by_model: dict[str, int] = {}
    for (model_id, path), n in n_by_path.items():
        (value, low, high, z), share = _in_development(cards[model_id], path), n / total
        auc += share * value
        variance += share**2 * (max(high - value, value - low) / z) ** 2
        n_by_model[model_id] = n_by_model.get(model_id, 0) + n
    learning = sum((n / total) ** 2 / cards[name]["data"]["n_loans"] for name, n in n_by_model.items())
    return DevelopmentBenchmark(auc, variance, 1 / learning)


def _in_development(card: Mapping[str, Any], path: str) -> tuple[float, float, float, float]:
    """AUC of a path out of time, limits of its interval, and how many standard errors these are apart.

    Where the card has no figures of the path, those of the model as a whole; so it is of the complete path of
    models made by older code, which record no number of loans per path.
    """
    measured = card.get("fallbacks", {}).get(path)
    if measured is None or (path == COMPLETE and "n" not in measured):
        gate = card["gate"]["figures"]
        return (gate["auc"], *_interval_at_the_gate(gate))
    return (measured["auc"], *_interval_at_the_gate(measured))


def newest_cohorts(cohorts: Sequence[date], limits: Ranking) -> list[date]:
    """The cohorts that are pooled: the newest ones of those that are ripe and were scored."""
    return sorted(cohorts)[-limits.cohorts :]


def _interval_at_the_gate(figures: Mapping[str, Any]) -> tuple[float, float, float]:
    """Limits of the AUC's interval, and how many standard errors it reaches; the key holds the level in %."""
    key = next(name for name in figures if name.startswith("auc_ci_"))
    level = float(key.removeprefix("auc_ci_")) / 100
    return (*figures[key], find_z(level))


def measure_backtest(
    pooled: pl.DataFrame, benchmark: DevelopmentBenchmark | None, *, policy: Policy, path: str = ""
) -> list[Measurement]:
    """Ranking, calibration and order of grades of the pooled loans, each with its status.

    The subjects' names end in `path`, such as " without bureau"; empty for all loans together.

    Needs:  label (0 or 1), pd, grade of the loans; `benchmark` unless there is no loan.
    """
    n, subject = pooled.height, f"score{path}"
    if n == 0 or benchmark is None:
        return [measurement(name, subject, 0, None, status="not ripe") for name in BACKTEST]
    labels, pds = pooled["label"].cast(pl.Float64).to_numpy(), pooled["pd"].to_numpy()
    n_bad = int(labels.sum())
    if min(n_bad, n - n_bad) < 2:
        return [measurement(name, subject, n, None, status="single class") for name in BACKTEST]
    share = _share_of_evidence(n, benchmark)
    of_all = [
        _ranking(performance.measure_auc(labels, pds), n, benchmark, policy.ranking),
        _in_the_large(labels, pds, share, policy.calibration),
        _spiegelhalter(labels, pds, share, policy.calibration),
        measurement("spiegelhalter_z_raw", "", n, performance.measure_spiegelhalter_z(labels, pds)),
        measurement("calibration_slope", "", n, performance.measure_slope(labels, pds), reference=1.0),
        _inversions(pooled, policy.ranking),
    ]
    grades = _by_grade(pooled, share, policy.calibration)
    return [
        *({**one, "subject": subject} for one in of_all),
        *({**one, "subject": f"{one['subject']}{path}"} for one in grades),
    ]


def _ranking(auc: Auc, n: int, benchmark: DevelopmentBenchmark, limits: Ranking) -> Measurement:
    low, high = auc.interval(CONFIDENCE)
    spread = (benchmark.variance + auc.variance) ** 0.5
    drops = [-float(ndtri(level)) * spread for level in (limits.amber_p, limits.red_p)]
    reached = [benchmark.auc - max(limits.min_drop, drop) for drop in drops]
    graded = grade("pooled_auc", auc.value, (reached[0], reached[1]))
    return measurement(
        "pooled_auc",
        "score",
        n,
        auc.value,
        ci=(low, high),
        reference=benchmark.auc,
        limits=(reached[0], reached[1]),
        status="red" if high < limits.auc_floor else graded,
    )


def _share_of_evidence(n: int, benchmark: DevelopmentBenchmark) -> float:
    """What n outcomes are worth (0 to 1) as evidence against PDs that were learned from a sample themselves.

    Both rates have a sampling error, so the variance of their difference is that of n N / (n + N) outcomes
    against known PDs (two-sample comparison, as in PSI's 1/n + 1/m); with N large it is n.
    """
    return benchmark.n_learned / (benchmark.n_learned + n)


def _in_the_large(labels: Floats, pds: Floats, share: float, limits: Calibration) -> Measurement:
    """Observed over expected, with the interval of the ratio where both have their sampling error."""
    n, expected = share * len(labels), float(pds.mean())
    ratio, p = float(labels.mean()) / expected, jeffreys_two_sided_p(share * float(labels.sum()), n, expected)
    far = not limits.oe_low <= ratio <= limits.oe_high
    if p >= limits.amber_p or abs(ratio - 1) < limits.min_deviation:
        status = "green"
    else:
        status = "red" if p < limits.red_p or far else "amber"
    half = Z * float(np.sqrt(labels.mean() * (1 - labels.mean()) / n)) / expected
    ci = (max(0.0, ratio - half), ratio + half)
    return measurement(
        "calibration_in_the_large", "score", len(labels), ratio, ci=ci, reference=1.0, status=status
    )


def _by_grade(pooled: pl.DataFrame, share: float, limits: Calibration) -> list[Measurement]:
    """More defaults than a grade's mean PD allows: Jeffreys' p, adjusted for the number of grades (Holm)."""
    # Not by group_by, which sums in an order of its own each time, so that the last digit may differ.
    rows: list[dict[str, Any]] = [
        {"grade": one["grade"][0], "n": one.height, "k": one["label"].sum(), "pd": one["pd"].mean()}
        for one in pooled.sort("grade", maintain_order=True).partition_by("grade")
    ]
    p_values = holm([jeffreys_p(share * row["k"], share * row["n"], row["pd"]) for row in rows])
    found: list[Measurement] = []
    for row, p in zip(rows, p_values, strict=True):
        status = "red" if p < limits.red_p else "amber" if p < limits.amber_p else "green"
        if row["k"] / row["n"] < (1 + limits.min_deviation) * row["pd"]:
            status = "green"
        found.append(
            measurement(
                "grade_bad_rate",
                row["grade"],
                row["n"],
                row["k"] / row["n"],
                ci=jeffreys_interval(row["k"], row["n"], level=CONFIDENCE),
                reference=row["pd"],
                status=status,
            )
        )
    return found


def _spiegelhalter(labels: Floats, pds: Floats, share: float, limits: Calibration) -> Measurement:
    """z, green too where the Brier score is within `min_deviation` of what the PDs themselves imply."""
    z = performance.measure_spiegelhalter_z(labels, pds) * share**0.5
    implied = float(np.mean(pds * (1 - pds)))
    small = abs(performance.measure_brier(labels, pds) - implied) < limits.min_deviation * implied
    reached = (limits.amber_z, limits.red_z)
    status = "green" if small else None
    return measurement(
        "spiegelhalter_z", "score", len(labels), z, reference=0.0, limits=reached, status=status
    )


def _inversions(pooled: pl.DataFrame, limits: Ranking) -> Measurement:
    """Adjacent grades of which the better one had more defaults, beyond chance (pooled two-sample z)."""
    rows = pooled.group_by("grade").agg(n=pl.len(), k=pl.col("label").sum()).sort("grade").to_dicts()
    found = 0
    for better, worse in pairwise(rows):
        rate = (better["k"] + worse["k"]) / (better["n"] + worse["n"])
        variance = rate * (1 - rate) * (1 / better["n"] + 1 / worse["n"])
        if variance > 0:
            gap = better["k"] / better["n"] - worse["k"] / worse["n"]
            found += bool(ndtr(-gap / variance**0.5) < limits.inversion_p)
    return measurement("grade_inversions", "score", pooled.height, float(found), limits=(1.0, None))
