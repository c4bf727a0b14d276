"""What holds for a simulated lender's files."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from simulator import lender as lender_module
from simulator.lender import Lender, simulate
from simulator.population import draw_credit, draw_defaults
from simulator.truth import true_default_probability
from tasks.errors import UsageError
from tests.simulator.conftest import BOOK

CLICKS = [f"fe_{number}" for number in range(1, 21)]
HEADERS = {
    "feature_clickstream.csv": ",".join([*CLICKS, "Customer_ID", "snapshot_date"]),
    "features_attributes.csv": "Customer_ID,Name,Age,SSN,Occupation,snapshot_date",
    "features_financials.csv": "Customer_ID,Annual_Income,Monthly_Inhand_Salary,Num_Bank_Accounts,"
    "Num_Credit_Card,Interest_Rate,Num_of_Loan,Type_of_Loan,Delay_from_due_date,Num_of_Delayed_Payment,"
    "Changed_Credit_Limit,Num_Credit_Inquiries,Credit_Mix,Outstanding_Debt,Credit_Utilization_Ratio,"
    "Credit_History_Age,Payment_of_Min_Amount,Total_EMI_per_month,Amount_invested_monthly,Payment_Behaviour,"
    "Monthly_Balance,snapshot_date",
    "lms_loan_daily.csv": "loan_id,Customer_ID,loan_start_date,tenure,installment_num,loan_amt,due_amt,"
    "paid_amt,overdue_amt,balance,snapshot_date",
    "true_default_probability.csv": "loan_id,true_pd",
}


def outcomes(folder: Path) -> pl.DataFrame:
    """The ripe loans: true_pd, and whether more than one instalment is overdue at MOB 6."""
    loans = pl.read_csv(folder / "lms_loan_daily.csv").filter(pl.col("installment_num") == 6)
    truth = pl.read_csv(folder / "true_default_probability.csv")
    return loans.select("loan_id", bad=pl.col("overdue_amt") > 1000).join(truth, on="loan_id", validate="1:1")


@pytest.mark.parametrize("name", HEADERS)
def test_a_file_has_the_columns_of_the_real_one(name: str, book: Path) -> None:
    assert (book / name).read_text().split("\n", 1)[0] == HEADERS[name]


def test_the_same_lender_gives_the_same_bytes(tmp_path: Path) -> None:
    small = Lender(date(2023, 1, 1), months=3, loans_per_month=40, seed=5)
    for name in ("one", "two"):
        simulate(small, tmp_path / name)
    for name in HEADERS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_seed_gives_another_lender(tmp_path: Path) -> None:
    small = Lender(date(2023, 1, 1), months=2, loans_per_month=40)
    simulate(small, tmp_path / "one")
    simulate(replace(small, seed=1), tmp_path / "two")
    for name in HEADERS:
        assert (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()


def test_more_months_leave_the_first_loans_as_they_were(tmp_path: Path, book: Path) -> None:
    simulate(replace(BOOK, months=5), tmp_path)
    for name in HEADERS:
        fewer = (tmp_path / name).read_text().splitlines()
        assert set(fewer) <= set((book / name).read_text().splitlines())


def test_scale_multiplies_the_loans(tmp_path: Path) -> None:
    small = Lender(date(2023, 1, 1), months=3, loans_per_month=20)
    one, three = simulate(small, tmp_path / "one"), simulate(replace(small, scale=3), tmp_path / "three")
    assert three.rows == {name: 3 * rows for name, rows in one.rows.items()}


def test_every_customer_has_clickstream_in_every_month(book: Path) -> None:
    clicks = pl.read_csv(book / "feature_clickstream.csv")
    per_month = clicks.group_by("snapshot_date").agg(pl.col("Customer_ID").n_unique(), rows=pl.len())
    assert per_month["Customer_ID"].unique().to_list() == [2400]
    assert per_month["rows"].to_list() == [2400] * 12


def test_customers_are_the_same_in_every_file_and_have_one_loan(book: Path) -> None:
    loans = pl.read_csv(book / "lms_loan_daily.csv")
    customers = set(loans["Customer_ID"])
    assert loans.group_by("Customer_ID").agg(pl.col("loan_id").n_unique())["loan_id"].unique().to_list() == [
        1
    ]
    for name in ("features_attributes.csv", "features_financials.csv"):
        assert sorted(pl.read_csv(book / name, infer_schema=False)["Customer_ID"]) == sorted(customers)


def test_a_loan_has_a_row_for_each_month_on_book_up_to_the_last_month(book: Path) -> None:
    loans = pl.read_csv(book / "lms_loan_daily.csv", try_parse_dates=True)
    age = pl.col("snapshot_date").dt.year() * 12 + pl.col("snapshot_date").dt.month()
    start = pl.col("loan_start_date").dt.year() * 12 + pl.col("loan_start_date").dt.month()
    assert loans.filter(age - start != pl.col("installment_num")).is_empty()
    assert loans.filter(loan_start_date=date(2023, 11, 1)).height == 200 * 11
    assert loans.filter(loan_start_date=date(2024, 10, 1)).height == 200


def test_paid_due_overdue_and_balance_reconcile_on_every_row(book: Path) -> None:
    loans = pl.read_csv(book / "lms_loan_daily.csv").sort("loan_id", "installment_num")
    paid, due = pl.col("paid_amt").cum_sum().over("loan_id"), pl.col("due_amt").cum_sum().over("loan_id")
    assert loans.filter(pl.col("balance") != pl.col("loan_amt") - paid).is_empty()
    assert loans.filter(pl.col("overdue_amt") != due - paid).is_empty()
    assert loans.filter((pl.col("overdue_amt") < 0) | (pl.col("balance") < 0)).is_empty()


def test_a_loan_type_is_named_for_each_loan(book: Path) -> None:
    rows = pl.read_csv(book / "features_financials.csv", infer_schema=False)
    count = rows["Num_of_Loan"].str.strip_chars_end("_").cast(pl.Int64)
    named = (rows["Type_of_Loan"].str.count_matches(",") + 1).fill_null(0)
    sound = count.is_between(0, 9)
    assert named.filter(sound).to_list() == count.filter(sound).to_list()


def test_dirt_comes_as_often_as_in_real_files(book: Path) -> None:
    rows = pl.read_csv(book / "features_financials.csv", infer_schema=False)
    assert (rows["Credit_Mix"] == "_").mean() == pytest.approx(0.211, abs=0.03)
    assert (rows["Payment_Behaviour"] == "!@9#%8").mean() == pytest.approx(0.079, abs=0.02)
    assert rows["Annual_Income"].str.ends_with("_").mean() == pytest.approx(0.07, abs=0.02)


def test_between_a_quarter_and_a_third_default(book: Path) -> None:
    assert 0.25 < outcomes(book)["bad"].mean() < 0.33


def test_true_pd_is_calibrated() -> None:
    lender = replace(BOOK, loans_per_month=30_000)
    for cohort in (0, 6):
        credit = draw_credit(lender, cohort)
        bad = draw_defaults(lender, cohort, credit)
        loans = pl.DataFrame({"bad": bad, "pd": true_default_probability(lender, cohort, credit, bad)})
        bands = loans.group_by((pl.col("pd") * 10).floor().alias("band")).agg(
            pl.col("bad").mean(),
            pl.col("pd").mean(),
            error=(pl.col("pd") * (1 - pl.col("pd"))).sum().sqrt() / pl.len(),
        )
        assert bands.height >= 9
        assert bands.filter((pl.col("bad") - pl.col("pd")).abs() > 4 * pl.col("error")).is_empty()


def test_the_truth_file_agrees_with_the_loans(book: Path) -> None:
    loans = outcomes(book)
    assert loans["true_pd"].is_between(0, 1).all()
    assert loans["true_pd"].mean() == pytest.approx(loans["bad"].mean(), abs=0.04)


def test_true_pd_separates_better_than_financials_alone() -> None:
    lender = replace(BOOK, loans_per_month=4000)
    credit = draw_credit(lender, 9)
    bad = draw_defaults(lender, 9, credit)
    by_financials = roc_auc_score(bad, credit.logit)
    assert 0.78 < by_financials < 0.86
    assert roc_auc_score(bad, true_default_probability(lender, 9, credit, bad)) > by_financials + 0.06


def test_the_summary_counts_what_is_in_the_files(tmp_path: Path) -> None:
    summary = simulate(Lender(date(2023, 1, 1), months=3, loans_per_month=30), tmp_path)
    assert summary.rows == {name: pl.read_csv(tmp_path / name, infer_schema=False).height for name in HEADERS}
    assert summary.rows["feature_clickstream.csv"] == 3 * 90


def test_nothing_is_written_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match="choose a folder"):
        simulate(Lender(date(2023, 1, 1), months=1, loans_per_month=5), tmp_path / "taken" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_disk_that_fills_up_leaves_the_earlier_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(Lender(date(2023, 1, 1), months=2, loans_per_month=5), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setitem(lender_module.PARTS, "lms_loan_daily.csv", full)
    with pytest.raises(UsageError, match="No space left"):
        simulate(Lender(date(2023, 1, 1), months=2, loans_per_month=9), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("wrong", [{"start": date(2023, 1, 2)}, {"months": 0}, {"scale": 0}, {"seed": -1}])
def test_a_lender_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"start on the first|use 1 or more"):
        Lender(**({"start": date(2023, 1, 1), "months": 1} | wrong))
