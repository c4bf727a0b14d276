"""Raw files that lie in an object store are read as those of a folder."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings, checked_settings
from tasks.errors import BadInputError, StorageError
from tasks.ingestion import raw_folder
from tasks.ingestion.raw_files import raw_file, sent_file
from tasks.ingestion.raw_folder import local_data
from tasks.place import ObjectPlace
from tasks.schemas.catalog import SOURCES
from tests.builders import all_tables, month, months, quick_settings, take_in, write_book

LOANS = "lms_loan_daily.csv"


def send(folder: Path, place: ObjectPlace) -> None:
    """Upload the files of a folder."""
    for file in folder.rglob("*"):
        if file.is_file():
            (place / file.relative_to(folder).as_posix()).write_bytes(file.read_bytes())


def look_again() -> None:
    """As a process that begins: nothing of the object store was looked at."""
    raw_folder._versions.cache_clear()


@pytest.fixture
def place(bucket: ObjectPlace, request: pytest.FixtureRequest) -> ObjectPlace:
    """A place of the test's own."""
    return bucket / f"raw-{abs(hash(request.node.nodeid))}"


def test_the_tables_are_those_of_a_folder(place: ObjectPlace, tmp_path: Path) -> None:
    folder = write_book(tmp_path / "data", n_months=2, loans_per_month=20)
    send(folder, place)
    home = tmp_path / "remote"
    here = quick_settings(folder, tmp_path / "here")
    there = checked_settings({**here.model_dump(), "data": str(place), "datamart": home / "datamart"})
    for settings in (here, there):
        take_in(settings, months(2))
    expected, found = (all_tables(settings, until=month(2)) for settings in (here, there))
    assert expected["gold.feature_store"].height
    for name, table in expected.items():
        assert_frame_equal(found[name], table)
    assert [file for file in home.rglob("*") if file.name == LOANS] == []


def test_a_lender_of_an_object_store_declares_itself(place: ObjectPlace) -> None:
    declared = Path("governance/lender.toml").read_text(encoding="utf-8")
    (place / "lender.toml").write_bytes(declared.replace("mob = 6", "mob = 4").encode())
    assert checked_settings({"data": str(place)}).label_mob == 4


def test_a_file_is_copied_once_a_version_and_one_that_is_gone_is_forgotten(place: ObjectPlace) -> None:
    for name in ("one.csv", "two.csv", "table/_delta_log/0.json", "table/part.parquet", "tables/other.csv"):
        (place / name).write_bytes(b"a\n1\n")
    copies = local_data(place, "*.csv")
    assert sorted(file.name for file in copies.rglob("*.*")) == ["one.csv", "two.csv"]
    local_data(place, "table")
    assert [path.name for path in sorted(copies.iterdir())] == ["one.csv", "table", "two.csv"]
    before = copies.joinpath("one.csv").stat().st_mtime_ns
    (place / "two.csv").write_bytes(b"a\n2\n")
    (place / "table").remove()
    look_again()
    assert local_data(place) == copies
    assert copies.joinpath("one.csv").stat().st_mtime_ns == before
    assert copies.joinpath("two.csv").read_bytes() == b"a\n2\n"
    assert [file for file in copies.joinpath("table").rglob("*") if file.is_file()] == []


def test_a_pattern_with_two_stars_reaches_files_at_any_depth(place: ObjectPlace) -> None:
    (place / "bureau/2024/01.csv").write_bytes(b"a\n1\n")
    assert [file.name for file in local_data(place, "bureau/**/*.csv").glob("bureau/**/*.csv")] == ["01.csv"]


def test_messages_name_the_place_that_the_file_was_sent_to(place: ObjectPlace) -> None:
    settings = Settings(data=place)
    with pytest.raises(BadInputError, match=rf"looked for {LOANS} in {place}\. Put it there"):
        raw_file(SOURCES["loans"], settings)
    (place / LOANS).write_bytes(b"a\n1\n")
    look_again()
    assert sent_file(SOURCES["loans"], settings) == f"{place}/{LOANS}"


def test_a_bucket_that_does_not_exist_is_one_sentence(bucket: ObjectPlace) -> None:
    with pytest.raises(StorageError, match="s3://no-such-lake/data is in a bucket that does not exist"):
        local_data(ObjectPlace("s3://no-such-lake/data"))
