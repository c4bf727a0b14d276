"""What is drafted for other lenders: a German one, a loan tape alone, customers who return."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.lender.declaration import Lender
from tasks.lender.reading import read_lender
from tasks.onboarding.draft import draft_declaration
from tasks.onboarding.guess_columns import guess_column
from tasks.onboarding.samples import read_samples


def drafted(folder: Path, files: Mapping[str, str]) -> tuple[str, Lender]:
    """The draft for files of these texts, and what it declares."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    text = draft_declaration(read_samples(folder, n_rows=1000), "Lender")
    (folder / "lender.toml").write_text(text, encoding="utf-8")
    return text, read_lender(folder / "lender.toml")


def tape(header: str, line: str, *, start: int = 1) -> str:
    """Twelve loans of four months; every second begins in March, the others in January.

    `line` is filled with n, the month, the month of the start, and the age.
    """
    lines = [
        line.format(n=n, month=first + age, start=first, age=age + start - 1)
        for n in range(12)
        for first in [1 + 2 * (n % 2)]
        for age in range(4)
    ]
    return "\n".join([header, *lines, ""])


PEOPLE = "customer_id,applied_on,income\n" + "".join(
    f"K{n},2023-0{1 + 2 * (n % 2)}-07,{n}\n" for n in range(12)
)
TAPE = tape(
    "loan_id,customer_id,report_date,start_date,balance,days_past_due",
    "L{n},K{n},2023-0{month}-28,2023-0{start}-07,9,0",
)


def test_a_start_that_no_name_tells_is_the_last_date_that_never_changes(tmp_path: Path) -> None:
    header = "loan_id,customer_id,day,premier_jour,ne_le,balance,days_past_due"
    line = "L{n},K{n},2023-0{month}-28,2023-0{start}-07,1970-0{start}-01,9,0"
    _, lender = drafted(tmp_path, {"tape.csv": tape(header, line), "people.csv": PEOPLE})
    assert lender.tape.theirs["loan_start_date"] == "premier_jour"
    assert lender.tape.theirs["snapshot_date"] == "day"


def test_months_on_book_that_begin_at_one_are_not_used_beside_a_start(tmp_path: Path) -> None:
    header = "loan_id,customer_id,report_date,start_date,loan_age,balance,days_past_due"
    line = "L{n},K{n},2023-0{month}-28,2023-0{start}-07,{age},9,0"
    text, lender = drafted(tmp_path, {"tape.csv": tape(header, line, start=2), "people.csv": PEOPLE})
    assert "installment_num" not in lender.tape.theirs
    assert "'loan_age' is not the number of months since the loan's start" in text


@pytest.mark.parametrize(
    ("values", "told_by"),
    [((0, 0, 1, 2), "instalments behind"), ((0, 0, 30, 61), "days past due"), ("AABC", "status")],
)
def test_arrears_that_no_name_tells_are_found_by_how_they_change(
    values: Any, told_by: str, tmp_path: Path
) -> None:
    header = "loan_id,customer_id,report_date,start_date,balance,mystery"
    line = "L{n},K{n},2023-0{month}-28,2023-0{start}-07,9,_{n}_{age}_"
    lines = tape(header, line)
    for n in range(12):
        for age, value in enumerate(values):
            lines = lines.replace(f"_{n}_{age}_", str(value if n == 3 else values[0]))
    _, lender = drafted(tmp_path, {"tape.csv": lines, "people.csv": PEOPLE})
    assert lender.arrears.told_by == told_by


def test_customers_who_return_have_applications_and_no_history(tmp_path: Path) -> None:
    """Three loans each, one after another; an application of the month of each; a history of every month."""
    months = range(1, 10)
    rows = [(n, start, month) for n in range(9) for start in (1, 4, 7) for month in range(start, start + 3)]
    book = "".join(f"L{n}{start},K{n},2023-0{month}-28,2023-0{start}-07,9,0\n" for n, start, month in rows)
    applied = "".join(f"K{n},2023-0{start}-07,{n}\n" for n in range(9) for start in (1, 4, 7))
    account = "".join(f"K{n},2023-0{month}-01,{n}\n" for n in range(9) for month in months)
    _, lender = drafted(
        tmp_path,
        {
            "tape.csv": TAPE.splitlines()[0] + "\n" + book,
            "people.csv": "customer_id,applied_on,income\n" + applied,
            "account.csv": "customer_id,month,turnover\n" + account,
        },
    )
    assert {source.name: source.role for source in lender.of_applicants} == {
        "people": "application",
        "account": "history",
    }


def test_a_customer_that_no_name_tells_is_found_by_the_ids_of_another_file(tmp_path: Path) -> None:
    book = "".join(f"L{n},K{n},2023-0{month}-28,2023-01-07,9,0\n" for n in range(60) for month in (1, 2, 3))
    applied = "".join(f"K{n},2023-01-07,{n}\n" for n in range(60))
    files = {
        "tape.csv": TAPE.splitlines()[0].replace("customer_id", "quien") + "\n" + book,
        "people.csv": "quien,applied_on,income\n" + applied,
    }
    _, lender = drafted(tmp_path, files)
    assert lender.tape.theirs["customer_id"] == "quien"
    assert lender.applications[0].theirs["customer_id"] == "quien"
    by_loan = files | {"people.csv": "of_loan,applied_on,income\n" + applied.replace("K", "L")}
    _, lender = drafted(tmp_path, by_loan)
    assert "customer_id" not in lender.tape.theirs


def test_a_source_that_lacks_loans_may_be_missing(tmp_path: Path) -> None:
    bureau = PEOPLE.partition("\n")[2].replace("K4,2023-01-07,4\n", "K99,2023-05-07,4\n")
    text, lender = drafted(
        tmp_path,
        {"tape.csv": TAPE, "people.csv": PEOPLE, "bureau.csv": "customer_id,applied_on,score\n" + bureau},
    )
    assert {source.name: source.may_be_missing for source in lender.applications} == {
        "people": False,
        "bureau": True,
    }
    assert re.search(r"may_be_missing = true +# decide: 8.3 % of the loans have no row in it", text)


@pytest.mark.parametrize(
    ("day", "start", "only"),
    [
        ("2023-0{month}-28", "2023-0{start}-07", "LEFT(snapshot_date, 7) = LEFT(start_date, 7)"),
        (
            "28.0{month}.2023",
            "17.0{start}.2023",
            "SPLIT_PART(snapshot_date, '.', 2) = SPLIT_PART(start_date, '.', 2) AND "
            "SPLIT_PART(snapshot_date, '.', 3) = SPLIT_PART(start_date, '.', 3)",
        ),
        (
            "{month}/28/2023",
            "{start}/17/2023",
            "SPLIT_PART(snapshot_date, '/', 1) = SPLIT_PART(start_date, '/', 1) AND "
            "SPLIT_PART(snapshot_date, '/', 3) = SPLIT_PART(start_date, '/', 3)",
        ),
    ],
)
def test_a_loan_tape_alone_gives_applicants_by_its_first_rows(
    day: str, start: str, only: str, tmp_path: Path
) -> None:
    line = f"L{{n}},{day},{start},9,36,{{n}},C,CA"
    header = "loan_id,report_date,start_date,balance,term,score,status,state"
    text, lender = drafted(tmp_path, {"tape.csv": tape(header, line)})
    (applicants,) = lender.applications
    assert applicants.only == only
    texts = pl.DataFrame({"snapshot_date": [day.format(month=m) for m in (3, 4)]}).with_columns(
        start_date=pl.lit(start.format(start=3))
    )
    assert texts.select(pl.sql_expr(only).alias("first"))["first"].to_list() == [True, False]
    assert [*applicants.ours.values()] == [
        "customer_id",
        "snapshot_date",
        "start_date",
        "term",
        "score",
        "state",
    ]
    assert [name for name, column in applicants.columns.items() if not column.feature] == ["term", "state"]
    assert "leave out what was not known when the applicant asked" in text


def test_the_first_rows_of_a_tape_with_months_on_book_are_those_of_month_zero(tmp_path: Path) -> None:
    header = "loan_id,customer_id,report_date,loan_age,balance,days_past_due,score"
    line = "L{n},K{n},2023-0{month}-28,{age}.0,9,0,{n}"
    _, lender = drafted(tmp_path, {"tape.csv": tape(header, line)})
    (applicants,) = lender.applications
    assert applicants.only == "loan_age = '0.0'"
    assert applicants.theirs["customer_id"] == "customer_id"


def test_the_calendar_is_that_of_all_files(tmp_path: Path) -> None:
    """A tape of the first of a month, with applications of any day."""
    rows = TAPE.replace("-28,", "-01,")
    _, lender = drafted(tmp_path, {"tape.csv": rows, "people.csv": PEOPLE})
    assert lender.lender.calendar == "any day"


@pytest.mark.parametrize(
    ("code", "days"),
    [("C", 0), ("Paid off", 0), ("90+", 90), ("31-60 days", 31), ("2", 60), ("0", 0), ("D", 180)],
)
def test_a_status_code_means_so_many_days(code: str, days: int, tmp_path: Path) -> None:
    header = "loan_id,report_date,start_date,balance,term,status"
    text = tape(header, f"L{{n}},2023-0{{month}}-28,2023-0{{start}}-07,9,36,{code}")
    draft, _ = drafted(tmp_path, {"tape.csv": text})
    assert tomllib.loads(draft)["arrears"]["status"] == {code: days}


def test_a_status_code_of_unknown_meaning_is_left_out_and_named(tmp_path: Path) -> None:
    header = "loan_id,report_date,start_date,balance,term,status"
    text = tape(header, "L{n},2023-0{month}-28,2023-0{start}-07,9,36,C").replace(",C\n", ",XQ\n", 3)
    draft, lender = drafted(tmp_path, {"tape.csv": text})
    assert lender.arrears.status == {"C": 0}
    assert "one left out says nothing, as XQ until they are added" in draft


@pytest.mark.parametrize(
    ("columns", "closed_when"),
    [
        ("balance,paid", "balance = 0 AND paid_amt = 0"),
        ("balance,term", "balance = 0 AND installment_num < tenure"),
        ("balance,score", "balance = 0"),
        ("score,mark", "FALSE"),
    ],
)
def test_when_a_loan_is_closed_is_told_by_what_the_tape_has(
    columns: str, closed_when: str, tmp_path: Path
) -> None:
    header = f"loan_id,customer_id,report_date,start_date,days_past_due,{columns}"
    text = tape(header, "L{n},K{n},2023-0{month}-28,2023-0{start}-07,0,9,9")
    _, lender = drafted(tmp_path, {"tape.csv": text, "people.csv": PEOPLE})
    assert lender.label.closed_when == closed_when


@pytest.mark.parametrize("kind", ["delta", "parquet"])
def test_tables_with_types_are_drafted_as_what_they_are(kind: str, tmp_path: Path) -> None:
    people = pl.read_csv(PEOPLE.encode(), try_parse_dates=True)
    if kind == "delta":
        people.write_delta(tmp_path / "people.delta")
    else:
        people.write_parquet(tmp_path / "people.parquet")
    _, lender = drafted(tmp_path, {"tape.csv": TAPE})
    (applications,) = lender.applications
    assert (applications.format, applications.files) == (kind, (f"people.{kind}",))
    assert [column.type for column in applications.columns.values()] == ["id", "date", "whole number"]


@pytest.mark.parametrize("name", ["PLZ", "zip_code", "dealer_code"])
def test_digits_of_a_code_are_no_quantity(name: str) -> None:
    many = guess_column(name, pl.Series([str(10_000 + n) for n in range(500)]), ".")
    few = guess_column(name, pl.Series([str(n % 7) for n in range(500)]), ".")
    assert (many.type, few.type) == ("text", "word")
    assert "digits are a code here" in many.unsure[0]


@pytest.mark.parametrize("name", ["Vorname", "Geburtsdatum", "Straße", "Telefonnummer"])
def test_german_names_of_what_is_personal_are_known(name: str) -> None:
    assert guess_column(name, pl.Series(["A1 Beta", "B2 Gamma", "C3 Delta"]), ".").personal


@pytest.mark.parametrize("name", ["Geschlecht", "Familienstand", "Alter", "Staatsangehörigkeit"])
def test_german_names_of_what_is_protected_are_known(name: str) -> None:
    assert guess_column(name, pl.Series(["1", "2"] * 5), ".").protected


def test_months_are_counted_from_the_year_of_two_loans(tmp_path: Path) -> None:
    """Months on book that agree with the start stay, over a new year too."""
    rows = "".join(
        f"L{n},K{n},{date(2023 + (11 + age) // 12, (11 + age) % 12 + 1, 28)},2023-12-05,{age},9,0\n"
        for n in range(9)
        for age in range(5)
    )
    header = "loan_id,customer_id,report_date,start_date,loan_age,balance,days_past_due\n"
    _, lender = drafted(tmp_path, {"tape.csv": header + rows, "people.csv": PEOPLE})
    assert lender.tape.theirs["installment_num"] == "loan_age"
