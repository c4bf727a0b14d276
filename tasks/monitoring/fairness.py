"""Whether groups of applicants are approved equally often."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy.stats import fisher_exact

from tasks.governance.policy import Cutoff, Fairness
from tasks.lender.columns import Column
from tasks.lender.current import NamesOfTheLender, OfTheLender
from tasks.lender.declaration import Lender
from tasks.monitoring.measurement import Measurement, RedFigure, grade, measurement
from tasks.schemas.monitoring import CONFIDENCE
from tasks.statistics.performance import find_z
from tasks.statistics.significance import holm, ratio_below_p


def _protected_of(declared: Lender) -> dict[str, Column]:
    """The protected columns of applications, by name, with what is declared of them."""
    columns = (
        pair
        for source in declared.applications
        for pair in {**source.feature_columns(), **source.watched_columns()}.items()
    )
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

    Unequal by Fisher's exact test, adjusted for the number of groups of the kind (Holm), so that fifteen
    groups a month do not find one by chance. That says that a ratio is not 1; a group that is truly at 0.89
    is seen below 0.80 now and then. Red therefore asks for evidence that the ratio is below the amber limit,
    adjusted for the groups of all kinds together. Not before all the months are there: a single one finds a
    large gap by chance in one lender of six.

    Needs:  snapshot_date, pd and the KINDS of the applications.
    """
    if scored["snapshot_date"].n_unique() < limits.months:
        too_few = "too few months"
        return [measurement("fairness", kind, scored.height, None, status=too_few) for kind in KINDS]
    approved = scored.with_columns(approved=pl.col("pd") <= cutoff.approve_up_to_pd)
    by_kind = [_compare(approved, kind, limits) for kind in KINDS]
    groups = [group for found in by_kind if isinstance(found, list) for group in found]
    below = holm([ratio_below_p(one.k, one.n, one.k_largest, one.n_largest, limits.amber) for one in groups])
    graded = [_grade(group, p, limits) for group, p in zip(groups, below, strict=True)]
    return graded + [found for found in by_kind if not isinstance(found, list)]


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


@dataclass(frozen=True)
class _Group:
    """Approved `k` of `n` applicants of a group, against `k_largest` of `n_largest` of the largest.

    `equal_p` is the p-value of equal rates, adjusted for the number of groups of the kind.
    """

    subject: str
    k: int
    n: int
    k_largest: int
    n_largest: int
    equal_p: float

    @property
    def ratio(self) -> float:
        """The adverse impact ratio."""
        return (self.k / self.n) / (self.k_largest / self.n_largest)


def _compare(approved: pl.DataFrame, kind: str, limits: Fairness) -> list[_Group] | Measurement:
    """The groups of a kind against the largest, or the measurement that says why they cannot be compared."""
    known = approved.drop_nulls(kind).filter(pl.col(kind) != "unknown")
    counts = known.group_by(kind).agg(n=pl.len(), k=pl.col("approved").sum())
    groups = counts.filter(pl.col("n") >= limits.min_applicants)
    if groups.height < 2:
        return measurement("fairness", kind, known.height, None, status="too few groups")
    rows = groups.sort(["n", kind], descending=[True, False]).to_dicts()
    largest, others = rows[0], rows[1:]
    if largest["k"] == 0:
        return measurement("fairness", kind, known.height, None, status="nobody approved")
    p_values = holm([_fisher(row, largest) for row in others])
    found = [
        _Group(f"{kind} {row[kind]}", row["k"], row["n"], largest["k"], largest["n"], p)
        for row, p in zip(others, p_values, strict=True)
    ]
    return sorted(found, key=lambda one: one.subject)


def _grade(group: _Group, below_p: float, limits: Fairness) -> Measurement:
    """Amber at most, unless the ratio is surely (`below_p`) below the amber limit too."""
    reached = (limits.amber, limits.red)
    status = grade("fairness", group.ratio, reached) if group.equal_p < limits.p else "green"
    if status == "red" and below_p > limits.red_p:
        status = "amber"
    return measurement(
        "fairness",
        group.subject,
        group.n,
        group.ratio,
        ci=_interval(group),
        reference=group.k_largest / group.n_largest,
        limits=reached,
        status=status,
    )


def _fisher(group: dict[str, int], largest: dict[str, int]) -> float:
    table = [[one["k"], one["n"] - one["k"]] for one in (group, largest)]
    result: Any = fisher_exact(table)
    return float(result.pvalue)


def _interval(group: _Group) -> tuple[float | None, float | None]:
    """Interval of a ratio of rates by its log (Katz et al. 1978); none where nobody is approved."""
    if group.k == 0:
        return None, None
    spread = (1 / group.k - 1 / group.n + 1 / group.k_largest - 1 / group.n_largest) ** 0.5
    half = find_z(CONFIDENCE) * spread
    return group.ratio * math.exp(-half), group.ratio * math.exp(half)
