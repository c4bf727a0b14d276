from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.ingestion import landing
from tasks.schemas.catalog import SOURCES
from tests.builders import month

ATTRIBUTES = SOURCES["attributes"]
HEADER = ",".join(ATTRIBUTES.columns)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data = tmp_path / "März [new], 50 %"  # as people call their folders
    data.mkdir()
    return Settings(data=data, datamart=tmp_path / "März (new)")


def deliver(
    settings: Settings, *lines: str, header: str = HEADER, name: str = "features_attributes.csv"
) -> None:
    (settings.data / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def read(settings: Settings, number: int = 0) -> pl.DataFrame:
    return landing.read_months(ATTRIBUTES, [month(number)], settings)


def test_a_month_has_its_own_rows_as_received(settings: Settings) -> None:
    deliver(settings, 'CUS_0x1,"Ann, B",40_,x,Lawyer,2023-01-01', "CUS_0x2,C,1,x,y,2023-02-01")
    got = read(settings)
    assert got["Name"].to_list() == ["Ann, B"]
    assert got["Age"].to_list() == ["40_"]
    assert got["source_file"].to_list() == ["features_attributes.csv"]
    assert list(landing.count_rows(ATTRIBUTES, settings)) == [month(0), month(1)]


def test_all_months_at_once_have_the_rows_of_each_alone(settings: Settings) -> None:
    days = ["2023-01-01", "31/01/2023", "2023-02-01", "someday", "2023-03-01"]
    deliver(settings, *(f"CUS_0x{place},A,1,x,y,{day}" for place, day in enumerate(days)))
    months = [month(0), month(1), month(2)]
    whole = landing.read_months(ATTRIBUTES, months, settings)
    alone = [landing.read_months(ATTRIBUTES, [one], settings) for one in months]
    assert_frame_equal(whole.sort("Customer_ID"), pl.concat(alone).sort("Customer_ID"))
    assert whole["snapshot_date"].value_counts(sort=True)["count"].to_list() == [2, 1, 1]


def test_a_row_of_no_month_is_handed_out_once_a_month(settings: Settings) -> None:
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01", "CUS_0x2,A,1,x,y,someday")
    undated = landing.read_months(ATTRIBUTES, [month(0), month(1)], settings, dated=False)
    assert undated["Customer_ID"].to_list() == ["CUS_0x2", "CUS_0x2"]
    assert undated["snapshot_date"].to_list() == [month(0), month(1)]


@pytest.mark.parametrize("written", ["2023-01-17", "31/01/2023", "2023-01-99"])
def test_a_row_with_a_wrong_date_still_lands_in_the_month_it_names(settings: Settings, written: str) -> None:
    deliver(settings, f"CUS_0x1,A,1,x,y,{written}")
    assert read(settings)["snapshot_date_raw"].to_list() == [written]


def test_a_field_too_many_is_kept_in_overflow(settings: Settings) -> None:
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01,extra")
    assert read(settings)["overflow"].to_list() == ["extra"]


def test_columns_may_come_in_another_order_with_others_between(settings: Settings) -> None:
    deliver(
        settings,
        "2023-01-01,new,y,x,1,A,CUS_0x1",
        header="snapshot_date,New,Occupation,SSN,Age,Name,Customer_ID",
    )
    assert read(settings)["Occupation"].to_list() == ["y"]


def test_the_other_spelling_of_the_file_name_is_found(settings: Settings) -> None:
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01", name="feature_attributes.csv")
    assert read(settings)["source_file"].to_list() == ["feature_attributes.csv"]


def test_a_changed_file_is_read_again(settings: Settings) -> None:
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01")
    assert read(settings).height == 1
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01", "CUS_0x2,A,1,x,y,2023-01-01")
    assert read(settings).height == 2
    assert len(list((settings.datamart / "landing" / "attributes").iterdir())) == 1


def test_a_missing_file_is_named(settings: Settings) -> None:
    with pytest.raises(BadInputError, match=r"features_attributes.csv or feature_attributes.csv in .*data"):
        read(settings)


def test_a_missing_column_is_named(settings: Settings) -> None:
    deliver(settings, header=HEADER.replace("Age", "Years"))
    with pytest.raises(BadInputError, match="lacks the column Age"):
        read(settings)


def test_a_file_that_was_changed_to_the_same_size_is_read_again(settings: Settings) -> None:
    for age in ("41", "42"):
        deliver(settings, f"CUS_0x1,A,{age},x,y,2023-01-01", "CUS_0x2,A,1,x,y,2023-02-01")
        assert read(settings)["Age"].to_list() == [age]


def test_what_another_run_is_making_is_left_alone(settings: Settings) -> None:
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01")
    read(settings)
    work = settings.datamart / "landing" / "attributes" / ".tmp-of-another-run"
    work.mkdir()
    deliver(settings, "CUS_0x1,A,1,x,y,2023-01-01", "CUS_0x2,A,1,x,y,2023-01-01")
    read(settings)
    assert work.is_dir()


@pytest.mark.parametrize("written", ["0023-01-01", "9023-01-01", "2023-13-01"])
def test_a_date_beyond_all_years_names_no_month(settings: Settings, written: str) -> None:
    deliver(settings, f"CUS_0x1,A,1,x,y,{written}", "CUS_0x2,A,1,x,y,2023-01-01")
    assert list(landing.count_rows(ATTRIBUTES, settings)) == [month(0)]
    undated = landing.read_months(ATTRIBUTES, [month(0)], settings, dated=False)
    assert undated["snapshot_date_raw"].to_list() == [written]
