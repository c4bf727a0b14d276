"""A table that was written by code with fewer columns, with more, or with others."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from tasks.config import Settings
from tasks.errors import StorageError
from tasks.lender.current import lender
from tasks.schemas.catalog import TABLES, Table, tables_of
from tasks.store import handles, tables
from tests.builders import month

NAME = "gold.label_store"
JAN, FEB, MAR = month(0), month(1), month(2)
OLD = TABLES[NAME]
Code = Callable[[Table], None]


def with_column(table: Table, column: str, kind: pl.DataType) -> Table:
    return Table({**table.columns, column: kind}, table.key)


WIDE = with_column(OLD, "worst_dpd", pl.Int32())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    chosen = Settings(datamart=tmp_path / "datamart")
    tables.create_missing(chosen)
    return chosen


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Code:
    """Let the code have another catalog from here on."""
    return lambda table: monkeypatch.setitem(tables_of(lender()), NAME, table)


def write(settings: Settings, day: date, *, loan: str = "a", worst_dpd: int | None = None) -> int:
    given = {
        "loan_id": loan,
        "customer_id": loan,
        "loan_start_date": JAN,
        "snapshot_date": day,
        "dpd": 0,
        "label": 0,
        "label_def": "30dpd_6mob",
        "worst_dpd": worst_dpd,
    }
    columns = TABLES[NAME].columns
    rows = pl.DataFrame([{name: given[name] for name in columns}], schema=columns)
    tables.replace_partitions(NAME, rows, days=[day], settings=settings)
    return tables.version_of(NAME, settings)


def stored(settings: Settings, column: str = "worst_dpd") -> list[object]:
    return tables.scan(NAME, settings).sort("snapshot_date").collect()[column].to_list()


def test_a_column_that_old_months_lack_is_null_there_and_of_the_type_of_the_catalog(
    settings: Settings, use: Code
) -> None:
    write(settings, JAN)
    use(WIDE)
    for rows in (tables.scan(NAME, settings).collect(), tables.read(NAME, settings, on=JAN)):
        assert rows.schema == WIDE.columns
        assert rows["worst_dpd"].to_list() == [None]
    write(settings, FEB, worst_dpd=7)
    assert stored(settings) == [None, 7]


def test_a_write_gives_the_table_the_new_column_for_every_reader_of_delta(
    settings: Settings, use: Code
) -> None:
    before = write(settings, JAN)
    properties = tables.open_table(NAME, settings).metadata().configuration
    use(WIDE)
    write(settings, FEB, worst_dpd=7)
    delta = DeltaTable(tables.path_of(NAME, settings))
    assert pl.read_delta(str(tables.path_of(NAME, settings))).sort("snapshot_date")[
        "worst_dpd"
    ].to_list() == [
        None,
        7,
    ]
    assert delta.metadata().configuration == properties
    assert delta.metadata().partition_columns == ["snapshot_date"]
    assert tables.scan(NAME, settings, version=before).collect()["worst_dpd"].to_list() == [None]


def test_a_column_that_the_code_gave_up_is_not_read_and_writes_go_on(settings: Settings, use: Code) -> None:
    use(WIDE)
    before = write(settings, JAN, worst_dpd=3)
    use(OLD)
    assert tables.scan(NAME, settings).collect().columns == list(OLD.columns)
    assert write(settings, JAN) == before
    write(settings, FEB)
    write(settings, MAR)
    write(settings, JAN, loan="b")
    assert stored(settings, "loan_id") == ["b", "a", "a"]
    assert "worst_dpd" not in pl.read_delta(str(tables.path_of(NAME, settings))).columns
    assert pl.read_delta(str(tables.path_of(NAME, settings)), version=before)["worst_dpd"].to_list() == [3]


def test_a_month_that_lacks_a_column_is_told_from_one_in_which_it_is_null(
    settings: Settings, use: Code
) -> None:
    write(settings, JAN)
    use(WIDE)
    write(settings, FEB, worst_dpd=None)
    assert tables.missing_columns(NAME, settings) == {JAN: {"worst_dpd"}}
    assert tables.missing_columns(NAME, settings, on=[FEB]) == {}


def test_a_month_that_is_run_again_gets_its_column_although_that_is_null_and_then_no_more_versions(
    settings: Settings, use: Code
) -> None:
    before = write(settings, JAN)
    use(WIDE)
    after = write(settings, JAN)
    assert after == before + 1
    assert tables.missing_columns(NAME, settings) == {}
    assert tables.missing_columns(NAME, settings, version=before) == {JAN: {"worst_dpd"}}
    assert write(settings, JAN) == after


def test_months_of_a_while_without_a_column_lack_it_when_it_is_back(settings: Settings, use: Code) -> None:
    use(WIDE)
    write(settings, JAN, worst_dpd=3)
    use(OLD)
    write(settings, FEB)
    use(WIDE)
    write(settings, MAR, worst_dpd=5)
    assert stored(settings) == [3, None, 5]
    assert tables.missing_columns(NAME, settings) == {FEB: {"worst_dpd"}}


def test_a_table_that_is_not_there_lacks_nothing(tmp_path: Path) -> None:
    assert tables.missing_columns(NAME, Settings(datamart=tmp_path / "none")) == {}


def test_a_column_of_another_type_is_neither_read_nor_written(settings: Settings, use: Code) -> None:
    before = write(settings, JAN)
    use(with_column(OLD, "dpd", pl.String()))
    said = r"gold\.label_store holds dpd as Int32, and this code makes it as String.*a name of its own"
    with pytest.raises(StorageError, match=said):
        tables.scan(NAME, settings)
    rows = pl.DataFrame(schema=TABLES[NAME].columns)
    with pytest.raises(StorageError, match=said):
        tables.replace_partitions(NAME, rows, days=[FEB], settings=settings)
    assert tables.version_of(NAME, settings) == before


def test_two_runs_that_bring_the_column_at_once_take_turns(
    settings: Settings, use: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, JAN)
    use(WIDE)
    written = tables.commit_days

    def after_another(delta: DeltaTable, *commit: Any, **how: Any) -> bool:
        monkeypatch.setattr(tables, "commit_days", written)
        handles._opened.cache_clear()  # as in a process of its own
        write(settings, FEB, worst_dpd=2)
        return tables.commit_days(delta, *commit, **how)

    monkeypatch.setattr(tables, "commit_days", after_another)
    write(settings, MAR, worst_dpd=3)
    assert stored(settings) == [None, 2, 3]


def test_a_quarantine_that_empties_while_its_columns_change(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "quarantine.loans"
    rows = pl.DataFrame({"snapshot_date": [JAN], "rule": ["odd"]})
    full = pl.concat([TABLES[name].empty, rows], how="diagonal")
    tables.replace_partitions(name, full, days=[JAN, FEB], settings=settings)
    monkeypatch.setitem(tables_of(lender()), name, with_column(TABLES[name], "colour", pl.String()))
    tables.replace_partitions(name, TABLES[name].empty, days=[JAN, FEB], settings=settings)
    assert tables.snapshot_dates(name, settings) == []
    assert "colour" in tables.scan(name, settings).collect_schema()


def test_a_copy_of_an_old_datamart_is_read_wherever_it_lies(
    settings: Settings, use: Code, tmp_path: Path
) -> None:
    write(settings, JAN)
    shutil.copytree(settings.datamart, tmp_path / "a copy, März #1")
    use(WIDE)
    elsewhere = Settings(datamart=tmp_path / "a copy, März #1")
    assert stored(elsewhere) == [None]
    assert tables.missing_columns(NAME, elsewhere) == {JAN: {"worst_dpd"}}
