import polars as pl
import pytest

from tasks.ingestion.cleaning import read_numbers, read_word
from tasks.ingestion.date_spelling import read_iso
from tasks.lender.columns import Column
from tasks.schemas.catalog import SOURCES

AMOUNT = Column(type="number")


def one(expression: pl.Expr, text: str | None) -> object:
    return texts(text).select(expression).item()


def texts(text: str | None) -> pl.DataFrame:
    return pl.DataFrame({"Age": [text], "x": [text]}, schema={"Age": pl.String, "x": pl.String})


@pytest.mark.parametrize(
    ("text", "number"),
    [("52312.68_", 52312.68), ("-6.5", -6.5), (" 4 ", 4.0), ("_", None), ("__10000__", None), (None, None)]
    + [(text, None) for text in ("NaN", "inf", "1e309", "word", "", "__-333333333333333333333333333__")],
)
def test_numbers_are_read_or_null(text: str | None, number: float | None) -> None:
    assert read_numbers(texts(text), {"x": AMOUNT}).item() == number


@pytest.mark.parametrize(
    ("text", "age"), [("40_", 40), ("-500", None), ("3843_", None), ("14", 14), ("40.5", None)]
)
def test_ages_outside_14_to_100_and_fractions_are_null(text: str, age: int | None) -> None:
    assert read_numbers(texts(text), {"Age": SOURCES["attributes"].declared.columns["Age"]}).item() == age


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Lawyer", "Lawyer"),
        ("NM", "NM"),
        ("_______", "unknown"),
        ("_", "unknown"),
        ("!@9#%8", "unknown"),
        (None, "unknown"),
    ],
)
def test_words_without_letters_are_unknown(text: str | None, word: str) -> None:
    assert one(read_word("x"), text) == word


@pytest.mark.parametrize("text", ["2023-02-30", "31/12/2023", "2023-1", "soon", ""])
def test_a_date_is_read_only_as_year_month_day(text: str) -> None:
    assert one(read_iso("x"), text) is None


@pytest.mark.parametrize(
    ("column", "least", "most"),
    [
        ("Num_Bank_Accounts", 0, 20),
        ("Num_Credit_Card", 0, 20),
        ("Interest_Rate", 0, 100),
        ("Num_of_Loan", 0, 20),
        ("Num_of_Delayed_Payment", 0, 60),
        ("Num_Credit_Inquiries", 0, 60),
        ("Total_EMI_per_month", 0, 5000),
    ],
)
def test_a_number_beyond_its_limits_is_null(column: str, least: int, most: int) -> None:
    declared = SOURCES["financials"].declared.columns[column]
    values = [least - 1, least, most, most + 1]
    rows = pl.DataFrame({column: [str(value) for value in values]})
    assert read_numbers(rows, {column: declared})[column].to_list() == [None, least, most, None]


@pytest.mark.parametrize("text", ["0001-01-01", "1989-12-31", "2200-01-01"])
def test_a_date_beyond_all_years_is_no_date(text: str) -> None:
    assert pl.DataFrame({"x": [text]}).select(read_iso("x")).item() is None
