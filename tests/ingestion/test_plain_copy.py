"""Files that are declared to be written in another way give the tables of plain ones."""

import csv
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import Settings, checked_settings
from tasks.errors import BadInputError
from tasks.ingestion import landing
from tasks.ingestion.plain_copy import copy_plainly, is_plain, line_of_sender, name_of_sender, sender_of
from tasks.lender.columns import Column
from tasks.lender.declaration import LenderSource
from tasks.lender.reading import REFERENCE
from tasks.schemas.catalog import SOURCES
from tests.builders import months, write_book

FINANCIALS = "features_financials.csv"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain files of a small lender."""
    return write_book(tmp_path_factory.mktemp("book"), n_months=3, loans_per_month=30)


def declare(folder: Path, words: str, files: str = FINANCIALS) -> Settings:
    """The settings of a folder whose financials are declared to be written so."""
    text = REFERENCE.read_text(encoding="utf-8")
    said = f'files = ["{files}"]\n{words}'
    text = re.sub(r'files = \["features_financials.csv", "feature_financials.csv"\]', said, text)
    (folder / "lender.toml").write_text(text, encoding="utf-8")
    return checked_settings({"data": folder, "datamart": folder / "datamart"})


def financials(settings: Settings) -> pl.DataFrame:
    return landing.read_months(SOURCES["financials"], months(3), settings).drop("source_file")


def source(**written: Any) -> LenderSource:
    """A source of two words and an amount, written in some way."""
    columns = {
        "id": Column(type="id", called="customer_id"),
        "name": Column(type="date", called="snapshot_date"),
        "amount": Column(type="number"),
    }
    return LenderSource(
        name="some", role="application", owner="A", files=("a.csv",), columns=columns, **written
    )


def by_semicolons(text: str) -> str:
    """Decimal commas in numbers, `;` between fields; bare commas within fields stay as they are."""
    rows = pl.read_csv(text.encode(), infer_schema=False)
    numbers = pl.all().str.replace(r"^(-?\d+)\.(\d+_*)$", "$1,$2")
    return rows.select(numbers).write_csv(separator=";")


def encode(to: str) -> Callable[[str], bytes]:
    return lambda text: text.encode(to)


@pytest.mark.parametrize(
    ("words", "write"),
    [
        ('separator = ";"\ndecimal = ","', lambda text: by_semicolons(text).encode()),
        (
            'separator = "\\t"',
            lambda text: pl.read_csv(text.encode(), infer_schema=False).write_csv(separator="\t").encode(),
        ),
        ('encoding = "utf-16"', encode("utf-16")),
        ('encoding = "latin-1"', encode("latin-1")),
    ],
)
def test_fault_88_a_file_written_as_declared_is_read_like_a_plain_one(
    words: str, write: Callable[[str], bytes], book: Path, tmp_path: Path
) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    plain = financials(declare(tmp_path, ""))
    text = (book / FINANCIALS).read_text(encoding="utf-8")
    (tmp_path / FINANCIALS).write_bytes(write(text))
    assert financials(declare(tmp_path, words)).equals(plain)


def test_a_parquet_file_and_one_without_a_header_are_read_like_a_plain_one(
    book: Path, tmp_path: Path
) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    plain = financials(declare(tmp_path, ""))
    rows = pl.read_csv(book / FINANCIALS, infer_schema=False)
    rows.write_parquet(tmp_path / "financials.parquet")
    assert financials(declare(tmp_path, 'format = "parquet"', "financials.parquet")).equals(plain)
    rows.write_csv(tmp_path / "bare.csv", include_header=False)
    assert financials(declare(tmp_path, f"header = {rows.columns}", "bare.csv")).equals(plain)


def test_several_files_by_a_pattern_are_one_source(book: Path, tmp_path: Path) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    plain = financials(declare(tmp_path, ""))
    rows = pl.read_csv(book / FINANCIALS, infer_schema=False)
    for place, part in enumerate((rows.head(40), rows.tail(-40))):
        part.write_csv(tmp_path / f"part_{place}.csv")
    assert financials(declare(tmp_path, "", "part_*.csv")).equals(plain)


def test_a_file_that_changes_is_copied_again(book: Path, tmp_path: Path) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    file = tmp_path / FINANCIALS
    text = file.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-16")
    before = financials(declare(tmp_path, 'encoding = "utf-16"'))
    file.write_text(text[: text.rindex("\n", 0, -1) + 1], encoding="utf-16")
    after = financials(declare(tmp_path, 'encoding = "utf-16"'))
    assert after.height == before.height - 1
    assert len(list((tmp_path / "datamart" / "landing" / "financials.plain").iterdir())) == 1


def test_fault_88_what_is_not_declared_is_refused_with_the_line_to_declare(
    book: Path, tmp_path: Path
) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    text = (book / FINANCIALS).read_text(encoding="utf-8")
    (tmp_path / FINANCIALS).write_text(by_semicolons(text), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"declare it of financials in lender.toml: separator = ';'"):
        financials(declare(tmp_path, ""))
    (tmp_path / FINANCIALS).write_text(text, encoding="utf-16")
    with pytest.raises(BadInputError, match=r"declare it in lender.toml: encoding = 'utf-16'"):
        financials(declare(tmp_path, ""))


def test_a_file_that_is_not_as_declared_is_refused_with_what_to_correct(book: Path, tmp_path: Path) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    (tmp_path / FINANCIALS).write_bytes("Customer_ID;town\n1;Köln\n".encode("latin-1"))
    with pytest.raises(BadInputError, match=r"Correct encoding and separator of financials in lender\.toml"):
        financials(declare(tmp_path, 'separator = ";"'))
    with pytest.raises(BadInputError, match=r"Correct its format in lender\.toml"):
        financials(declare(tmp_path, 'format = "parquet"'))


@pytest.mark.parametrize(
    "line", ["1;Ann, Lee;2,5", "1;Ann", "1;Ann;2,5;more;", '1;"Ann;Lee";2,5', ";;", '1;A"B;7']
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_field_of_a_text_file_is_in_its_copy(line: str, end: str, tmp_path: Path) -> None:
    """Also where one is quoted, or too many or too few are there."""
    lines = ["id;name;amount", line, "2;Ben;-3,25", "3;Cy;1.000,5"]
    file = tmp_path / "a.csv"
    file.write_bytes(end.join([*lines, ""]).encode("latin-1"))
    declared = source(separator=";", decimal=",", encoding="latin-1")
    copy = copy_plainly(declared, [file], tmp_path / "plain")
    expected = [
        [*row[:2], *(cell.replace(".", "").replace(",", ".") for cell in row[2:3]), *row[3:]]
        for row in csv.reader(lines, delimiter=";")
    ]
    with copy.open(newline="") as text:
        rows = [row + [""] * (3 - len(row)) for row in csv.reader(text)]
    assert rows == [row + [""] * (3 - len(row)) for row in expected]


def test_a_line_of_a_copy_is_named_as_the_sender_knows_it(tmp_path: Path) -> None:
    for place in (0, 1):
        (tmp_path / f"a{place}.csv").write_text("id;name;amount\n1;Ann;1\n2;Ben;2\n")
        (tmp_path / f"b{place}.csv").write_text("1;Ann;1\n2;Ben;2\n")
    one, two = tmp_path / "a0.csv", tmp_path / "a1.csv"
    alone = copy_plainly(source(separator=";"), [one], tmp_path / "alone")
    assert (sender_of(alone), line_of_sender(alone, 3)) == (str(one), "line 3")
    both = copy_plainly(source(separator=";"), [one, two], tmp_path / "both")
    assert sender_of(both) == f"{one} and 1 more of its kind"
    assert name_of_sender(both) == f"{one.name} and 1 more of its kind"
    assert [line_of_sender(both, n) for n in (3, 4)] == [f"line 3 of {one}", f"line 2 of {two}"]
    bare = [tmp_path / "b0.csv", tmp_path / "b1.csv"]
    headless = copy_plainly(source(separator=";", header=("id", "name", "amount")), bare, tmp_path / "bare")
    assert [line_of_sender(headless, n) for n in (2, 4)] == [f"line 1 of {bare[0]}", f"line 1 of {bare[1]}"]
    assert (sender_of(one), line_of_sender(one, 3)) == (str(one), "line 3")


def test_what_is_wrong_in_a_file_that_is_copied_names_the_file_that_was_sent(
    book: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    file = tmp_path / FINANCIALS
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("2023-02-01", "spring", 1), encoding="utf-16")
    with caplog.at_level(logging.WARNING, "vintage"):
        financials(declare(tmp_path, 'encoding = "utf-16"'))
    line = text[: text.index("2023-02-01")].count("\n") + 1
    assert f"{file} has 1 rows whose month cannot be told, such as 'spring' in line {line}." in caplog.text
    file.write_text(text.replace("Annual_Income", "Income"), encoding="utf-16")
    with pytest.raises(BadInputError, match=f"^{re.escape(str(file))} lacks the column Annual_Income"):
        financials(declare(tmp_path, 'encoding = "utf-16"'))


def test_a_delta_table_is_read_like_a_plain_file_and_copied_again_when_it_changes(
    book: Path, tmp_path: Path
) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    plain = financials(declare(tmp_path, ""))
    rows = pl.read_csv(book / FINANCIALS, infer_schema=False)
    rows.head(40).write_delta(tmp_path / "financials")
    first = financials(declare(tmp_path, 'format = "delta"', "financials"))
    rows.tail(-40).write_delta(tmp_path / "financials", mode="append")
    both = financials(declare(tmp_path, 'format = "delta"', "financials"))
    order = ["Customer_ID", "snapshot_date"]
    assert first.height == 40
    assert both.sort(order).equals(plain.sort(order))


def test_a_folder_that_is_no_delta_table_is_missing(book: Path, tmp_path: Path) -> None:
    shutil.copytree(book, tmp_path, dirs_exist_ok=True)
    (tmp_path / "financials").mkdir()
    with pytest.raises(BadInputError, match="The file of financials is missing"):
        financials(declare(tmp_path, 'format = "delta"', "financials"))


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1.234.567,89", "1234567.89"),
        ("1.234", "1234"),
        ("-12,5", "-12.5"),
        ("12,5 %", "12.5 %"),
        ("€ 1.000,00", "€ 1000.00"),
        ("1 234 567,89", "1234567.89"),
        ("1\u00a0234,50 €", "1234.50 €"),
        ("-1\u202f234", "-1234"),
        ("1'234,5", "1234.5"),
        ("1 2 3", "1 2 3"),
        ("1.5", "1.5"),
        ("0.125", "0.125"),
        ("1,2,3", "1,2,3"),
        ("12.34,5", "12.34,5"),
    ],
)
def test_a_number_of_a_file_with_decimal_commas_has_a_point_and_no_groups(
    written: str, number: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"id;name;amount\n1;{written};{written}\n", encoding="utf-8")
    copy = copy_plainly(source(separator=";", decimal=","), [file], tmp_path / "plain")
    with copy.open(encoding="utf-8", newline="") as text:
        assert list(csv.reader(text))[1] == ["1", written, number]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1,234,567.89", "1234567.89"),
        ("1,234", "1234"),
        ("$ 1,000.00", "$ 1000.00"),
        ("1\u2019234.50", "1234.50"),
        ("1 234", "1234"),
        ("-12.5", "-12.5"),
        ("12,5", "12,5"),
        ("1.234,5", "1.234,5"),
        ("0,125", "0,125"),
        ("1,2,3", "1,2,3"),
    ],
)
def test_a_number_of_a_file_whose_decimal_point_is_declared_has_no_groups(
    written: str, number: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f'id,name,amount\n1,"{written}","{written}"\n', encoding="utf-8")
    copy = copy_plainly(source(decimal="."), [file], tmp_path / "plain")
    with copy.open(encoding="utf-8", newline="") as text:
        assert list(csv.reader(text))[1] == ["1", written, number]


def test_a_file_is_read_as_it_came_where_no_decimal_sign_is_declared(tmp_path: Path) -> None:
    assert is_plain(source(), [tmp_path / "a.csv"])
    assert not is_plain(source(decimal="."), [tmp_path / "a.csv"])


def test_a_number_of_a_typed_table_is_none_with_points_between_thousands(tmp_path: Path) -> None:
    rows = pl.DataFrame({"id": ["1", "2"], "name": ["A", "B"], "amount": [1.234, 1234.5]})
    rows.write_parquet(tmp_path / "a.parquet")
    declared = source(format="parquet", decimal=",")
    copy = copy_plainly(declared, [tmp_path / "a.parquet"], tmp_path / "plain")
    assert pl.read_csv(copy)["amount"].to_list() == [1.234, 1234.5]
    assert line_of_sender(copy, 3) == "row 2"
