"""A raw file is read in pieces; what a piece begins or ends with must not matter."""

from pathlib import Path

import pytest

from tasks.errors import BadInputError
from tasks.ingestion.raw_files import CHUNK, check_file
from tasks.schemas.catalog import SOURCES

ATTRIBUTES, LOANS = SOURCES["attributes"], SOURCES["loans"]
HEADER = ",".join(ATTRIBUTES.columns).encode() + b"\n"
FILLING = b"\n" * (CHUNK - len(HEADER) - 1)  # one byte less than the first piece holds


def test_a_letter_across_two_pieces_is_text(tmp_path: Path) -> None:
    path = tmp_path / "attributes.csv"
    path.write_bytes(HEADER + FILLING + "é\n".encode())
    check_file(path, ATTRIBUTES)


@pytest.mark.parametrize("ending", [b"\xc3A\n", b"\xc3", b"a\xff\n"])
def test_a_byte_that_is_no_text_is_named_by_its_line(tmp_path: Path, ending: bytes) -> None:
    path = tmp_path / "attributes.csv"
    path.write_bytes(HEADER + FILLING + ending)
    with pytest.raises(BadInputError, match=rf"not UTF-8 text \(line {len(FILLING) + 2}\)"):
        check_file(path, ATTRIBUTES)


def test_a_line_cut_off_after_a_date_that_is_not_its_last_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loans.csv"
    path.write_text(",".join(LOANS.columns) + "\nCUS_0x1_2023_01_01,CUS_0x1,2023-01-01")
    with pytest.raises(BadInputError, match="cut off"):
        check_file(path, LOANS)


LONG = b"x" * CHUNK


@pytest.mark.parametrize(
    "row",
    [
        b"CUS_0x1," + LONG + b",30,,Lawyer,2023-01-01\n",
        b'CUS_0x1,"' + LONG + b'",30,,Lawyer,2023-01-01\n',
        b'CUS_0x1,"' + b"x\n" * CHUNK + b'",30,,Lawyer,2023-01-01\n',
        b'CUS_0x1,"never closed,30,,Lawyer,2023-01-01\n' + FILLING * 2,
    ],
    ids=["line", "quoted field", "quoted lines", "open quote"],
)
def test_a_row_longer_than_a_mebibyte_is_refused_by_its_line_and_the_size_of_the_file(
    tmp_path: Path, row: bytes
) -> None:
    path = tmp_path / "attributes.csv"
    path.write_bytes(HEADER + b"\n" * 7 + row)
    size = f"{path.stat().st_size / 1e6:,.0f} MB"
    with pytest.raises(
        BadInputError, match=rf"\({size}\) has a row that begins in line 9 and is longer than 1"
    ):
        check_file(path, ATTRIBUTES)


@pytest.mark.parametrize("place", [0, 1, 7, 60])
def test_rows_with_quotes_are_told_apart_wherever_the_file_is_cut_into_pieces(
    tmp_path: Path, place: int
) -> None:
    path, row = tmp_path / "attributes.csv", b'CUS_0x1,"a ""b""\nc",30,,Lawyer,2023-01-01\n'
    path.write_bytes(HEADER + b"\n" * place + row * (3 * CHUNK // len(row)))
    check_file(path, ATTRIBUTES)
