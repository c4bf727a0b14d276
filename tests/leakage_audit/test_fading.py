"""Where the world says less of young loans than of old ones, no honest column is accused of it alone."""

import numpy as np
import polars as pl
import pytest

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.leakage_audit.hindsight import find_hindsight
from tasks.leakage_audit.reference import Book, Column
from tests.builders import month

LIMITS = read_policy(Settings().policy).policy.audit
COHORTS, LOANS, MOB = 14, 1000, 6
N = COHORTS * LOANS
AGE = COHORTS - 1 - np.arange(N) // LOANS
FADED = np.where(AGE < MOB, 0.4, 1.0)  # the share of what our features say that is still so


def loans(kept: np.ndarray) -> tuple[Book, np.ndarray]:
    """A book in which our feature says that share of the risk, and the risk (log-odds)."""
    draw = np.random.default_rng(1)
    stated = draw.normal(0, 1.5, N)
    risk = kept * stated - 1.3
    bad = draw.random(N) < 1 / (1 + np.exp(-risk))
    starts = np.where(bad, draw.integers(1, MOB + 1, N), 99)
    overdue = {
        f"overdue_amt at MOB {mob}": np.where(mob <= AGE, np.where(starts <= mob, 100.0, 0.0), np.nan)
        for mob in range(1, MOB + 1)
    }
    pds = 1 / (1 + np.exp(1.3 - stated - draw.normal(0, 0.3, N)))
    book = Book(
        days=pl.Series([month(COHORTS - 1 - int(one)) for one in AGE]),
        labels=np.where(AGE >= MOB, bad, np.nan),
        pds=pds,
        even_pds=pds,
        own=pl.DataFrame({"annual_income": -stated}),
        known=pl.DataFrame({"annual_income": -stated}),
        later=pl.DataFrame(overdue).fill_nan(None),
    )
    return book, risk


@pytest.fixture(scope="module")
def faded() -> tuple[Book, np.ndarray]:
    return loans(FADED)


def evidence(values: np.ndarray, book: Book) -> str:
    return find_hindsight(Column(pl.Series("x", values)), book, LIMITS)


def test_a_relation_that_fades_is_seen_in_our_own_sources(faded: tuple[Book, np.ndarray]) -> None:
    share = faded[0].fading
    assert share.value == pytest.approx(0.4, abs=0.15)
    assert loans(np.ones(N))[0].fading == (1.0, 0.0)


def test_an_honest_column_that_fades_with_our_own_is_not_accused(
    faded: tuple[Book, np.ndarray],
) -> None:
    book, risk = faded
    hints = [risk + np.random.default_rng(seed).normal(0, 1.4, N) for seed in range(10)]
    assert [evidence(hint, book) for hint in hints] == [""] * 10


def test_what_knows_the_outcome_is_found_in_a_world_that_fades(
    faded: tuple[Book, np.ndarray],
) -> None:
    book, _ = faded
    for noise in (0.5, 1.0):
        assert evidence(np.nan_to_num(book.labels) + np.random.default_rng(5).normal(0, noise, N), book)
