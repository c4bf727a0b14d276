"""Faults 1 to 15: what is wrong with a whole file, and what the flow says of it."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tasks.store import restatements, tables
from tests.book import FILES, Book, month
from tests.faults.shop import Shop, first_of, put, refused

ALL = sorted(FILES)


def edit_text(path: Path, edit: Callable[[bytes], bytes]) -> None:
    path.write_bytes(edit(path.read_bytes()))


@pytest.mark.parametrize("source", ALL)
def test_fault_01_a_missing_file_is_refused(shop: Shop, source: str) -> None:
    shop.file(source).unlink()
    refused(shop, FILES[source], "missing", "--data")


@pytest.mark.parametrize("source", ALL)
def test_fault_02_a_file_of_zero_bytes_is_refused(shop: Shop, source: str) -> None:
    shop.file(source).write_bytes(b"")
    refused(shop, FILES[source], "empty", "Ask the sender")


@pytest.mark.parametrize("source", ALL)
def test_fault_03_a_header_alone_is_refused(shop: Shop, source: str) -> None:
    edit_text(shop.file(source), lambda text: text.split(b"\n")[0] + b"\n")
    refused(shop, FILES[source], "no rows")


@pytest.mark.parametrize("source", ["attributes", "financials", "loans"])
def test_fault_04_a_month_absent_from_a_required_file_is_refused(shop: Shop, book: Book, source: str) -> None:
    gone = pl.col("snapshot_date") != str(month(3))
    shop.receive(book.change(source, lambda rows: rows.filter(gone)))
    refused(shop, FILES[source], str(month(3)), "no rows", number=3)


@pytest.mark.parametrize("source", ALL)
def test_fault_05_a_missing_column_is_refused(shop: Shop, book: Book, source: str) -> None:
    column = book.frames[source].columns[1]
    shop.receive(book.change(source, lambda rows: rows.drop(column)))
    refused(shop, FILES[source], column, "Ask the sender")


@pytest.mark.parametrize(
    ("source", "column", "name"),
    [
        ("attributes", "Occupation", "Ocupation"),
        ("loans", "overdue_amt", "overdue_amount"),
        ("financials", "Customer_ID", "CustomerID"),
    ],
)
def test_fault_06_a_renamed_column_is_refused_with_the_likely_one(
    shop: Shop, book: Book, source: str, column: str, name: str
) -> None:
    shop.receive(book.change(source, lambda rows: rows.rename({column: name})))
    refused(shop, FILES[source], f"{name!r} is probably {column}")


def test_fault_06_a_column_twice_is_refused(shop: Shop) -> None:
    edit_text(shop.file("loans"), lambda text: text.replace(b"paid_amt", b"due_amt", 1))
    refused(shop, "'due_amt' twice")


@pytest.mark.parametrize("source", ALL)
def test_fault_07_an_extra_column_is_accepted(shop: Shop, book: Book, served: Shop, source: str) -> None:
    shop.receive(book.change(source, lambda rows: rows.select(pl.lit("x").alias("new"), *rows.columns)))
    assert_as_served(shop, served, source)


@pytest.mark.parametrize("source", ALL)
def test_fault_08_reordered_columns_are_accepted(shop: Shop, book: Book, served: Shop, source: str) -> None:
    shop.receive(book.change(source, lambda rows: rows.select(reversed(rows.columns))))
    assert_as_served(shop, served, source)


def assert_as_served(shop: Shop, served: Shop, source: str) -> None:
    assert shop.run("features", 0).code == 0
    assert shop.rows(f"silver.{source}", 0).equals(served.rows(f"silver.{source}", 0))
    assert shop.rows("bronze.deliveries", 0).equals(served.rows("bronze.deliveries", 0))


@pytest.mark.parametrize("source", ALL)
def test_fault_09_a_bom_and_crlf_are_accepted(shop: Shop, served: Shop, source: str) -> None:
    edit_text(shop.file(source), lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert shop.run("features", 0).code == 0
    assert shop.rows(f"silver.{source}", 0).equals(served.rows(f"silver.{source}", 0))


def test_fault_10_a_file_that_is_not_utf8_is_refused(shop: Shop) -> None:
    edit_text(shop.file("attributes"), lambda text: text.replace(b"Person 1003", b"Jos\xe9", 1))
    refused(shop, FILES["attributes"], "not UTF-8", "line 5", "iconv")


def test_fault_10_utf16_is_refused(shop: Shop) -> None:
    edit_text(shop.file("loans"), lambda text: text.decode().encode("utf-16"))
    refused(shop, FILES["loans"], "not UTF-8", "line 1")


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("cut", [3, 30])
def test_fault_11_a_last_line_cut_off_is_refused(shop: Shop, source: str, cut: int) -> None:
    edit_text(shop.file(source), lambda text: text[:-cut])
    refused(shop, FILES[source], "cut off", "Ask the sender")


def test_fault_11_no_line_end_after_a_whole_last_line_is_accepted(shop: Shop) -> None:
    edit_text(shop.file("loans"), lambda text: text[:-1])
    assert shop.run("features", 0).code == 0


def test_fault_12_an_unquoted_comma_in_type_of_loan_is_set_aside(shop: Shop, served: Shop) -> None:
    raw = served.rows("bronze.financials", 0).filter(pl.col("Type_of_Loan").str.contains(","))
    listed = raw["Type_of_Loan"][0].encode()
    edit_text(shop.file("financials"), lambda text: text.replace(b'"' + listed + b'"', listed, 1))
    assert shop.run("features", 0).code == 0
    aside = shop.rows("quarantine.financials", 0)
    assert "as_many_fields_as_the_header" in aside["rule"].item()
    assert aside["source_file"].item() == FILES["financials"]
    assert aside["Customer_ID"].item() in shop.review(0)
    shop.assert_reconciled()


def test_fault_12_a_quote_that_is_never_closed_is_refused(shop: Shop) -> None:
    edit_text(shop.file("financials"), lambda text: text.replace(b'Loan"', b"Loan", 1))
    refused(shop, FILES["financials"], "quote")


def test_fault_13_a_changed_file_is_refused(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    before, versions = shop.contents(), shop.versions()
    changed = book.change("attributes", put("Age", "33", first_of(2)))
    shop.receive(changed)
    outcome = shop.run("features", 2)
    assert outcome.code == 1
    for said in (FILES["attributes"], str(month(2)), "published", "--restate"):
        assert said in outcome.said
    assert shop.versions() == versions
    assert shop.run("features", 3).code == 0
    for name, rows in shop.contents().items():
        assert rows.equals(before[name])


def test_fault_13_restate_takes_it_and_keeps_the_old_version(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    old = shop.rows("silver.attributes", 2)
    shop.receive(book.change("attributes", put("Age", "33", first_of(2))))
    assert shop.run("features", 2, "--restate").code == 0
    assert shop.run("features", 2, "--restate").code == 0
    assert shop.run("features", 2).code == 0
    (line,) = restatements.read_history(shop.settings)
    assert line["snapshot_date"] == str(month(2))
    assert list(line["digests"]) == ["attributes"]
    path = tables.path_of("silver.attributes", shop.settings)
    kept = pl.read_delta(str(path), version=line["old_versions"]["silver.attributes"])
    kept = kept.filter(pl.col("snapshot_date") == month(2)).sort("customer_id")
    assert kept.select(old.columns).equals(old.sort("customer_id"))
    assert 33 in shop.rows("silver.attributes", 2)["age"]


def test_fault_14_the_same_file_again_changes_nothing(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    versions = shop.versions()
    shutil.rmtree(shop.settings.data)
    shop.receive(book)
    assert shop.run("features", 4).code == 0
    assert shop.versions() == versions


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("share", [0.3, 1.8])
def test_fault_15_an_odd_number_of_rows_is_refused_unless_allowed(
    shop: Shop, book: Book, source: str, share: float
) -> None:
    odd = pl.col("snapshot_date") == str(month(4))

    def edit(rows: pl.DataFrame) -> pl.DataFrame:
        month_rows = rows.filter(odd)
        chosen = pl.concat([month_rows.sample(fraction=1, shuffle=True, seed=1), month_rows])
        chosen = chosen.head(round(share * month_rows.height))
        return pl.concat([rows.filter(~odd), chosen])

    shop.receive(book.change(source, edit))
    assert shop.run("features", 3).code == 0
    refused(shop, FILES[source], "odd number of rows", "--allow-volume", number=4)
    assert shop.run("features", 4, "--allow-volume").code == 0
    shop.assert_reconciled()


@pytest.mark.parametrize("name", ["month", "overflow", "snapshot_date_raw", "source_file"])
def test_fault_07_an_extra_column_may_have_any_name(shop: Shop, book: Book, served: Shop, name: str) -> None:
    shop.receive(book.change("attributes", lambda rows: rows.with_columns(pl.lit("1").alias(name))))
    for number in (0, 8):  # split by month, and whole
        outcome = shop.run("features", number)
        assert outcome.code == 0, outcome.said
        assert shop.rows("gold.feature_store", number).equals(served.rows("gold.feature_store", number))


def test_a_blank_line_is_no_row(shop: Shop, served: Shop) -> None:
    for source in ALL:
        fields = len(shop.file(source).read_text().splitlines()[0].split(",")) - 1
        edit_text(shop.file(source), lambda text, commas=fields: text + b"\n" + b"," * commas + b"\n\n")
    assert shop.run("features", 1).code == 0
    for name in ("bronze.deliveries", "quarantine.attributes", "gold.feature_store"):
        assert shop.rows(name, 1).equals(served.rows(name, 1)), name


def test_fault_14_other_quotes_change_nothing(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    versions = shop.versions()
    for source, frame in book.frames.items():
        frame.with_columns(pl.all().fill_null("")).write_csv(shop.file(source), quote_style="always")
    assert shop.run("features", 4).code == 0
    assert shop.versions() == versions


def test_a_file_by_two_names_is_refused(shop: Shop) -> None:
    shutil.copy(shop.file("attributes"), shop.settings.data / "feature_attributes.csv")
    refused(shop, "feature_attributes.csv", "features_attributes.csv", "Keep the one that is meant")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace(b",", b";"), "separates its columns by ';'"),
        (lambda text: text.decode().encode("utf-16"), "iconv -f UTF-16"),
        (gzip.compress, "not UTF-8 text (line 1) but compressed by gzip. Unpack it: gunzip"),
        (lambda text: b"PK\x03\x04" + text, "a zip archive or a spreadsheet"),
        (lambda text: text + b"a\0b\n", "holds a NUL byte (line "),
        (lambda text: text.rstrip(b"\n")[:-3], "no line end"),
        (lambda text: text.replace(b"2023-01-01", b"01/01/2023"), "as a date written as the others are"),
    ],
)
def test_what_another_way_of_writing_needs_is_said(
    shop: Shop, edit: Callable[[bytes], bytes], said: str
) -> None:
    edit_text(shop.file("attributes"), edit)
    refused(shop, FILES["attributes"], said)
