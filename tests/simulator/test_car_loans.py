"""What holds for the files of a lender of car loans, and for the truth beside them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simulator.car_loans.applicants import draw_applicants, draw_defaults, true_default_probability
from simulator.drift import parse_drift
from simulator.lender import Lender, simulate
from tasks.errors import UsageError

CARS = Lender(date(2022, 7, 1), months=16, loans_per_month=120, seed=3, kind="car_loans")
FILES = ("loans.csv", "applications.csv", "bureau.csv", "true_default_probability.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lender of car loans."""
    path = tmp_path_factory.mktemp("cars")
    simulate(CARS, path)
    return path


@pytest.fixture(scope="module")
def loans(folder: Path) -> pl.DataFrame:
    """The rows of loans.csv, typed, by contract and month."""
    return read(folder, "loans").sort("contract_no", "months_on_book")


def read(folder: Path, name: str) -> pl.DataFrame:
    rows = pl.read_csv(folder / f"{name}.csv", separator=";", decimal_comma=True)
    return rows.with_columns(pl.col("^.*_date$").str.to_date("%d.%m.%Y"))


def test_columns_are_separated_by_semicolons_and_decimals_by_commas(folder: Path) -> None:
    header, first = (folder / "loans.csv").read_text().splitlines()[:2]
    assert header.split(";")[:3] == ["contract_no", "customer_no", "start_date"]
    assert first.split(";")[7:11] == ["0,00", "0,00", "0,00", first.split(";")[5]]
    assert first.endswith(";31.07.2022")


def test_the_same_lender_gives_the_same_bytes_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    small = replace(CARS, months=2, loans_per_month=20)
    for name, lender in (("one", small), ("two", small), ("three", replace(small, seed=4))):
        simulate(lender, tmp_path / name)
    one, two, three = ([(tmp_path / at / f).read_bytes() for f in FILES] for at in ("one", "two", "three"))
    assert one == two
    assert all(here != there for here, there in zip(one, three, strict=True))


def test_more_months_leave_the_first_loans_as_they_were(folder: Path, tmp_path: Path) -> None:
    simulate(replace(CARS, months=3), tmp_path)
    for file in FILES:
        fewer = (tmp_path / file).read_text().splitlines()
        assert set(fewer) <= set((folder / file).read_text().splitlines())


def test_rows_are_month_ends_from_the_start_to_the_last_instalment_or_month(loans: pl.DataFrame) -> None:
    day, start = pl.col("reporting_date"), pl.col("start_date")
    assert loans.filter(day != day.dt.month_end()).is_empty()
    months = (day.dt.year() - start.dt.year()) * 12 + day.dt.month() - start.dt.month()
    assert loans.filter(months != pl.col("months_on_book")).is_empty()
    last = loans.group_by("contract_no").agg(pl.col("months_on_book", "term_months", "reporting_date").max())
    at_end = pl.col("reporting_date") == date(2023, 10, 31)
    assert last.filter((pl.col("months_on_book") != pl.col("term_months")) & ~at_end).is_empty()
    assert loans["start_date"].dt.day().n_unique() > 28
    assert sorted(loans["term_months"].unique()) == [12, 24, 36, 48, 60]


def test_what_is_due_less_what_was_paid_is_overdue(loans: pl.DataFrame) -> None:
    due, paid = (pl.col(name).cum_sum().over("contract_no") for name in ("instalment", "paid"))
    assert loans.filter((pl.col("overdue") - (due - paid)).abs() > 0.01).is_empty()
    assert loans.filter(pl.col("overdue") > 0).height > 100


def test_the_balance_of_a_loan_paid_on_time_bears_interest_and_falls_by_what_is_paid(
    loans: pl.DataFrame,
) -> None:
    on_time = loans.filter(pl.col("overdue").max().over("contract_no") == 0)
    before = pl.col("balance").shift().over("contract_no")
    owed = before * (1 + pl.col("interest_rate") / 1200) - pl.col("paid")
    assert on_time.filter((pl.col("balance") - owed).abs() > 0.011).is_empty()
    paid_off = on_time.filter(pl.col("months_on_book") == pl.col("term_months"))
    assert paid_off.height > 10
    assert paid_off["balance"].to_list() == [0.0] * paid_off.height


def test_days_past_due_agree_with_the_unpaid_instalments(loans: pl.DataFrame) -> None:
    arrears = loans.filter(pl.col("months_on_book") < pl.col("term_months"))
    behind = (pl.col("overdue") / pl.col("instalment")).round().fill_nan(0).cast(pl.Int64)
    oldest = pl.format("{}mo", pl.col("months_on_book") - behind + 1)
    days = (pl.col("reporting_date") - pl.col("start_date").dt.offset_by(oldest)).dt.total_days()
    expected = pl.when(behind == 0).then(0).otherwise(days)
    assert arrears.filter(pl.col("days_past_due") != expected).is_empty()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_about_6_in_100_default(seed: int) -> None:
    lender = replace(CARS, loans_per_month=20_000, seed=seed)
    assert 0.055 < draw_defaults(lender, 1, draw_applicants(lender, 1)).mean() < 0.065


def test_who_defaults_is_90_days_past_due_at_mob_12_and_nobody_else(loans: pl.DataFrame) -> None:
    cohorts = range(CARS.months - 12)
    expected = [draw_defaults(CARS, cohort, draw_applicants(CARS, cohort)) for cohort in cohorts]
    ripe = loans.filter(months_on_book=12)
    assert (ripe["days_past_due"] >= 90).to_list() == np.concatenate(expected).tolist()


def test_true_pd_is_calibrated_with_a_file_at_the_bureau_and_without() -> None:
    lender = replace(CARS, loans_per_month=60_000)
    applicants = draw_applicants(lender, 0)
    table = pl.DataFrame(
        {
            "bad": draw_defaults(lender, 0, applicants),
            "pd": true_default_probability(applicants),
            "has_file": applicants.has_file,
        }
    )
    bands = table.group_by("has_file", (pl.col("pd") * 5).floor().alias("band")).agg(
        pl.col("bad").mean(),
        pl.col("pd").mean(),
        error=(pl.col("pd") * (1 - pl.col("pd"))).sum().sqrt() / pl.len(),
    )
    assert bands.height >= 7
    assert bands.filter((pl.col("bad") - pl.col("pd")).abs() > 4 * pl.col("error")).is_empty()


def test_every_applicant_is_on_the_form_and_some_have_no_file_at_the_bureau(
    folder: Path, loans: pl.DataFrame
) -> None:
    customers = loans["customer_no"].unique().sort()
    assert read(folder, "applications")["customer_no"].sort().equals(customers)
    without = 1 - read(folder, "bureau")["customer_no"].is_in(customers.implode()).sum() / len(customers)
    assert 0.02 < without < 0.06


def test_a_bad_rate_multiplies_the_odds_and_lending_may_pause(tmp_path: Path) -> None:
    drifts = (parse_drift("badrate:2:2"), parse_drift("pause:3:2"))
    drifting = replace(CARS, drifts=drifts)
    calm, worse = draw_applicants(CARS, 1), draw_applicants(drifting, 1)
    assert np.allclose(worse.logit - calm.logit, np.log(2))
    simulate(replace(drifting, months=5, loans_per_month=10), tmp_path)
    starts = read(tmp_path, "loans")["start_date"].dt.month()
    assert sorted(starts.unique()) == [7, 8, 11]


@pytest.mark.parametrize("wrong", [{"faults": (18,)}, {"drifts": (parse_drift("mix:2:0.5"),)}])
def test_what_car_loans_do_not_know_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="simulate the reference lender"):
        replace(CARS, **wrong)
