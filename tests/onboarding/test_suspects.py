"""A column of the lender's own that was filled in by the outcome is named before a model learns from it."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simulator.lender import Lender, simulate
from tasks.config import Settings, checked_settings
from tasks.lender.reading import REFERENCE
from tasks.onboarding.trial import Trial, try_lender
from tasks.onboarding.trial_page import write_trial

MONTHS, LEAKING = 14, "Interest_Rate"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a lender, all of whose columns were known at the application."""
    home = tmp_path_factory.mktemp("lender")
    simulate(Lender(date(2023, 1, 1), MONTHS, 200, seed=6), home)
    return home


def leak(home: Path, to: Path, *, noise: float) -> Path:
    """The same files with a column that holds the outcome under noise, as far as the tape tells it today."""
    to.mkdir()
    for file in home.glob("*.csv"):
        (to / file.name).write_bytes(file.read_bytes())
    tape = pl.read_csv(home / "lms_loan_daily.csv", infer_schema=False)
    overdue = pl.col("overdue_amt").cast(pl.Float64) > 0
    late = tape.filter(overdue, pl.col("installment_num") == "6")["Customer_ID"]
    facts = pl.read_csv(home / "features_financials.csv", infer_schema=False)
    known = facts["Customer_ID"].is_in(late.implode()).to_numpy()
    values = 40 + 10 * (known + np.random.default_rng(0).normal(0, noise, len(known)))
    facts.with_columns(pl.Series(LEAKING, values.clip(0, 100).astype(int)).cast(pl.String)).write_csv(
        to / "features_financials.csv"
    )
    return to


def try_files(data: Path) -> Trial:
    return try_lender(Settings(data=data, first_training_cohorts=3))


def test_honest_columns_are_not_accused(home: Path) -> None:
    assert try_files(home).suspects.is_empty()


@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_a_column_that_was_filled_by_the_outcome_is_named_with_its_evidence(
    home: Path, tmp_path: Path, noise: float
) -> None:
    trial = try_files(leak(home, tmp_path / "leaking", noise=noise))
    assert trial.suspects.select("source", "column").rows() == [("financials", LEAKING.lower())]
    assert trial.suspects["evidence"][0]
    page = write_trial(trial, tmp_path / "check.html").read_text(encoding="utf-8")
    assert "Columns that seem to know the outcome" in page
    assert trial.suspects["check"][0] in page


@pytest.mark.parametrize("value", ["recovery desk", "7"])
def test_a_column_that_is_filled_in_once_a_loan_is_late_is_named(
    value: str, home: Path, tmp_path: Path
) -> None:
    """Whatever it says: who has any value tells the outcome."""
    leaking = leak(home, tmp_path / "leaking", noise=0.05)
    file = leaking / "features_financials.csv"
    facts = pl.read_csv(file, infer_schema=False)
    late = pl.col(LEAKING).cast(pl.Float64) > 45
    facts.with_columns(pl.when(late).then(pl.lit(value)).alias(LEAKING)).write_csv(file)
    kind = "whole number" if value.isdigit() else "word"
    declared = REFERENCE.read_text(encoding="utf-8").splitlines(keepends=True)
    line = f'{LEAKING} = {{ type = "{kind}", required = false }}\n'
    text = "".join(line if old.startswith(f"{LEAKING} =") else old for old in declared)
    (leaking / "lender.toml").write_text(text, encoding="utf-8")
    trial = try_lender(checked_settings({"data": leaking, "first_training_cohorts": 3}))
    assert trial.suspects.select("column", "check").rows() == [(LEAKING.lower(), "chosen by the outcome")]


def test_before_two_cohorts_are_ripe_nothing_is_looked_at(tmp_path: Path) -> None:
    simulate(Lender(date(2023, 1, 1), 7, 60, seed=6), tmp_path / "young")
    assert try_files(tmp_path / "young").suspects.is_empty()
