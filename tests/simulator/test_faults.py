"""A planted fault changes the files it is about, the same way each time, and no others."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from simulator.faults.plant import FAULTS, plant
from simulator.lender import Lender, simulate
from tasks.errors import UsageError

LOANS = "lms_loan_daily.csv"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    simulate(Lender(date(2023, 1, 1), months=9, loans_per_month=40, seed=1), folder)
    return folder


@pytest.fixture
def out(clean: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean, tmp_path / "out")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("number", sorted(FAULTS))
def test_a_fault_spoils_some_file_but_never_the_truth(number: int, clean: Path, out: Path) -> None:
    plant(out, [number], seed=4)
    before, after = contents(clean), contents(out)
    assert after != before
    assert set(after) <= set(before)
    assert after["true_default_probability.csv"] == before["true_default_probability.csv"]


def test_a_fault_in_cells_changes_five_lines_of_the_last_month(clean: Path, out: Path) -> None:
    plant(out, [54], seed=4)
    old, new = (folder / LOANS for folder in (clean, out))
    changed = [
        line
        for line, was in zip(new.read_text().splitlines(), old.read_text().splitlines(), strict=True)
        if line != was
    ]
    assert len(changed) == 5
    assert all(line.endswith("2023-09-01") for line in changed)


def test_the_same_seed_spoils_the_same_rows(clean: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(clean, tmp_path / name) for name in ("one", "two", "three")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        plant(folder, [19, 55], seed)
    assert contents(folders[0]) == contents(folders[1]) != contents(folders[2])


def test_faults_can_be_planted_together_in_any_order(clean: Path, tmp_path: Path) -> None:
    together = [number for number in FAULTS if number not in (1, 2, 3)]
    folders = [shutil.copytree(clean, tmp_path / name) for name in ("one", "two")]
    plant(folders[0], together, seed=1)
    plant(folders[1], together[::-1], seed=1)
    assert contents(folders[0]) == contents(folders[1])


def test_a_restated_label_still_reconciles(out: Path) -> None:
    plant(out, [65], seed=4)
    loans = pl.read_csv(out / LOANS).sort("loan_id", "installment_num")
    paid, due = pl.col("paid_amt").cum_sum().over("loan_id"), pl.col("due_amt").cum_sum().over("loan_id")
    assert loans.filter(pl.col("balance") != pl.col("loan_amt") - paid).is_empty()
    assert loans.filter(pl.col("overdue_amt") != due - paid).is_empty()


def test_a_simulated_lender_can_be_born_with_faults(tmp_path: Path) -> None:
    simulate(Lender(date(2023, 1, 1), months=2, loans_per_month=9, faults=(1, 18)), tmp_path)
    assert not (tmp_path / "features_financials.csv").exists()
    assert (tmp_path / LOANS).exists()


def test_a_fault_of_a_process_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"number 14, 68.*--fault list"):
        simulate(Lender(date(2023, 1, 1), months=1, faults=(18, 68, 14)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_fault_that_finds_no_row_says_what_to_simulate(tmp_path: Path) -> None:
    young = Lender(date(2023, 1, 1), months=2, loans_per_month=9, faults=(57,))
    with pytest.raises(UsageError, match="simulate more months"):
        simulate(young, tmp_path)
    assert list(tmp_path.iterdir()) == []
