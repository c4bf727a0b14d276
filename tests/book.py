"""A small seeded loan book as the lender's four CSV files, quick to write and easy to spoil."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

MEASURES = tuple(f"fe_{i}" for i in range(1, 21))
FILES = {
    "clickstream": "feature_clickstream.csv",
    "attributes": "features_attributes.csv",
    "financials": "features_financials.csv",
    "loans": "lms_loan_daily.csv",
}
FIRST = date(2023, 1, 1)
LOAN_AMT, TENURE = 10_000, 10
KINDS = ("Auto Loan", "Payday Loan", "Mortgage Loan", "Student Loan")
Rows = list[dict[str, object]]


def month(number: int) -> date:
    """The snapshot date `number` months after the first one."""
    return date(FIRST.year + (FIRST.month - 1 + number) // 12, (FIRST.month - 1 + number) % 12 + 1, 1)


@dataclass(frozen=True)
class Book:
    """The four files as frames of text."""

    frames: dict[str, pl.DataFrame]

    def change(self, source: str, edit: Callable[[pl.DataFrame], pl.DataFrame]) -> "Book":
        """The book with one file's rows edited."""
        return Book({**self.frames, source: edit(self.frames[source])})

    def write(self, folder: Path) -> Path:
        """Write the four CSV files; return the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for source, name in FILES.items():
            self.frames[source].write_csv(folder / name)
        return folder


def build_book(*, months: int = 9, loans_per_month: int = 60, seed: int = 0) -> Book:
    """A book of `months` cohorts; the same seed gives the same rows."""
    draw = random.Random(seed)  # noqa: S311 - test data, not a secret
    rows: dict[str, Rows] = {source: [] for source in FILES}
    for cohort in range(months):
        for number in range(loans_per_month):
            customer = f"CUS_0x{0x1000 + cohort * loans_per_month + number:x}"
            weak = draw.random() < 0.35
            rows["attributes"].append(_attributes(customer, cohort, draw))
            rows["financials"].append(_financials(customer, cohort, weak, draw))
            rows["loans"] += _loan(customer, cohort, months, weak, draw)
            rows["clickstream"] += [_clicks(customer, number, weak, draw) for number in range(months)]
    return Book({source: pl.DataFrame(rows[source]).cast(pl.String) for source in FILES})


def _attributes(customer: str, cohort: int, draw: random.Random) -> dict[str, object]:
    return {
        "Customer_ID": customer,
        "Name": f"Person {customer[6:]}",
        "Age": draw.randint(18, 60),
        "SSN": f"{draw.randint(100, 999)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}",
        "Occupation": draw.choice(("Lawyer", "Teacher", "Engineer", "_______")),
        "snapshot_date": month(cohort),
    }


def _financials(customer: str, cohort: int, weak: bool, draw: random.Random) -> dict[str, object]:
    income = draw.uniform(15_000, 40_000) if weak else draw.uniform(35_000, 120_000)
    n_loans = draw.randint(0, 4)
    return {
        "Customer_ID": customer,
        "Annual_Income": f"{income:.2f}",
        "Monthly_Inhand_Salary": f"{income / 12:.4f}",
        "Num_Bank_Accounts": draw.randint(1, 8),
        "Num_Credit_Card": draw.randint(1, 8),
        "Interest_Rate": draw.randint(5, 34),
        "Num_of_Loan": n_loans,
        "Type_of_Loan": ", ".join(draw.choice(KINDS) for _ in range(n_loans)) or None,
        "Delay_from_due_date": draw.randint(0, 60),
        "Num_of_Delayed_Payment": draw.randint(0, 25),
        "Changed_Credit_Limit": f"{draw.uniform(0, 20):.2f}",
        "Num_Credit_Inquiries": draw.randint(0, 12),
        "Credit_Mix": draw.choice(("Good", "Standard", "Bad")),
        "Outstanding_Debt": f"{draw.uniform(0, 4000):.2f}",
        "Credit_Utilization_Ratio": f"{draw.uniform(20, 45):.4f}",
        "Credit_History_Age": f"{draw.randint(1, 30)} Years and {draw.randint(0, 11)} Months",
        "Payment_of_Min_Amount": draw.choice(("Yes", "No", "NM")),
        "Total_EMI_per_month": f"{draw.uniform(0, 300):.2f}",
        "Amount_invested_monthly": f"{draw.uniform(0, 300):.2f}",
        "Payment_Behaviour": draw.choice(("High_spent_Small_value_payments", "Low_spent_Large_payments")),
        "Monthly_Balance": f"{draw.uniform(100, 600):.2f}",
        "snapshot_date": month(cohort),
    }


def _clicks(customer: str, number: int, weak: bool, draw: random.Random) -> dict[str, object]:
    values = {measure: round(draw.gauss(60 if weak else 20, 60)) for measure in MEASURES}
    return {**values, "Customer_ID": customer, "snapshot_date": month(number)}


def _loan(customer: str, cohort: int, months: int, weak: bool, draw: random.Random) -> Rows:
    start, due, balance = month(cohort), LOAN_AMT / TENURE, float(LOAN_AMT)
    rows: Rows = []
    stops_at = draw.randint(2, 5) if draw.random() < (0.9 if weak else 0.05) else TENURE + 1
    for mob in range(min(TENURE, months - 1 - cohort) + 1):
        paid = 0.0 if mob == 0 or mob >= stops_at else due
        balance -= paid
        rows.append(
            {
                "loan_id": f"{customer}_{start:%Y_%m_%d}",
                "Customer_ID": customer,
                "loan_start_date": start,
                "tenure": TENURE,
                "installment_num": mob,
                "loan_amt": LOAN_AMT,
                "due_amt": due if mob else 0.0,
                "paid_amt": paid,
                "overdue_amt": mob * due - (LOAN_AMT - balance),
                "balance": balance,
                "snapshot_date": month(cohort + mob),
            }
        )
    return rows


def without_applications(book: Book, number: int) -> Book:
    """The book without the loans that start in a month, and what else comes with them."""
    day = pl.col("snapshot_date") == str(month(number))
    fewer = book.change("loans", lambda rows: rows.filter(~day | (pl.col("installment_num") != "0")))
    for source in ("attributes", "financials"):
        fewer = fewer.change(source, lambda rows: rows.filter(~day))
    return fewer
