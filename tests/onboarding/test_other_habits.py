"""What is drafted of files as spreadsheets, other alphabets and a sender of one file a month leave them."""

import re
from pathlib import Path

import polars as pl
import pytest

from tasks.errors import PolicyError
from tasks.lender.declaration import NAME, Lender
from tasks.lender.reading import read_lender
from tasks.onboarding.draft import draft_declaration
from tasks.onboarding.guess_columns import find_decimal, guess_column, read_numbers
from tasks.onboarding.samples import read_samples

TAPE = "loan_id,customer_id,report_date,start_date,balance,days_past_due\n"
PEOPLE = "customer_id,applied_on,income\n" + "".join(f"K{n},2023-01-07,{n}\n" for n in range(40))
BOOK = TAPE + "".join(
    f"L{n},K{n},2023-0{month}-28,2023-01-07,9,0\n" for n in range(40) for month in range(1, 5)
)


def drafted(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> tuple[str, Lender]:
    """The draft for files of these texts, and what it declares."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding=encoding)
    text = draft_declaration(read_samples(folder, n_rows=1000), "Lender")
    (folder / "lender.toml").write_text(text, encoding="utf-8")
    return text, read_lender(folder / "lender.toml")


def test_a_loan_tape_of_one_file_a_month_is_known_by_all_of_them(tmp_path: Path) -> None:
    """The first of them tells of no loan how it went on."""
    states = ["Current", "Current", "30-59 days", "60+ days"]
    books = {
        f"Book {month}.csv": "Plan No.,Purchase Date,As Of,Delinquency Status\n"
        + "".join(
            f"P{n},2023-01-07,2023-0{month}-28,{states[month - 1] if n == 3 else 'Current'}\n"
            for n in range(40)
        )
        for month in range(1, 5)
    }
    _, lender = drafted(tmp_path, {**books, "people.csv": PEOPLE.replace("K", "P")})
    assert lender.tape.files == ("Book *.csv",)
    assert lender.arrears.status == {"Current": 0, "30-59 days": 30, "60+ days": 60}
    assert lender.tape.theirs["loan_start_date"] == "Purchase Date"


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    people = "".join(f"{line},,\n" for line in PEOPLE.splitlines())
    text, lender = drafted(tmp_path, {"tape.csv": BOOK, "people.csv": people})
    assert [*lender.applications[0].columns] == ["customer_id", "applied_on", "income"]
    assert "_duplicated" not in text


@pytest.mark.parametrize("file", ["członkowie", "Übersicht (Kopie)", "2023", "книга", "-", "Ærø"])
def test_a_file_of_any_name_gets_a_name_that_a_source_may_have(file: str, tmp_path: Path) -> None:
    _, lender = drafted(tmp_path, {"tape.csv": BOOK, f"{file}.csv": PEOPLE})
    assert re.fullmatch(NAME, lender.applications[0].name)


@pytest.mark.parametrize(
    ("encoding", "header"),
    [
        ("cp1250", "Źródło dochodu;Płeć;Staż"),
        ("cp1252", "Größe;Coût en €;Œuvre"),
        ("latin-1", "Prénom;Müller;año"),
        ("utf-8", "Źródło;Größe;año"),
    ],
)
def test_the_encoding_that_makes_letters_of_a_header_is_found_and_asked_about(
    encoding: str, header: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n1;2;3\n4;5;6\n", encoding=encoding)
    (sample,) = read_samples(tmp_path, n_rows=10)
    assert (sample.encoding, ";".join(sample.rows.columns)) == (encoding, header)


@pytest.mark.parametrize(
    "name", ["Imię", "Nazwisko", "PESEL", "Prénom", "Date de naissance", "Apellidos", "Codice fiscale", "CPF"]
)
def test_a_persons_name_and_number_are_personal_in_other_languages(name: str) -> None:
    assert guess_column(name, pl.Series(name, ["Ab", "Cd"] * 5), "").personal


@pytest.mark.parametrize("name", ["Płeć", "Sexe", "Género", "Stan cywilny", "Nationalité", "Geschlecht"])
def test_what_is_protected_is_so_in_other_languages(name: str) -> None:
    assert guess_column(name, pl.Series(name, ["a", "b"] * 5), "").protected


def test_long_digits_that_hardly_repeat_are_an_id_and_large_amounts_are_numbers() -> None:
    ids = guess_column("numer", pl.Series([str(67012000000 + 7 * n) for n in range(50)]), "")
    assert (ids.type, ids.personal) == ("text", True)
    assert any("an id" in reason for reason in ids.unsure)
    amounts = guess_column("turnover", pl.Series([str(3 * 10**9 * n) for n in range(50)]), "")
    assert (amounts.type, amounts.personal) == ("number", False)


@pytest.mark.parametrize("number", [0.5, 12, 999.99, 1000, 37985.14, 1234567.8, -4321.5])
@pytest.mark.parametrize(
    ("gap", "sign"),
    [(",", "."), ("'", "."), (" ", "."), (".", ","), ("\u00a0", ","), ("\u202f", ","), ("\u2019", ",")],
)
def test_a_number_is_the_same_however_its_thousands_are_parted(number: float, gap: str, sign: str) -> None:
    cells = pl.Series("amount", [f"{n:,.2f}".translate({44: gap, 46: sign}) for n in (number, 1234.5)])
    decimal = find_decimal(pl.DataFrame(cells))
    assert decimal == sign
    assert read_numbers(cells, decimal)[0] == number


def test_a_column_that_mostly_says_nothing_may_be_empty_and_is_asked_about(tmp_path: Path) -> None:
    lines = PEOPLE.splitlines()
    people = [
        f"{lines[0]},note",
        *(f"{line},{'seen' if n % 4 == 0 else 'None'}" for n, line in enumerate(lines[1:])),
    ]
    text, lender = drafted(tmp_path, {"tape.csv": BOOK, "people.csv": "\n".join([*people, ""])})
    columns = lender.applications[0].columns
    assert [name for name, column in columns.items() if column.required is False] == ["note"]
    assert re.search(r"^note = .*# decide: 75% of the cells say nothing$", text, re.MULTILINE)


def test_a_word_between_numbers_means_nothing_whatever_its_signs() -> None:
    cells = pl.Series([*(f"${n},000.50" for n in range(1, 30)), "n/k", "n/k"])
    guess = guess_column("turnover", cells, ".")
    assert (guess.type, guess.nulls) == ("number", ("n/k",))


def test_rows_of_a_history_within_a_month_are_left_out_of_the_loans_month(tmp_path: Path) -> None:
    """They may be later than the loan, and of several in a month one counts: both are asked about."""
    account = "customer_id,day,turnover\n" + "".join(
        f"K{n},2023-0{month}-{day},{n}\n" for n in range(40) for month in range(1, 5) for day in (11, 23)
    )
    text, lender = drafted(tmp_path, {"tape.csv": BOOK, "people.csv": PEOPLE, "account.csv": account})
    assert lender.histories[0].delay_days == 1
    assert "the newest day counts" in text
    firsts = account.replace("-11", "-01").replace("-23", "-01")
    text, lender = drafted(tmp_path, {"account.csv": firsts})
    assert lender.histories[0].delay_days == 0


def test_without_a_loan_tape_the_draft_leaves_the_tables_to_fill(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"lender\.toml line \d+, label\.mob: Field required"):
        drafted(tmp_path, {"people.csv": PEOPLE})
