"""Files that are declared to be written in another way give the tables of plain ones."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings, checked_settings
from tasks.errors import BadInputError
from tasks.ingestion import landing
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
