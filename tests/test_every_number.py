"""Every number of the policy has one home: change it there, and what is decided, said and drawn follows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks.charts import draw_all
from tasks.economics.terms import measure_terms, measured_months
from tasks.evaluation.feature_sets import compare_feature_sets
from tasks.governance.policy import Policy
from tasks.leakage_audit.hindsight import find_hindsight
from tasks.leakage_audit.origin import find_copy, find_later_value
from tasks.leakage_audit.outcome import find_choice, find_outcome, find_shadow
from tasks.leakage_audit.reference import Book, Column
from tasks.leakage_audit.restated import on_probation
from tasks.monitoring.actions import explain_policy
from tasks.monitoring.approvals import summarise_pds
from tasks.monitoring.backtest import DevelopmentBenchmark, measure_backtest, newest_cohorts
from tasks.monitoring.early_arrears import measure_arrears
from tasks.monitoring.fairness import add_groups, measure_fairness
from tasks.monitoring.measurement import measurement, to_rows
from tasks.monitoring.month_actions import Past, decide_actions
from tasks.monitoring.monthly import Month, count_drifting, measure_month
from tasks.monitoring.score_paths import measure_approved, usual_months
from tasks.registry.promotion_gate import GateInput, decide, paths_to_judge
from tasks.reporting.findings import describe_figures
from tasks.schemas.feature_store import MEASURES
from tasks.schemas.monitoring import METRICS
from tests.charts.books import cohort_rows, coverage_rows, figure_rows
from tests.policies import POLICY, STATED, numbers_of, other_policies

Decide = Callable[[Policy], Any]
DAY = date(2024, 5, 1)
DRAWN = {"stability.amber", "stability.red", "coverage.amber"}  # numbers that the charts show
RNG = np.random.default_rng(3)
TRUTH, NOISE = RNG.standard_normal(800), RNG.standard_normal(800)
PDS = 1 / (1 + np.exp(1.3 - 1.5 * TRUTH))
LABELS = (RNG.random(800) < PDS).astype(float)


def month_of(n: int) -> Month:
    """A month of n applications whose score has shifted a little."""
    bins = {"edges": [0.25, 0.5, 0.75], "shares": [0.25, 0.25, 0.25, 0.25, 0.0]}
    known = dict.fromkeys(("has_clickstream", "has_attributes", "has_financials"), True)
    row = {**known, "age": 0.4, **dict.fromkeys(MEASURES, 1.0)}
    reference = {
        "bins": {"age": bins},
        "n": {"age": 5000},
        "grid": bins["edges"],
        "paths": {path: {"n": 5000, "shares": bins["shares"][:-1]} for path in ("none", "clickstream")},
        "expected": {"mix": summarise_pds(np.linspace(0.0, 0.7, 3000) ** 2)},
        "coverage": dict.fromkeys(("clickstream", "attributes", "financials"), 1.0),
    }
    deliveries = pl.DataFrame({"source": ["loans"], "n_received": [100], "n_quarantined": [5]})
    pds = np.linspace(0.05, 0.95, n) ** 1.3
    path = pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("clickstream")).otherwise(pl.lit("none"))
    scores = pl.DataFrame({"pd": pds, "grade": ["A"] * n}).with_columns(fallback=path)
    usual = {"none": round(0.88 * n), "clickstream": round(0.12 * n)}
    return Month(pl.DataFrame([row] * n), scores, reference, deliveries, [], usual_paths=usual)


def costly(n: int) -> pl.DataFrame:
    """Scores of n applications whose expected bad rate among approved is far above that of development."""
    return pl.DataFrame({"pd": np.linspace(0.05, 0.95, n), "fallback": ["none"] * n})


def drift(p: float) -> list[dict[str, Any]]:
    return [measurement("drift_p", "age", 500, p)]


def graded(n: int, ratio: float) -> pl.DataFrame:
    """Loans of three grades, the third better than the second; defaults are `ratio` times the PDs."""
    grades = (("A", 0.1, 0.1), ("B", 0.3, 0.33), ("C", 0.32, 0.28))
    rows = [
        {"grade": name, "pd": pd + 0.001 * (at % 7), "label": int(at < ratio * rate * n)}
        for name, pd, rate in grades
        for at in range(n)
    ]
    return pl.DataFrame(rows)


def measured(policy: Policy) -> list[Any]:
    """Measurements and their statuses."""
    drifting = [to_rows(drift(p), as_of=DAY, window="month", model_id="m") for p in (0.03, 0.9)]
    young = pl.DataFrame({"pd": np.full(500, 0.3), "in_arrears": np.arange(500) < 150})
    counts = {"bad": {"n": 900, "k": 630}, "good": {"n": 2100, "k": 210}}
    books = [graded(n, ratio) for n, ratio in ((150, 0.8), (400, 0.87), (400, 1.13), (150, 1.3), (300, 1.0))]
    return [
        [measure_month(month_of(n), policy) for n in (40, 300, 4000)],
        measure_approved(
            costly(36), month_of(36).reference, "", cutoff=policy.cutoff, limits=policy.path_cost
        ),
        count_drifting(drift(0.03), drifting, limits=policy.stability),
        [
            measure_backtest(book, DevelopmentBenchmark(auc, 1e-4, 1e9), policy=policy)
            for book in books
            for auc in (0.5, 0.7)
        ],
        usual_months(DAY, policy.paths),
        newest_cohorts([date(2024, at + 1, 1) for at in range(12)], policy.ranking),
        measure_arrears(young, counts, limits=policy.arrears),
        measure_fairness(people(), limits=policy.fairness, cutoff=policy.cutoff),
    ]


@cache
def people() -> pl.DataFrame:
    """Six months of applicants of two occupations, one of which has higher PDs."""
    groups = (("lawyer", 300, 0.25), ("baker", 45, 0.38))
    rows = [
        {
            "occupation": name,
            "age": 40,
            "pd": 0.6 * at / n + share - 0.2,
            "snapshot_date": date(2024, at % 6 + 1, 1),
        }
        for name, n, share in groups
        for at in range(n)
    ]
    return add_groups(pl.DataFrame(rows))


def valued(policy: Policy) -> list[Any]:
    """What loans are worth before and after the loss given default is measured."""
    n = STATED["economics"]["min_bad_loans"]
    unpaid = pl.DataFrame({"loan_amt": [100.0] * n, "balance": [70.0] * n})
    terms = [measure_terms(unpaid.head(kept), policy.economics) for kept in (n, 2, 1)]
    return [*terms, measured_months(DAY, policy.economics)]


def acted_on(policy: Policy) -> list[Any]:
    """Actions of months in which every metric was amber, red, or red but for the ranking."""

    def rows(status: str, *, ranking: str | None = None) -> pl.DataFrame:
        all_ = [
            measurement(
                name, subject, 100, 0.5, status=(ranking or status) if name == "pooled_auc" else status
            )
            for name in METRICS
            for subject in ("scoring", "loans")
        ]
        due = measurement("cohorts_since_training", "labels", 100, 3.0, status="due")
        return to_rows([*all_, due], as_of=DAY, window="month 2024-05", model_id="m")

    months = (rows("amber"), rows("red"), rows("red", ranking="green"))
    decided = [
        decide_actions(now, [rows("red")] * n + [rows("green")] * 12, as_of=DAY, policy=policy, digest="")
        for now in months
        for n in (1, 5)
    ]
    standing = decided[2]
    for later in range(6, 12):  # the same figures month after month: actions are escalated
        day, past = DAY.replace(month=later), Past(standing)
        standing = decide_actions(
            months[1], [rows("red")] * 12, as_of=day, policy=policy, digest="", past=past
        )
        decided.append(standing)
    return [actions.to_dicts() for actions in decided]


def judged(policy: Policy) -> list[Any]:
    """Verdicts of the gate, and advice on sources."""
    blurred = np.clip(PDS + 0.1 * NOISE, 0.01, 0.99)
    weak = np.clip(PDS + 0.4 * NOISE, 0.01, 0.99)
    shown = [(PDS, blurred), (blurred, PDS), (PDS, None), (PDS**1.5, None), (weak, None)]
    gate = [
        decide(GateInput(LABELS, own, champion, 0.3, 3, {"financials": 0.7}, (), ()), policy.gate)
        for own, champion in shown
    ]
    cost = {"x": {"columns": 1, "coverage": 0.95, "days_old": 1.0}}
    choices = compare_feature_sets(LABELS, {"ours": blurred, "ours + x": PDS}, cost, policy.choice)
    paths = paths_to_judge({f"path {at}": at / 200 for at in range(100)}, policy.gate)
    return [[(one.promoted, one.why) for one in gate], paths, [one["recommendation"] for one in choices]]


@cache
def book() -> Book:
    """Loans of one month, half of whose risk our own feature knows."""
    own = TRUTH + NOISE
    return Book(
        days=pl.Series([DAY] * 800),
        labels=LABELS,
        pds=1 / (1 + np.exp(1.3 - 0.7 * own)),
        even_pds=PDS,
        own=pl.DataFrame({"ours": own}),
        known=pl.DataFrame({"known": NOISE}),
        later=pl.DataFrame({"noise": NOISE, "balance at MOB 4": TRUTH}),
    )


def ageing_book() -> Book:
    """The same loans as eight cohorts, of which the last is not ripe."""
    cohort = np.arange(800) // 100
    days = pl.Series([date(2024, 1 + number, 1) for number in cohort.tolist()])
    return replace(book(), days=days, labels=np.where(cohort < 7, LABELS, np.nan))


def audited(policy: Policy) -> list[str]:
    """Evidence against columns that each know a little too much."""
    there = np.where((LABELS == 1) | (NOISE > 0.3), NOISE, np.nan)
    columns = {
        find_outcome: TRUTH,
        find_shadow: TRUTH,
        find_choice: there,
        find_later_value: TRUTH + 0.3 * NOISE**2,
        find_copy: (TRUTH + NOISE) * np.where(np.arange(800) % 10 == 0, 1.1, 1.0),
    }
    learnt = np.where(np.arange(800) < 700, TRUTH + NOISE, NOISE)
    late = find_hindsight(Column(pl.Series("x", learnt)), ageing_book(), policy.audit)
    probation = on_probation(2, policy.audit)
    alone = [check(Column(pl.Series("x", v)), book(), policy.audit) for check, v in columns.items()]
    return [late, probation, *alone]


# What is decided by the numbers of a table of the policy; by those of all others, what is measured.
DECIDED: Mapping[str, Decide] = {
    "gate": judged,
    "choice": judged,
    "audit": audited,
    "economics": valued,
    "trigger": acted_on,
    "actions": acted_on,
}


@cache
def decided_before(decide: Decide) -> str:
    return repr(_rounded(decide(POLICY)))


def changes(decide: Decide, policy: Policy) -> bool:
    return repr(_rounded(decide(policy))) != decided_before(decide)


def _rounded(part: Any) -> Any:
    """The same with floats of nine digits, so that the order of a sum makes no difference."""
    if isinstance(part, dict):
        return {key: _rounded(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_rounded(value) for value in part]
    return round(part, 9) if isinstance(part, float) else part


def words(policy: Policy) -> str:
    """What `vintage policy explain` and the last section of the report say."""
    return json.dumps(explain_policy(policy))


def charts(policy: Policy) -> dict[str, bytes]:
    figures = pl.concat([figure_rows("psi", [0.12, 0.2]), figure_rows("csi", [0.12, 0.3], subject="age")])
    coverage = coverage_rows({"attributes": [1.0, 0.985]})
    return draw_all(figures, cohorts=cohort_rows([0.3]), coverage=coverage, limits=policy.fixed_limits)


BEFORE = cache(lambda show: show(POLICY))


def test_the_same_policy_decides_the_same() -> None:
    assert [decide for decide in (measured, *DECIDED.values()) if changes(decide, POLICY.model_copy())] == []


@pytest.mark.parametrize("path", list(numbers_of(STATED)))
def test_what_is_decided_and_said_follows_a_number_of_the_policy(path: str) -> None:
    others = list(other_policies(path))
    assert others
    assert all(words(policy) != BEFORE(words) for policy in others if policy != POLICY)
    assert any(changes(DECIDED.get(path.split(".")[0], measured), policy) for policy in others)


@pytest.mark.parametrize("path", sorted(DRAWN))
def test_the_guides_of_the_charts_follow_the_policy(path: str) -> None:
    assert charts(next(other_policies(path))) != BEFORE(charts)


@pytest.mark.parametrize(
    ("path", "metric"), [("coverage.amber", "coverage"), ("ranking.cohorts", "pooled_auc")]
)
def test_what_the_report_says_of_a_metric_follows_the_policy(path: str, metric: str) -> None:
    now = to_rows(
        [measurement("ks", "score", 0, None, status="not ripe")], as_of=DAY, window="m", model_id="m"
    )
    said = [
        describe_figures(now, month="2024-05", policy=policy)[metric]
        for policy in (POLICY, *other_policies(path))
    ]
    assert len({*said}) == len(said)
