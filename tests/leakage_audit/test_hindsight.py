"""What a column that learned of the outcome shows as loans grow older, on made-up loans with true PDs."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.leakage_audit.hindsight import find_hindsight
from tasks.leakage_audit.known_values import later_facts
from tasks.leakage_audit.maturity import without_uneven
from tasks.leakage_audit.outcome import find_choice
from tasks.leakage_audit.reference import Book, Column
from tasks.leakage_audit.timing import find_timing
from tasks.schemas.feature_store import MEASURES
from tests.builders import month

LIMITS = read_policy(Settings().policy).policy.audit
COHORTS, LOANS, MOB = 14, 300, 6
N = COHORTS * LOANS


@pytest.fixture(scope="module")
def risk() -> np.ndarray:
    """Log-odds (n,) of default that are known at the application."""
    return np.random.default_rng(1).normal(-1.3, 1.5, N)


@pytest.fixture(scope="module")
def outcome(risk: np.ndarray) -> np.ndarray:
    """Whether each loan defaults, which of the young ones nobody knows yet."""
    return np.random.default_rng(2).random(N) < 1 / (1 + np.exp(-risk))


@pytest.fixture(scope="module")
def age() -> np.ndarray:
    return COHORTS - 1 - np.arange(N) // LOANS


@pytest.fixture(scope="module")
def starts(outcome: np.ndarray) -> np.ndarray:
    """The first MOB at which an instalment of a loan is overdue; 99 where none ever is."""
    return np.where(outcome, np.random.default_rng(3).integers(1, MOB + 1, N), 99)


@pytest.fixture(scope="module")
def book(risk: np.ndarray, outcome: np.ndarray, age: np.ndarray, starts: np.ndarray) -> Book:
    pds = 1 / (1 + np.exp(-risk - np.random.default_rng(4).normal(0, 0.5, N)))
    overdue = {
        f"overdue_amt at MOB {mob}": np.where(age >= mob, np.where(starts <= mob, 100.0, 0.0), np.nan)
        for mob in range(1, MOB + 1)
    }
    return Book(
        days=pl.Series([month(COHORTS - 1 - int(one)) for one in age]),
        labels=np.where(age >= MOB, outcome, np.nan),
        pds=pds,
        even_pds=pds,
        own=pl.DataFrame({"pd": pds}),
        known=pl.DataFrame({"pd": pds}),
        later=pl.DataFrame(overdue).fill_nan(None),
    )


def evidence(values: object, book: Book) -> str:
    return find_hindsight(Column(pl.Series("x", np.asarray(values).tolist())), book, LIMITS)


@pytest.mark.parametrize("noise", [0.5, 1.0, 1.4])
def test_the_outcome_under_noise_is_found(book: Book, noise: float) -> None:
    known = np.nan_to_num(book.labels)
    assert evidence(known + np.random.default_rng(5).normal(0, noise, N), book)


def test_early_arrears_under_noise_are_found_by_the_cohorts_too_young_for_them(
    book: Book, age: np.ndarray, starts: np.ndarray
) -> None:
    overdue = (starts <= 3) & (age >= 3)
    said = evidence(overdue + np.random.default_rng(6).normal(0, 0.5, N), book)
    assert "for loans that are less than 3 months on book" in said


def test_calls_counted_until_today_are_found(book: Book, age: np.ndarray, starts: np.ndarray) -> None:
    assert evidence(np.random.default_rng(7).poisson(0.3 + 1.0 * (starts <= age)), book)


def test_an_honest_score_into_which_the_outcome_was_mixed_is_found(book: Book, risk: np.ndarray) -> None:
    """It goes with our PD in every cohort, but with later arrears, at a like PD, in the old ones only."""
    mixed = 0.3 * risk + 2 * np.nan_to_num(book.labels) + np.random.default_rng(8).normal(0, 1.5, N)
    assert evidence(mixed, book)


def test_next_to_no_honest_column_is_accused(book: Book, risk: np.ndarray, age: np.ndarray) -> None:
    """Of hints of every strength, on a level and a scale that change by month, one in a hundred at most."""
    draw = np.random.default_rng(9)
    hints = [draw.uniform(0, 2) * risk + draw.normal(0, 2, N) for _ in range(100)]
    accused = [hint for hint in hints if evidence((hint + 0.3 * age) * (1 + 0.1 * age), book)]
    assert len(accused) <= 1


def test_a_column_that_grows_better_month_by_month_is_not_accused(
    book: Book, risk: np.ndarray, age: np.ndarray
) -> None:
    """Longer histories: newer applications are known better, or, of a column that fades, worse."""
    noise = np.random.default_rng(10).normal(0, 1, N)
    assert not evidence(risk + noise * (1 + 0.4 * age), book)
    assert not evidence(risk + noise * (1 + 0.4 * (COHORTS - age)), book)


def test_the_order_of_the_loans_says_nothing(book: Book) -> None:
    leak = np.nan_to_num(book.labels) + np.random.default_rng(11).normal(0, 1, N)
    order = np.random.default_rng(12).permutation(N)
    shuffled = replace(
        book,
        days=book.days[order.tolist()],
        labels=book.labels[order],
        pds=book.pds[order],
        even_pds=book.even_pds[order],
        later=book.later[order.tolist()],
    )
    assert evidence(leak, book) == evidence(leak[order], shuffled)


def test_words_are_judged_by_the_risk_where_they_stand(book: Book) -> None:
    draw, known = np.random.default_rng(13).random(N), np.nan_to_num(book.labels)
    assert evidence(np.where(draw < 0.1 + 0.4 * known, "watched", "usual"), book)
    assert not evidence(np.where(draw < 0.5, "a", "b"), book)


def test_features_that_young_cohorts_lack_are_left_out(age: np.ndarray) -> None:
    days = pl.Series([month(COHORTS - 1 - int(one)) for one in age])
    ended = pl.Series(age.astype(float)).set(pl.Series(age < 2), None)
    features = pl.DataFrame({"snapshot_date": days, "steady": age.astype(float), "ended": ended})
    kept = without_uneven(features, np.where(age >= MOB, 0.0, np.nan))
    assert kept.null_count().row(0) == (0, 0, N)


def test_a_source_that_ended_for_everybody_is_not_chosen_by_the_outcome(book: Book, age: np.ndarray) -> None:
    ended = Column(pl.Series("x", np.where(age >= MOB + 1, age, np.nan).tolist()).fill_nan(None))
    only_ripe = Column(pl.Series("x", np.where(age >= MOB, age, np.nan).tolist()).fill_nan(None))
    assert not find_choice(ended, book, LIMITS)
    assert find_choice(only_ripe, book, LIMITS)


def test_a_flag_of_the_first_months_arrears_tells_when_loans_went_wrong(
    book: Book, risk: np.ndarray, starts: np.ndarray
) -> None:
    """One young cohort alone could not tell it from an honest column."""
    noise = np.random.default_rng(14).normal(0, 1, N)
    assert "overdue at MOB 1" in find_timing(Column(pl.Series("x", (starts <= 1) + noise)), book, LIMITS)
    assert not find_timing(Column(pl.Series("x", risk + noise)), book, LIMITS)


def test_the_size_of_a_loan_says_nothing_of_when_it_went_wrong(book: Book) -> None:
    """More is overdue of a large loan, whose size was known at the application."""
    size = np.random.default_rng(8).lognormal(0, 0.7, N)
    later = book.later.with_columns(pl.all() * pl.Series(size))
    assert find_timing(Column(pl.Series("size", size)), replace(book, later=later), LIMITS) == ""


def test_loans_that_ripen_late_are_followed_until_then() -> None:
    """What is held against a column reaches as far as the label: twelve months on book, or six."""
    applications = pl.DataFrame({"loan_id": ["a"], "customer_id": ["c"], "snapshot_date": [month(0)]})
    loans = pl.LazyFrame(
        {
            "loan_id": ["a"] * 13,
            "installment_num": range(13),
            **{name: [float(mob) for mob in range(13)] for name in ("overdue_amt", "paid_amt", "balance")},
        }
    )
    past = pl.LazyFrame(
        schema={"customer_id": pl.String, "snapshot_date": pl.Date, **dict.fromkeys(MEASURES, pl.Float64)}
    )
    late = later_facts(applications, past, loans, ripens=12)
    assert late["overdue_amt at MOB 12"].to_list() == [12.0]
    assert "overdue_amt at MOB 11" not in later_facts(applications, past, loans, ripens=6).columns
