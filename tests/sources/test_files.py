"""Files of other teams' sources: layouts that are handled, mistakes that name file and column."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.governance.sources import Declared
from tasks.sources.files import (
    DAY,
    KEY,
    Format,
    SourceGoneError,
    find_files,
    read_file,
    read_numbers,
    read_rows,
)

ROWS = pl.DataFrame(
    {
        "id": ["C1", "C1", "C2", "C3"],
        "day": [date(2023, 1, 1), date(2023, 2, 1), date(2023, 1, 1), date(2023, 2, 1)],
        "score": [1.5, None, -2.0, 3.0],
        "group": ["a", "b", None, "a"],
    }
)


def declared(where: str | tuple[str, ...], kind: Format, **fields: object) -> Declared:
    said = {"name": "team", "owner": "Team", "key": "id", "matches": "customer_id", "date": "day", **fields}
    return Declared.model_validate({**said, "where": where, "format": kind})


def read(folder: Path, where: str | tuple[str, ...], kind: Format) -> pl.DataFrame:
    rows = read_rows(declared(where, kind), Settings(data=folder), until=date(2023, 12, 31))
    return read_numbers(rows)


def one_file(folder: Path) -> tuple[str, Format]:
    ROWS.write_parquet(folder / "all.parquet")
    return "all.parquet", "parquet"


def text_file(folder: Path) -> tuple[str, Format]:
    ROWS.write_csv(folder / "all.csv")
    return "all.csv", "csv"


def one_a_month(folder: Path) -> tuple[str, Format]:
    for day, rows in ROWS.group_by("day"):
        (folder / "months").mkdir(exist_ok=True)
        rows.write_csv(folder / "months" / f"{day[0]}.csv")
    return "months", "csv"


def by_pattern(folder: Path) -> tuple[str, Format]:
    for day, rows in ROWS.group_by("day"):
        rows.write_parquet(folder / f"team_{day[0]}.parquet")
    (folder / "other.parquet").write_bytes(b"not ours")
    return "team_*.parquet", "parquet"


def delta_table(folder: Path) -> tuple[str, Format]:
    ROWS.write_delta(folder / "table")
    return "table", "delta"


def address_of_a_pattern(folder: Path) -> tuple[str, Format]:
    by_pattern(folder)
    return f"file://{folder}/team_*.parquet", "parquet"


def address_of_a_folder(folder: Path) -> tuple[str, Format]:
    one_a_month(folder)
    return f"file://{folder}/months/", "csv"


def address_of_a_table(folder: Path) -> tuple[str, Format]:
    delta_table(folder)
    return f"file://{folder}/table", "delta"


LAYOUTS = [one_file, text_file, one_a_month, by_pattern, delta_table]
ADDRESSES = [address_of_a_pattern, address_of_a_folder, address_of_a_table]


@pytest.mark.parametrize("lay", [*LAYOUTS, *ADDRESSES])
def test_every_layout_gives_the_same_rows(lay: Callable[[Path], tuple[str, Format]], tmp_path: Path) -> None:
    where, kind = lay(tmp_path)
    expected = ROWS.rename({"id": KEY, "day": DAY}).sort(KEY, DAY)
    assert_frame_equal(read(tmp_path, where, kind), expected, check_column_order=False)


@pytest.mark.parametrize("lay", LAYOUTS)
def test_a_folder_may_be_called_as_people_call_them(
    lay: Callable[[Path], tuple[str, Format]], tmp_path: Path
) -> None:
    brackets = "" if lay is delta_table else " [old]"  # see the test below
    folder = tmp_path / f"März, a #1 & 2 (new){brackets}"
    folder.mkdir()
    assert read(folder, *lay(folder)).height == ROWS.height


def test_a_delta_table_that_could_not_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"cannot be read as delta: its path holds a \["):
        read_file(str(tmp_path / "table [old]"), "delta", Settings())


def test_a_row_that_was_sent_twice_counts_once(tmp_path: Path) -> None:
    pl.concat([ROWS, ROWS.head(2)]).write_parquet(tmp_path / "all.parquet")
    assert read(tmp_path, "all.parquet", "parquet").height == ROWS.height


def test_rows_without_a_key_are_left_out(tmp_path: Path) -> None:
    odd = ROWS.with_columns(id=pl.when(pl.col("id") != "C2").then("id"))
    odd.write_parquet(tmp_path / "all.parquet")
    assert set(read(tmp_path, "all.parquet", "parquet")[KEY]) == {"C1", "C3"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_without_a_date_are_left_out(tmp_path: Path, kind: Format) -> None:
    undated = ROWS.head(2).with_columns(day=pl.lit(None, pl.Date))
    rows = pl.concat([ROWS, undated])
    file = tmp_path / f"all.{kind}"
    if kind == "csv":
        rows.write_csv(file)
    else:
        rows.write_parquet(file)
    expected = ROWS.rename({"id": KEY, "day": DAY}).sort(KEY, DAY)
    assert_frame_equal(read(tmp_path, file.name, kind), expected, check_column_order=False)


def test_blank_ids_are_no_ids(tmp_path: Path) -> None:
    blank = ROWS.head(1).with_columns(id=pl.lit("  "))
    padded = ROWS.with_columns(pl.col("id") + " ")
    pl.concat([padded, blank, blank.with_columns(score=pl.lit(8.0))]).write_parquet(tmp_path / "all.parquet")
    assert read(tmp_path, "all.parquet", "parquet")[KEY].to_list() == ROWS.sort("id", "day")["id"].to_list()


def test_an_empty_month_of_unknown_types_is_no_error(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "a.parquet")
    pl.DataFrame(schema=dict.fromkeys(ROWS.columns, pl.Null)).write_parquet(tmp_path / "b.parquet")
    assert read(tmp_path, "*.parquet", "parquet").height == ROWS.height


def test_brackets_in_the_name_of_a_file_are_brackets(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "final [2].parquet")
    assert read(tmp_path, "final [2].parquet", "parquet").height == ROWS.height


def test_a_pattern_may_be_one_of_folders(tmp_path: Path) -> None:
    for day, rows in ROWS.group_by("day"):
        folder = tmp_path / str(day[0])
        folder.mkdir()
        rows.write_parquet(folder / "rows.parquet")
    assert read(tmp_path, "*/rows.parquet", "parquet").height == ROWS.height


def test_a_delta_table_is_not_read_as_loose_files(tmp_path: Path) -> None:
    (tmp_path / "gold").mkdir()
    delta_table(tmp_path / "gold")
    with pytest.raises(BadInputError, match=r"gold/table is a Delta table\. Declare it as one"):
        find_files(["gold"], "parquet", Settings(data=tmp_path))


def test_a_column_that_newer_files_lost_is_told(tmp_path: Path) -> None:
    first, second = (
        ROWS.filter(pl.col("day") == ROWS["day"].min()),
        ROWS.filter(pl.col("day") > ROWS["day"].min()),
    )
    first.write_parquet(tmp_path / "a.parquet")
    second.rename({"score": "points"}).write_parquet(tmp_path / "b.parquet")
    source, settings = declared("*.parquet", "parquet"), Settings(data=tmp_path)
    with pytest.raises(BadInputError, match=r"b\.parquet has no column 'score' any more"):
        read_rows(source, settings, until=date(2023, 2, 1), needs=["score"])
    assert read_rows(source, settings, until=date(2023, 1, 31), needs=["score", "points"]).height == 2
    with pytest.raises(BadInputError, match="has no column 'other' any more"):
        read_rows(source, settings, until=date(2023, 1, 31), needs=["other"])


def test_types_that_do_not_go_together_are_told_with_both_files_and_the_column(tmp_path: Path) -> None:
    ROWS.head(2).write_parquet(tmp_path / "a.parquet")
    ROWS.tail(2).with_columns(score=pl.lit([1.0])).write_parquet(tmp_path / "b.parquet")
    said = r"column score is of the type Float64 in \S*a\.parquet and List\(Float64\) in \S*b\.parquet"
    with pytest.raises(BadInputError, match=said):
        read(tmp_path, "*.parquet", "parquet")


def test_numbers_of_one_file_and_text_of_another_are_brought_together(tmp_path: Path) -> None:
    ROWS.head(2).write_parquet(tmp_path / "a.parquet")
    ROWS.tail(2).with_columns(pl.col("score").cast(pl.String)).write_parquet(tmp_path / "b.parquet")
    rows = read(tmp_path, "*.parquet", "parquet")
    assert rows["score"].dtype == pl.Float64
    assert rows["score"].to_list() == ROWS.sort("id", "day")["score"].to_list()


def test_keys_of_numbers_and_of_text_are_the_same_keys(tmp_path: Path) -> None:
    ROWS.with_columns(id=pl.Series([1, 1, 2, 3])).write_parquet(tmp_path / "all.parquet")
    assert read(tmp_path, "all.parquet", "parquet")[KEY].to_list() == ["1", "1", "2", "3"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda rows: rows.rename({"id": "customer"}),
            r"bad\.parquet has no column 'id'.*it has customer, day",
        ),
        (lambda rows: rows.drop("day"), r"bad\.parquet has no column 'day'"),
        (
            lambda rows: rows.with_columns(day=pl.lit("31/12/2023")),
            r"bad\.parquet, column day: '31/12/2023' is",
        ),
        (
            lambda rows: rows.with_columns(day=pl.duration(days=1)),
            r"bad\.parquet, column day, is of the type Duration",
        ),
        (
            lambda rows: rows.with_columns(id=pl.concat_list("id")),
            r"bad\.parquet, column id, is of the type List\(String\), which is no id",
        ),
        (
            lambda rows: pl.concat([rows, rows.with_columns(score=pl.lit(9.0))]),
            r"several different rows of one key and date, such as C1 on 2023-01-01 \(8 such rows\)",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_and_column(
    tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame], said: str
) -> None:
    change(ROWS).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(BadInputError, match=said):
        read(tmp_path, "bad.parquet", "parquet")


def test_a_file_of_another_format_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("id,day\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"bad\.parquet cannot be read as parquet"):
        read(tmp_path, "bad.parquet", "parquet")


@pytest.mark.parametrize("where", ["gone.parquet", "gone", "gone/*.parquet"])
def test_where_there_is_nothing_it_says_so(tmp_path: Path, where: str) -> None:
    with pytest.raises(BadInputError, match="There is no parquet file at"):
        find_files([where], "parquet", Settings(data=tmp_path))


@pytest.mark.parametrize(("name", "kind"), [("gone/*.csv", "csv"), ("x.parquet", "parquet"), ("t", "delta")])
def test_an_address_where_nothing_is_counts_as_gone(tmp_path: Path, name: str, kind: Format) -> None:
    with pytest.raises(SourceGoneError, match="There is no"):
        read_file(f"file://{tmp_path}/{name}", kind, Settings())


def test_a_table_that_is_broken_is_told(tmp_path: Path) -> None:
    delta_table(tmp_path)
    next((tmp_path / "table").glob("*.parquet")).unlink()
    with pytest.raises(BadInputError, match="table cannot be read as delta"):
        read_file(str(tmp_path / "table"), "delta", Settings())


def test_what_later_rows_say_changes_no_earlier_row(tmp_path: Path) -> None:
    later = ROWS.with_columns(day=pl.lit(date(2024, 9, 1)), group=pl.lit("7"), score=pl.lit(1.0))
    text = pl.concat([ROWS, later, later.with_columns(score=pl.lit(2.0))]).with_columns(
        pl.col("score").cast(pl.String)
    )
    text.write_csv(tmp_path / "long.csv")
    ROWS.write_csv(tmp_path / "short.csv")
    assert_frame_equal(read(tmp_path, "long.csv", "csv"), read(tmp_path, "short.csv", "csv"))


def test_a_day_is_that_of_its_own_time_zone(tmp_path: Path) -> None:
    early = pl.col("day").cast(pl.Datetime).dt.replace_time_zone("Asia/Singapore")
    ROWS.with_columns(early).write_parquet(tmp_path / "all.parquet")
    assert read(tmp_path, "all.parquet", "parquet")[DAY].to_list() == ROWS.sort("id", "day")["day"].to_list()
