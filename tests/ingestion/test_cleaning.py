from datetime import date

import polars as pl
import pytest

from tasks.ingestion.cleaning import read_numbers, read_word
from tasks.ingestion.date_spelling import is_of_months, read_iso, read_spelled
from tasks.lender.columns import Column
from tasks.schemas.catalog import SOURCES

AMOUNT = Column(type="number")


def one(expression: pl.Expr, text: str | None) -> object:
    return texts(text).select(expression).item()


def texts(text: str | None) -> pl.DataFrame:
    return pl.DataFrame({"Age": [text], "x": [text]}, schema={"Age": pl.String, "x": pl.String})


@pytest.mark.parametrize(
    ("text", "number"),
    [("4.5 %", 4.5), ("12%", 12.0), ("$40", 40.0), ("€ -7.5", -7.5), ("% 4", None), ("4 % 5", None)]
    + [("52312.68_", 52312.68), ("-6.5", -6.5), (" 4 ", 4.0), ("_", None), ("__10000__", None), (None, None)]
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


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("2023-03-01 14:05:59.123", "YYYY-MM-DD"),
        ("2023-03-01T14:05:59Z", "YYYY-MM-DD"),
        ("2023-03-01T00:00:00+01:00", "YYYY-MM-DD"),
        ("01.03.2023 9:30", "day/month/year"),
        ("3/1/2023 2:05 PM", "month/day/year"),
        ("202303", "YYYYMM"),
        ("2023-3", "year-month"),
        ("Mar-2023", "name of the month-year"),
        ("March 2023", "name of the month-year"),
        ("Mar-23", "name of the month-year of two digits"),
        ("03/2023", "month/year"),
    ],
)
def test_times_are_left_out_and_a_month_without_a_day_is_its_first(text: str, spelling: str) -> None:
    assert one(read_spelled("x", spelling), text) == date(2023, 3, 1)


@pytest.mark.parametrize("text", ["202313", "2023-13", "Foo-2023", "2023-03-01 25h", "2023-03-01 at noon"])
def test_what_is_no_month_or_time_is_no_date(text: str) -> None:
    spellings = ("YYYYMM", "year-month", "name of the month-year", "YYYY-MM-DD")
    assert [one(read_spelled("x", spelling), text) for spelling in spellings] == [None] * 4


@pytest.mark.parametrize(
    "word", ["M.", "B+", "A-", "<25", "30-59", "Ёж", "é", "是", ">= 10", "10+", "C", "4"]
)
def test_a_word_says_something_in_any_script_and_as_a_code(word: str) -> None:
    assert pl.DataFrame({"word": [word]}).select(read_word("word")).item() == word


@pytest.mark.parametrize("signs", ["_", "!@9#%8", "_______", "--", "?", "...", "#1", ""])
def test_signs_say_nothing(signs: str) -> None:
    assert pl.DataFrame({"word": [signs]}).select(read_word("word")).item() == "unknown"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (["2024-01-01", "2023-12-01"], True),
        (["2024-01-01", "2024-01-02"], False),
        (["2024-01-01", "2024-1-1"], False),
        (["2024-01-01", " 2024-02-01"], False),
        (["2024-01-01", "2024-02-01 00:00:00"], False),
        (["2024-01-01", "0001-01-01"], False),
        (["2024-01-01", None], False),
    ],
)
def test_dates_are_plain_where_each_is_the_first_of_a_month_as_we_write_it(
    written: list[str | None], plain: bool
) -> None:
    assert is_of_months(pl.Series(written, dtype=pl.String)) is plain
