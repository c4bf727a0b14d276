"""Files as spreadsheets and other tools leave them: equal tables, or one precise refusal."""

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.book import FILES, Book, month
from tests.faults.shop import Edit, Shop, first_of, put, refused

DATES = ("snapshot_date", "loan_start_date")
WHOLE = ("Age", "installment_num", "tenure", "Num_of_Loan", "Interest_Rate", "fe_1", "fe_7")
TABLES = (
    "silver.loans",
    "silver.attributes",
    "silver.financials",
    "silver.clickstream",
    "gold.feature_store",
)


def rewrite(book: Book, edit: Edit) -> Book:
    """The book with every file edited."""
    return Book({source: edit(rows) for source, rows in book.frames.items()})


def respell(write: Callable[[date], str]) -> Edit:
    """An edit that writes every date another way."""

    def edit(rows: pl.DataFrame) -> pl.DataFrame:
        there = [name for name in DATES if name in rows.columns]
        days = {text: write(date.fromisoformat(text)) for name in there for text in rows[name].unique()}
        return rows.with_columns(pl.col(there).replace_strict(days))

    return edit


def as_fractions(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col([name for name in WHOLE if name in rows.columns]) + ".0")


def as_words(word: str) -> Edit:
    """An edit that writes a word into all cells that hold nothing."""
    return lambda rows: rows.with_columns(pl.all().fill_null(word))


def shouted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.rename({name: f" {name.upper()} " for name in rows.columns})


def with_index(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.int_range(pl.len()).cast(pl.String).alias(""), pl.all())


SERIAL_ZERO = date(1899, 12, 30)
REWRITTEN: dict[str, Edit] = {
    "day first": respell(lambda day: f"{day.day}/{day.month}/{day.year}"),
    "day first, with dots": respell(lambda day: f"{day:%d.%m.%Y}"),
    "month first": respell(lambda day: f"{day.month}/{day.day}/{day.year}"),
    "day first, two digits": respell(lambda day: f"{day:%d/%m/%y}"),
    "month first, two digits": respell(lambda day: f"{day:%m/%d/%y}"),
    "with time": respell(lambda day: f"{day} 00:00:00"),
    "with T and time": respell(lambda day: f"{day}T00:00:00.000Z"),
    "day first, with time": respell(lambda day: f"{day:%d/%m/%Y} 0:00"),
    "without separators": respell(lambda day: f"{day:%Y%m%d}"),
    "with slashes": respell(lambda day: f"{day:%Y/%m/%d}"),
    "named months": respell(lambda day: f"{day.day}-{day:%b-%y}"),
    "serial numbers": respell(lambda day: str((day - SERIAL_ZERO).days)),
    "whole numbers as 0.0": as_fractions,
    "nulls as NULL": as_words("NULL"),
    "nulls as nan": as_words("nan"),
    "nulls as a dash": as_words("-"),
    "header in capitals, with blanks": shouted,
    "an index column": with_index,
}


@pytest.fixture(scope="module")
def plain(book: Book, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tables of the book as it is."""
    shop = Shop(tmp_path_factory.mktemp("plain")).receive(book)
    assert shop.run("features", 7).code == 0
    return shop.contents(*TABLES)


@pytest.mark.parametrize("how", REWRITTEN)
def test_fault_77_80_82_84_85_a_rewritten_book_gives_the_same_tables(
    how: str, shop: Shop, book: Book, plain: dict[str, pl.DataFrame]
) -> None:
    outcome = shop.receive(rewrite(book, REWRITTEN[how])).run("features", 7)
    assert outcome.code == 0, outcome.said
    for name, table in shop.contents(*TABLES).items():
        assert table.equals(plain[name]), name


def test_fault_77_how_the_dates_are_read_is_said_once(shop: Shop, book: Book) -> None:
    said = shop.receive(rewrite(book, REWRITTEN["month first"])).run("features", 7).said
    assert (
        said.count("lms_loan_daily.csv writes its dates as month/day/year: 1/1/2023 is read as 2023-01-01")
        == 1
    )


def test_fault_84_trailing_separators_change_nothing(
    shop: Shop, book: Book, plain: dict[str, pl.DataFrame]
) -> None:
    for source in FILES:
        lines = shop.file(source).read_text().splitlines()
        shop.file(source).write_text("".join(f"{line},,\n" for line in lines))
    assert shop.run("features", 7).code == 0
    for name, table in shop.contents(*TABLES).items():
        assert table.equals(plain[name]), name


@pytest.mark.parametrize("source", FILES)
def test_fault_83_a_file_with_all_fields_in_quotes_gives_the_same_tables(
    source: str, shop: Shop, book: Book, plain: dict[str, pl.DataFrame]
) -> None:
    book.frames[source].write_csv(shop.file(source), quote_style="always")
    outcome = shop.run("features", 7)
    assert outcome.code == 0, outcome.said
    for name, table in shop.contents(*TABLES).items():
        assert table.equals(plain[name]), name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("clickstream", "features_clickstream.csv"),
        ("attributes", "feature_attributes.csv"),
        ("financials", "feature_financials.csv"),
    ],
)
def test_a_file_by_another_of_its_names_gives_the_same_tables(
    source: str, name: str, shop: Shop, plain: dict[str, pl.DataFrame]
) -> None:
    shop.file(source).rename(shop.file(source).with_name(name))
    outcome = shop.run("features", 7)
    assert outcome.code == 0, outcome.said
    for table in ("silver.attributes", "silver.financials", "silver.clickstream", "gold.feature_store"):
        assert shop.contents(table)[table].equals(plain[table]), table


def packed(file: Path) -> None:
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()


def replaced(old: str, new: str) -> Callable[[Path], None]:
    return lambda file: file.write_text(file.read_text().replace(old, new)) and None


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "semicolons": (replaced(",", ";"), "separates its columns by ';'"),
    "tabs": (replaced(",", "\t"), "separates its columns by '\\t'"),
    "UTF-16": (lambda file: file.write_text(file.read_text(), encoding="utf-16") and None, "UTF-16"),
    "gzip": (packed, "features_attributes.csv.gz is: unpack that"),
    "gzip under the name of a CSV": (
        lambda file: file.write_bytes(gzip.compress(file.read_bytes())) and None,
        "compressed by gzip",
    ),
    "sep=": (lambda file: file.write_text("sep=,\n" + file.read_text()) and None, "begins with a line for"),
    "a spreadsheet": (lambda file: file.write_bytes(b"PK\x03\x04rest") and None, "or a spreadsheet"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_fault_86_88_what_is_no_such_csv_is_refused_by_what_it_is(how: str, shop: Shop) -> None:
    spoil, said = REFUSED[how]
    spoil(shop.file("attributes"))
    refused(shop, "features_attributes.csv", said)


def test_fault_78_89_a_month_spelled_another_way_is_refused_alone(shop: Shop, book: Book) -> None:
    last = str(month(8))
    wrong = put("snapshot_date", "9/1/2023", pl.col("snapshot_date") == last)
    shop.receive(book.change("attributes", wrong))
    assert shop.run("features", 7).code == 0
    refused(shop, "'9/1/2023'", "line 482", "written as the others are", number=8)


def test_fault_78_dates_that_no_reading_fits_are_refused_with_one_of_them(shop: Shop, book: Book) -> None:
    shop.receive(book.change("financials", put("snapshot_date", "spring", pl.lit(value=True))))
    refused(shop, "features_financials.csv", "'spring'", "line 2")


def test_fault_79_rows_without_a_month_are_named_once_and_counted_in_none(shop: Shop, book: Book) -> None:
    shop.receive(book.change("attributes", put("snapshot_date", "soon", first_of(3, 2))))
    outcome = shop.run("features", 8)
    assert outcome.said.count("features_attributes.csv has 2 rows whose month cannot be told") == 1
    counts = [shop.rows("bronze.deliveries", n).filter(source="attributes") for n in range(9)]
    assert [rows["n_quarantined"].item() for rows in counts] == [0] * 9
    assert [rows["n_received"].item() for rows in counts] == [60] * 3 + [58] + [60] * 5


def test_fault_83_a_quote_inside_a_field_is_refused_with_its_line(shop: Shop, book: Book) -> None:
    text = shop.file("attributes").read_text().replace("Person 1005", 'Person "1005"')
    shop.file("attributes").write_text(text)
    refused(shop, "features_attributes.csv", "line 7", "quote")


def test_fault_87_amounts_that_are_each_rounded_reconcile(shop: Shop, book: Book) -> None:
    nudged = put("paid_amt", "1000.02", first_of(2, mob=1))
    shop.receive(book.change("loans", nudged))
    assert shop.run("features", 2).code == 0
    assert shop.rows("quarantine.loans", 2).is_empty()


@pytest.mark.parametrize(
    ("source", "column", "value"),
    [
        ("financials", "Interest_Rate", "12.5"),
        ("financials", "Num_of_Loan", "2.5_"),
        ("attributes", "Age", "23.5"),
        ("clickstream", "fe_7", "-0.5"),
        ("clickstream", "fe_7", "3000000000"),
    ],
)
def test_fault_81_a_fraction_in_a_column_of_whole_numbers_is_named_and_never_only_null(
    source: str, column: str, value: str, shop: Shop, book: Book
) -> None:
    shop.receive(book.change(source, put(column, value, first_of(2))))
    said = shop.run("features", 2).said
    what = "too large for a whole one" if value == "3000000000" else "that is no whole one"
    cells = f"column {column}: 1 say a number {what}, such as '{value}'. They are null."
    assert said.count(f"{shop.file(source)}, {cells}") == 1
    assert "declare it with type = 'number'" in said
    assert column not in shop.run("features", 1).said


def test_fault_81_a_column_of_fractions_is_refused_with_the_type_that_reads_it(
    shop: Shop, book: Book
) -> None:
    shop.receive(book.change("financials", put("Interest_Rate", "12.5", pl.lit(value=True))))
    refused(shop, "column Interest_Rate: 60 of 60", "no whole one, such as '12.5'", "type = 'number'")


@pytest.mark.parametrize("value", ["12.0", "12", "NULL", "-500.5", "1000.5", "x"])
def test_fault_81_a_whole_number_a_word_and_what_is_beyond_the_limits_are_no_fraction(
    value: str, shop: Shop, book: Book
) -> None:
    shop.receive(book.change("attributes", put("Age", value, first_of(2))))
    assert "no whole one" not in shop.run("features", 2).said


def test_fault_81_a_count_of_the_loan_tape_that_is_no_whole_number_sets_its_row_aside(
    shop: Shop, book: Book
) -> None:
    shop.receive(book.change("loans", put("tenure", "10.5", first_of(2, mob=1))))
    said = shop.run("features", 2).said
    assert "column tenure: 1 say a number that is no whole one, such as '10.5'" in said
    assert shop.rows("quarantine.loans", 2)["rule"].to_list() == ["tenure|nullability"]
