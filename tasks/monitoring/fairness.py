"""Whether groups of applicants are approved equally often."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy.stats import fisher_exact, norm

from tasks.governance.policy import Cutoff, Fairness
from tasks.lender.columns import Column
from tasks.lender.current import NamesOfTheLender, OfTheLender
from tasks.lender.declaration import Lender
from tasks.monitoring.measurement import Measurement, RedFigure, grade, measurement
from tasks.schemas.monitoring import CONFIDENCE
from tasks.statistics.significance import holm


def _protected_of(declared: Lender) -> dict[str, Column]:
    """The protected features, by name, with what is declared of them."""
    columns = (pair for source in declared.applications for pair in source.feature_columns().items())
    return {name: column for name, column in columns if column.protected}


PROTECTED = OfTheLender(_protected_of)
# What groups are told apart by: a word, or the band of a number.
KINDS = NamesOfTheLender(
    lambda declared: [f"{n}_band" if c.bands else n for n, c in _protected_of(declared).items()]
)


def add_groups(people: pl.DataFrame) -> pl.DataFrame:
    """Add `<name>_band` of each protected number, such as `25 to 34`; null where it is unknown.

    Needs:  the columns PROTECTED.
    """
    return people.with_columns(
        _band(pl.col(name), column.bands).alias(f"{name}_band")
        for name, column in PROTECTED.items()
        if column.bands
    )


def _band(number: pl.Expr, bands: Sequence[int]) -> pl.Expr:
    """The name of the band that a number lies in, each from its first number on."""
    band = pl.lit(None, pl.String)
    for place, start in enumerate(bands):
        after = bands[place + 1] if place + 1 < len(bands) else None
        name = f"{start} and over" if after is None else f"{start} to {after - 1}"
        named = f"under {after}" if place == 0 and after is not None else name
        band = pl.when(number >= start).then(pl.lit(named)).otherwise(band)
    return band


def measure_fairness(scored: pl.DataFrame, *, limits: Fairness, cutoff: Cutoff) -> list[Measurement]:
    """Adverse impact ratio of each group of a kind: its approval rate over that of the largest group.

    Fisher's exact test of each group against the largest, adjusted for their number (Holm), so that fifteen
    groups a month do not find one by chance. Not before all the months are there: a single one finds a
    large gap by chance in one lender of six.

    Needs:  snapshot_date, pd and the KINDS of the applications.
    """
    if scored["snapshot_date"].n_unique() < limits.months:
        too_few = "too few months"
        return [measurement("fairness", kind, scored.height, None, status=too_few) for kind in KINDS]
    approved = scored.with_columns(approved=pl.col("pd") <= cutoff.approve_up_to_pd)
    return [found for kind in KINDS for found in _of_kind(approved, kind, limits)]


@dataclass(frozen=True)
class FairnessVerdict:
    """Groups that stop a challenger, and those for which it waits for a person, in words."""

    stops: Sequence[str] = ()
    waits: Sequence[str] = ()


def judge_fairness(
    red: Sequence[RedFigure], scored: pl.DataFrame, *, limits: Fairness, cutoff: Cutoff
) -> FairnessVerdict:
    """What a challenger does for each red group.

    A group that it mends stops nothing; one that it improves, and that stays red, waits for a person; one
    that it does not improve, or that cannot be measured, stops it.

    Needs:  what `measure_fairness` needs, the PDs being those of the challenger as it would serve.
    """
    figures = measure_fairness(scored, limits=limits, cutoff=cutoff)
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


def _of_kind(approved: pl.DataFrame, kind: str, limits: Fairness) -> list[Measurement]:
    known = approved.drop_nulls(kind).filter(pl.col(kind) != "unknown")
    counts = known.group_by(kind).agg(n=pl.len(), k=pl.col("approved").sum())
    groups = counts.filter(pl.col("n") >= limits.min_applicants)
    if groups.height < 2:
        return [measurement("fairness", kind, known.height, None, status="too few groups")]
    rows = groups.sort(["n", kind], descending=[True, False]).to_dicts()
    largest, others = rows[0], rows[1:]
    if largest["k"] == 0:
        return [measurement("fairness", kind, known.height, None, status="nobody approved")]
    p_values = holm([_fisher(row, largest) for row in others])
    found: list[Measurement] = []
    for row, p in zip(others, p_values, strict=True):
        ratio = (row["k"] / row["n"]) / (largest["k"] / largest["n"])
        reached = (limits.amber, limits.red)
        found.append(
            measurement(
                "fairness",
                f"{kind} {row[kind]}",
                row["n"],
                ratio,
                ci=_interval(row, largest, ratio),
                reference=largest["k"] / largest["n"],
                limits=reached,
                status=grade("fairness", ratio, reached) if p < limits.p else "green",
            )
        )
    return sorted(found, key=lambda one: one["subject"])


def _fisher(group: dict[str, int], largest: dict[str, int]) -> float:
    table = [[one["k"], one["n"] - one["k"]] for one in (group, largest)]
    result: Any = fisher_exact(table)
    return float(result.pvalue)


def _interval(
    group: dict[str, int], largest: dict[str, int], ratio: float
) -> tuple[float | None, float | None]:
    """Interval of a ratio of rates by its log (Katz et al. 1978); none where nobody is approved."""
    if group["k"] == 0:
        return None, None
    spread = sum(1 / one["k"] - 1 / one["n"] for one in (group, largest)) ** 0.5
    half = float(norm.ppf(0.5 + CONFIDENCE / 2)) * spread
    return ratio * math.exp(-half), ratio * math.exp(half)
