"""What monitoring says of a lender in memory, month by month: the shipped figures and the shipped actions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from benchmarks.study_lender import LABEL_MOB, Champion, Cohort
from simulator.terms import Lender, month_start
from tasks.governance.policy import Policy
from tasks.modelling.fallbacks import paths_taken, predict_ensemble
from tasks.monitoring.backtest import development_benchmark, measure_backtest
from tasks.monitoring.early_arrears import measure_arrears
from tasks.monitoring.fairness import add_groups, measure_fairness
from tasks.monitoring.measurement import measurement, to_rows
from tasks.monitoring.month_actions import BETWEEN, decide_actions
from tasks.monitoring.monthly import (
    OF_APPLICATIONS,
    count_drifting,
    find_unwatched,
    measure_coverage,
    measure_stability,
)
from tasks.monitoring.score_paths import measure_scores, split_by_path
from tasks.schemas.catalog import TABLES
from tasks.schemas.predictions import grade_of
from tasks.statistics.performance import measure_auc


@dataclass(frozen=True)
class Scored:
    """A cohort after its scoring: loans with pd, grade, groups, label, arrears; its figures of the month."""

    loans: pl.DataFrame
    champion: Champion
    stability: list[dict[str, object]]


@dataclass(frozen=True)
class Month:
    """What the rules say in a month: triggers by severity, and the textbook's rules that fire."""

    month: int
    red: frozenset[str]
    amber: frozenset[str]
    textbook: frozenset[str]


def score(cohort: Cohort, champion: Champion, policy: Policy, retired: Collection[str] = ()) -> Scored:
    """A cohort scored by a model, and its figures of the application month but those that compare months.

    Needs:  the sources that are `retired` in the month.
    """
    known = cohort.features
    pds = pl.Series("pd", predict_ensemble(champion.ensemble, known))
    loans = (
        known.select(
            "loan_id",
            "snapshot_date",
            "age",
            "occupation",
            pd=pds,
            model_id=pl.lit(champion.model_id),
            fallback=paths_taken(champion.ensemble, known),
        )
        .with_columns(grade=grade_of(pl.col("pd")))
        .join(cohort.labels, on="loan_id", how="left", validate="1:1")
        .join(cohort.arrears, on="loan_id", how="left", validate="1:1")
    )
    reference = champion.reference
    coverage = measure_coverage(
        cohort.watched, known.height, reference, limits=policy.coverage, retired=retired
    )
    unwatched = find_unwatched(coverage)
    figures = [
        *measure_scores(loans, reference, policy),
        *measure_stability(cohort.watched, reference, limits=policy.stability, unwatched=unwatched),
        *coverage,
    ]
    return Scored(add_groups(loans), champion, figures)


def watch(
    lender: Lender,
    scored: Mapping[int, Scored],
    policy: Policy,
    *,
    months: Iterable[int],
    unequal: Collection[str] = (),
) -> list[Month]:
    """The months of a lender in order; `scored` are its cohorts by month, none where nobody applied.

    A red of fairness about none but the `unequal` groups of `find_unequal` is right, and left out.
    """
    before, watched = [pl.DataFrame(schema=TABLES["gold.monitoring"].columns)], list[Month]()
    for month in months:
        figures = measure(month, lender, scored, before[0], policy)
        day = month_start(lender, month)
        actions = decide_actions(figures, before, as_of=day, policy=policy, digest="")
        right = pl.col("subjects").str.split(BETWEEN).list.eval(pl.element().is_in(list(unequal))).list.all()
        others = actions.filter((pl.col("trigger") != "fairness_red") | ~right)
        names = {
            kind: frozenset(others.filter(pl.col("severity") == kind)["trigger"]) for kind in ("red", "amber")
        }
        watched.append(Month(month, names["red"], names["amber"], textbook(month, figures, scored)))
        before = [figures, *before]
    return watched


def measure(
    month: int, lender: Lender, scored: Mapping[int, Scored], before: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """Rows of gold.monitoring of a month."""
    now, day = scored.get(month), month_start(lender, month)
    ripe = [scored[m] for m in range(month - LABEL_MOB, -1, -1) if m in scored][: policy.ranking.cohorts]
    young = scored.get(month - policy.arrears.mob)
    recent = [scored[m].loans for m in range(month - policy.fairness.months + 1, month + 1) if m in scored]
    parts = {
        "month": [*now.stability, count_drifting(now.stability, [before], limits=policy.stability)]
        if now
        else [measurement(*one, 0, None, status="no applications") for one in OF_APPLICATIONS],
        "pooled": pooled(ripe, policy),
    }
    if recent:
        groups = pl.concat(recent)
        parts["groups"] = measure_fairness(groups, limits=policy.fairness, cutoff=policy.cutoff)
    if young:
        counts = young.champion.reference["arrears"]
        parts["young"] = [measure_arrears(young.loans, counts, limits=policy.arrears)]
    frames = [to_rows(rows, as_of=day, window=name, model_id="") for name, rows in parts.items()]
    return pl.concat(frames)


def pooled(ripe: Sequence[Scored], policy: Policy) -> list[dict[str, object]]:
    """Figures of the newest ripe cohorts together."""
    if not ripe:
        return []
    loans = pl.concat([one.loans for one in ripe]).sort("loan_id")
    cards = {one.champion.model_id: one.champion.card for one in ripe}
    found: list[dict[str, object]] = []
    for path, rows in split_by_path(loans, policy.paths):
        counts = rows.group_by("model_id", "fallback").len().sort("model_id", "fallback").rows()
        benchmark = development_benchmark({(model, by): n for model, by, n in counts}, cards)
        found += measure_backtest(rows, benchmark, policy=policy, path=path)
    return found


def textbook(month: int, figures: pl.DataFrame, scored: Mapping[int, Scored]) -> frozenset[str]:
    """Rules that ignore sample size: PSI or a CSI above 0.25; AUC of one cohort 0.05 below development."""
    fired: set[str] = set()
    for metric in ("psi", "csi"):
        rows = figures.filter(pl.col("metric") == metric, pl.col("value") > 0.25)
        fired |= {metric} if rows.height else set()
    cohort = scored.get(month - LABEL_MOB)
    if cohort:
        labels, pds = cohort.loans["label"].cast(pl.Float64).to_numpy(), cohort.loans["pd"].to_numpy()
        promised = cohort.champion.card["gate"]["figures"]["auc"]
        fired |= {"auc"} if measure_auc(labels, pds).value < promised - 0.05 else set()
    return frozenset(fired)
