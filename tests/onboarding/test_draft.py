"""What a draft of a declaration says of a lender's files."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from simulator.lender import Lender as Book
from simulator.lender import simulate
from tasks.errors import BadInputError
from tasks.lender.declaration import Lender
from tasks.lender.reading import REFERENCE, read_lender
from tasks.onboarding.draft import DECIDE, count_decisions, draft_declaration
from tasks.onboarding.guess_columns import find_decimal, guess_column, read_numbers
from tasks.onboarding.init import write_draft
from tasks.onboarding.samples import read_samples


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the reference lender, and a draft of their declaration."""
    folder = tmp_path_factory.mktemp("reference")
    simulate(Book(date(2023, 1, 1), 8, 100, seed=2), folder)
    write_draft(folder, folder / "draft.toml", lender="Reference")
    return folder


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a lender of car loans, their declaration and a draft of one."""
    folder = tmp_path_factory.mktemp("cars")
    simulate(Book(date(2023, 1, 1), 14, 60, seed=2, kind="car_loans"), folder)
    write_draft(folder, folder / "draft.toml", lender="Cars")
    return folder


def meaning(lender: Lender) -> dict[str, Any]:
    """By file: its role, how it is written, and each column's type and our name."""
    return {
        source.files[0]: (
            source.role,
            (source.separator, source.decimal, source.dates),
            {source.ours[name]: column.type for name, column in source.columns.items()},
        )
        for source in lender.sources
    }


def test_the_draft_of_the_reference_files_says_what_their_declaration_says(reference: Path) -> None:
    assert meaning(read_lender(reference / "draft.toml")) == meaning(read_lender(REFERENCE))


def test_the_draft_of_car_loans_says_what_their_declaration_says(cars: Path) -> None:
    draft, declared = read_lender(cars / "draft.toml"), read_lender(cars / "lender.toml")
    assert meaning(draft) == meaning(declared)
    assert (draft.lender.calendar, draft.arrears.told_by) == ("month end", "days past due")
    assert (draft.label.mob, draft.label.dpd) == (declared.label.mob, declared.label.dpd)


def test_personal_and_protected_columns_are_those_of_the_declaration(reference: Path) -> None:
    people = next(s for s in read_lender(reference / "draft.toml").sources if "attributes" in s.name)
    assert [name for name, column in people.columns.items() if column.personal] == ["Name", "SSN"]
    assert [name for name, column in people.columns.items() if column.protected] == ["Age"]


def test_applications_of_the_day_of_the_loan_are_not_dated_before_it(cars: Path, reference: Path) -> None:
    for folder in (cars, reference):
        assert not any(source.before_the_loan for source in read_lender(folder / "draft.toml").sources)


def test_a_draft_says_what_a_person_has_to_decide(reference: Path) -> None:
    text = (reference / "draft.toml").read_text(encoding="utf-8")
    assert count_decisions(text) == text.count(DECIDE) > 10
    income = next(line for line in text.splitlines() if line.startswith("Annual_Income"))
    assert "limits?" in income
    assert "none_when" in next(line for line in text.splitlines() if line.startswith("Type_of_Loan"))


def test_a_file_that_says_no_day_is_left_out_and_said_to_be(reference: Path) -> None:
    text = (reference / "draft.toml").read_text(encoding="utf-8")
    assert "# true_default_probability.csv is not declared: no column says of which day a row is." in text


def test_the_same_files_give_the_same_draft(cars: Path, tmp_path: Path) -> None:
    write_draft(cars, tmp_path / "again.toml", lender="Cars")
    assert (tmp_path / "again.toml").read_bytes() == (cars / "draft.toml").read_bytes()


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("income", ["1200.5", "3_", "", "N/A", "800"], "number"),
        ("children", ["0", "1.0", "2", "-", "1"], "whole number"),
        ("opened", ["31/12/2023", "01/02/2024", "15/02/2024"], "date"),
        ("opened", ["12/31/2023", "02/01/2024", "02/15/2024"], "date"),
        ("start_date", ["44927", "44958", "44986"], "date"),
        ("start_date", ["2023-01-01", "2/1/2023", "2023-03-01"], "date"),
        ("account", ["20230101", "20230102", "20230103"], "whole number"),
        ("issue_d", ["Dec-2015", "Jan-2016", "Feb-2016"], "date"),
        ("period", ["201512", "201601", "201602"], "date"),
        ("month", ["2015-12", "2016-01"], "date"),
        ("applied_at", ["2024-03-05T14:22:10Z", "2024-03-06 08:01:00.250"], "date"),
        ("rate", ["13.5%", "7 %", "12.25 %"], "number"),
        ("price", ["$12.5", "€ 7", "8.25 €"], "number"),
        ("history", ["10 Years and 9 Months", "0 Years and 1 Month"], "duration"),
        ("bank", ["First Bank, NA", "Second Bank, NA"] * 5, "word"),
        ("mix", ["Good", "Bad", "_", "Good"] * 5, "word"),
        ("remark", [f"about case {number}" for number in range(100)], "text"),
        ("loans", ["Auto Loan, and Payday Loan", "Auto Loan"] * 5, "list of words"),
    ],
)
def test_the_type_of_a_column_is_told_by_its_cells(name: str, cells: list[str], kind: str) -> None:
    assert guess_column(name, pl.Series(name, cells), ".").type == kind


def test_numbers_with_points_between_thousands_are_numbers_where_the_comma_is_the_decimal_sign() -> None:
    cells = pl.Series(["1.234,56", "12.000,00", "-7,5", "1.000.000,00"])
    assert read_numbers(cells, ",").to_list() == [1234.56, 12000, -7.5, 1000000]
    assert find_decimal(pl.DataFrame({"amount": cells})) == ","


def test_a_word_among_numbers_means_nothing() -> None:
    guess = guess_column("income", pl.Series([*map(str, range(100)), "unknown", "unknown"]), ".")
    assert (guess.type, guess.nulls) == ("whole number", ("unknown",))


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("contact", ["ann@example.org", "ben@example.org"]),
        ("reference", ["123-45-6789", "987-65-4321"]),
        ("contact", ["+44 20 7946 0958", "+1 (202) 555-0143"]),
        ("Last Name", ["Lee", "Kim"]),
        ("date_of_birth", ["1980-05-04", "1979-01-02"]),
        ("street", ["Main Street 4", "High Street 9"]),
    ],
)
def test_what_tells_who_a_person_is_counts_as_personal(name: str, cells: list[str]) -> None:
    assert guess_column(name, pl.Series(name, cells), ".").personal


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (folder / name).write_bytes(text.encode(encoding))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_how_a_file_is_written_is_found(separator: str, encoding: str, tmp_path: Path) -> None:
    lines = ["id", "town"], ["1", "Köln"], ["2", "Zürich"]
    write(tmp_path, "a.csv", "\n".join(separator.join(line) for line in lines) + "\n", encoding)
    (sample,) = read_samples(tmp_path, n_rows=10)
    assert (sample.separator, sample.encoding, sample.header) == (separator, encoding, True)
    assert sample.rows["town"].to_list() == ["Köln", "Zürich"]


def test_a_constant_and_a_copy_are_no_features_and_said_to_be(tmp_path: Path) -> None:
    rows = "".join(f"C{number},2023-01-01,{number},{number},EUR\n" for number in range(60))
    write(tmp_path, "people.csv", "customer_id,snapshot_date,income,income_again,currency\n" + rows)
    text = draft_declaration(read_samples(tmp_path, n_rows=100), "Some")
    columns = tomllib.loads(text)["source"][0]["columns"]
    assert [name for name, column in columns.items() if not column.get("feature", True)] == [
        "income_again",
        "currency",
    ]
    assert "the same as income" in text
    assert "says the same in all these rows" in text


def test_files_that_differ_in_digits_alone_are_one_source(tmp_path: Path) -> None:
    for year in (2023, 2024):
        rows = "".join(f"C{number},{year}-01-01,{number}\n" for number in range(60))
        write(tmp_path, f"people_{year}.csv", "customer_id,snapshot_date,income\n" + rows)
    (source,) = tomllib.loads(draft_declaration(read_samples(tmp_path, n_rows=100), "Some"))["source"]
    assert (source["name"], source["files"]) == ("people", ["people_*.csv"])


def test_a_file_without_names_of_columns_is_declared_with_some(tmp_path: Path) -> None:
    write(tmp_path, "loans.txt", "".join(f"{number}|2023-01-01|7.5\n" for number in range(60)))
    text = draft_declaration(read_samples(tmp_path, n_rows=100), "Some")
    assert '# header = ["column_1", "column_2", "column_3"]' in text
    assert "the file names no columns" in text


def test_a_loan_tape_without_names_of_columns_is_told_by_its_cells(tmp_path: Path) -> None:
    """Months on book grow with the month; what is mostly 0 and grows by one at most is instalments behind."""
    rows = "".join(
        f"{80000 + loan}|{month + 1:02}/01/2023|{month}.0|{900 - month}|{max(0, month - 2) * (loan == 7)}\n"
        for loan in range(60)
        for month in range(8)
    )
    write(tmp_path, "tape.txt", rows)
    write(tmp_path, "people.txt", "".join(f"{80000 + loan}|12/2022|{loan % 9}\n" for loan in range(400)))
    write(tmp_path, "lender.toml", draft_declaration(read_samples(tmp_path, n_rows=1000), "Some"))
    lender = read_lender(tmp_path / "lender.toml")
    assert [*lender.tape.ours.values()] == [
        "loan_id",
        "snapshot_date",
        "installment_num",
        "column_4",
        "instalments_behind",
    ]
    assert lender.arrears.told_by == "instalments behind"
    (people,) = lender.applications
    assert [*people.ours.values()] == ["customer_id", "snapshot_date", "column_3"]
    assert people.before_the_loan


def test_a_line_for_spreadsheets_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "sep=,\nid,town\n1,Bern\n")
    with pytest.raises(BadInputError, match="Delete line 1"):
        read_samples(tmp_path, n_rows=10)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no CSV, text or Parquet file and no Delta table"):
        read_samples(tmp_path, n_rows=10)


def drafted(folder: Path, files: Mapping[str, str]) -> str:
    """The draft for files of these texts."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return draft_declaration(read_samples(folder, n_rows=1000), "Lender")


def monthly(header: str, line: str) -> str:
    """A tape of twelve loans that begin in January, each with three months."""
    lines = [line.format(n=n, month=month) for n in range(12) for month in (1, 2, 3)]
    return "\n".join([header, *lines, ""])


def test_the_usual_german_names_of_a_loan_tape_are_known(tmp_path: Path) -> None:
    header = (
        "VertragsNr;KundenNr;Beginn;Laufzeit;Kreditbetrag;Rate;Rueckstand;Restschuld;Verzugstage;Stichtag"
    )
    line = "V{n};K{n};05.01.2023;12;1000,50;90,10;0,00;900,40;0;28.0{month}.2023"
    draft = drafted(tmp_path, {"vertraege.csv": monthly(header, line)})
    names = ("loan_id", "customer_id", "loan_start_date", "tenure", "loan_amt", "due_amt", "overdue_amt")
    for ours in (*names, "balance", "days_past_due", "snapshot_date"):
        assert f'as = "{ours}"' in draft, ours


def test_a_tape_is_known_by_its_two_dates_where_names_tell_nothing(tmp_path: Path) -> None:
    draft = drafted(tmp_path, {"x.csv": monthly("a,b,c,d", "L{n},2023-01-05,2023-0{month}-28,7.5")})
    assert 'a = { type = "id", as = "loan_id" }' in draft
    assert 'b = { type = "date", as = "loan_start_date" }' in draft
    assert 'c = { type = "date", as = "snapshot_date" }' in draft


def test_status_codes_are_listed_with_the_days_that_their_numbers_say(tmp_path: Path) -> None:
    header = "loan_id,customer_id,open_date,report_date,balance,status"
    text = monthly(header, "L{n},K{n},2023-01-05,2023-0{month}-28,10,C").replace("03-28,10,C", "03-28,10,90+")
    assert 'status = { "90+" = 90, "C" = 0 }   # decide:' in drafted(tmp_path, {"tape.csv": text})


def test_that_a_file_has_one_row_a_loan_and_none_is_about_applicants_is_said(tmp_path: Path) -> None:
    rows = "".join(f"L{n},K{n},2023-01-05,12,ok\n" for n in range(30))
    draft = drafted(tmp_path, {"all.csv": "loan_id,customer_id,issue_date,term,status\n" + rows})
    assert "# decide: each loan has one row, and a label needs one a month" in draft
    assert "# decide: no file is about applicants" in draft
