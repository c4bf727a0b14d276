import re
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pydantic import ValidationError

from tasks.config import Settings
from tasks.errors import PassingError, StorageError, TableNotReadyError, VintageError
from tasks.place import Place
from tasks.store import handles, tables, turns
from tasks.store.folders import remove_folder
from tests.builders import month, months

JAN, FEB, MAR = month(0), month(1), month(2)


@pytest.fixture(autouse=True)
def labels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog holds the one table of these tests: an object store takes a second to make all of them."""
    monkeypatch.setattr(tables, "TABLES", {"gold.label_store": tables.TABLES["gold.label_store"]})


@pytest.fixture
def settings(home: Place) -> Settings:
    chosen = Settings(datamart=home / "datamart")
    tables.create_missing(chosen)
    return chosen


def labels(*loans: str, day: date = JAN) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "loan_id": loans,
            "customer_id": loans,
            "loan_start_date": [JAN] * len(loans),
            "snapshot_date": [day] * len(loans),
            "dpd": [0] * len(loans),
            "label": [0] * len(loans),
            "label_def": ["30dpd_6mob"] * len(loans),
        }
    )


def write(settings: Settings, rows: pl.DataFrame, day: date = JAN) -> int:
    return tables.replace_partitions("gold.label_store", rows, days=[day], settings=settings)


def test_a_write_replaces_its_own_day_and_no_other(settings: Settings) -> None:
    write(settings, labels("a", "b"))
    write(settings, labels("c", day=FEB), FEB)
    write(settings, labels("d"))
    stored = tables.scan("gold.label_store", settings).collect().sort("snapshot_date")
    assert stored["loan_id"].to_list() == ["d", "c"]


def test_a_scan_gives_what_is_live_of_the_days_asked_for(settings: Settings) -> None:
    for day, loan in ((JAN, "a"), (FEB, "b"), (MAR, "c"), (JAN, "d")):
        write(settings, labels(loan, day=day), day)
    stored = pl.read_delta(str(tables.path_of("gold.label_store", settings)))

    def loans(**which: Any) -> list[str]:
        return sorted(tables.scan("gold.label_store", settings, **which).collect()["loan_id"])

    assert loans() == sorted(stored["loan_id"]) == ["b", "c", "d"]
    assert tables.scan("gold.label_store", settings).collect_schema() == stored.schema
    assert loans(until=FEB) == ["b", "d"]
    assert loans(on=[JAN, MAR, month(5)]) == ["c", "d"]
    assert loans(on=[month(5)]) == []
    assert loans(version=3) == ["a", "b", "c"]


def test_rows_are_read_whatever_the_folder_is_called(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path / "März, a #1 & 2 (new)")
    tables.create_missing(settings)
    write(settings, labels("a"))
    assert tables.read("gold.label_store", settings, on=JAN)["loan_id"].to_list() == ["a"]


@pytest.mark.parametrize("sign", ["=", "%", "[", "]", "^", "|"])
def test_a_folder_whose_tables_could_not_be_read_is_refused(sign: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"holds a {sign}; choose another folder")):
        Settings(datamart=tmp_path / f"env{sign}prod")


def test_the_same_rows_in_another_order_add_no_version(settings: Settings) -> None:
    write(settings, labels("a", "b"))
    version = tables.version_of("gold.label_store", settings)
    write(settings, labels("b", "a"))
    assert tables.version_of("gold.label_store", settings) == version


def test_an_empty_frame_never_wipes_a_day(settings: Settings) -> None:
    write(settings, labels("a"))
    with pytest.raises(VintageError, match=r"found no row of gold.label_store on 2023-01-01"):
        write(settings, labels())
    assert tables.read("gold.label_store", settings, on=JAN).height == 1


def test_rows_of_another_day_are_refused(settings: Settings) -> None:
    with pytest.raises(VintageError, match="also of 2023-02-01"):
        write(settings, labels("a", day=FEB))


def test_the_log_of_a_table_is_kept_for_the_versions_that_cards_cite(settings: Settings) -> None:
    properties = tables.open_table("gold.label_store", settings).metadata().configuration
    assert properties["delta.enableExpiredLogCleanup"] == "false"


def test_a_missing_day_names_the_flow_that_makes_it(settings: Settings) -> None:
    write(settings, labels("a"))
    with pytest.raises(
        TableNotReadyError, match=r"latest is 2023-01-01.*vintage run features --date 2023-02-01"
    ):
        tables.require("gold.label_store", FEB, settings, flow="features")


def test_a_table_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableNotReadyError, match=r"gold.label_store does not exist yet"):
        tables.scan("gold.label_store", Settings(datamart=tmp_path / "nowhere"))


def test_a_datamart_that_was_made_anew_is_read_anew(settings: Settings) -> None:

    tables.replace_partitions("gold.label_store", labels("a"), days=[month(0)], settings=settings)
    remove_folder(tables.path_of("gold.label_store", settings))
    tables.create_missing(settings)
    assert tables.scan("gold.label_store", settings).collect().is_empty()


def test_a_table_whose_first_commits_were_cleaned_up_is_still_read(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path)
    tables.create_missing(settings)
    for loan in ("a", "b"):
        tables.replace_partitions("gold.label_store", labels(loan), days=[month(0)], settings=settings)
    table = tables.open_table("gold.label_store", settings)
    table.create_checkpoint()
    (tables.path_of("gold.label_store", settings) / "_delta_log" / f"{0:020}.json").unlink()
    tables.create_missing(settings)
    assert tables.read("gold.label_store", settings, on=month(0))["loan_id"].to_list() == ["b"]


@pytest.mark.parametrize("stored", [[], ["old"]])
def test_a_run_takes_its_turn_after_one_that_wrote_another_day(
    stored: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, labels(*stored))
    _write_first(monkeypatch, settings, labels("other", day=FEB), FEB)
    write(settings, labels("mine"))
    loans = tables.scan("gold.label_store", settings).collect()["loan_id"]
    assert sorted(loans) == ["mine", "other"]


@pytest.mark.parametrize("stored", [[], ["old"]])
def test_a_run_does_not_write_over_what_another_wrote_meanwhile(
    stored: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, labels(*stored))
    _write_first(monkeypatch, settings, labels("other"), JAN)
    with pytest.raises(StorageError, match=r"Another run wrote gold\.label_store for 2023-01-01"):
        write(settings, labels("mine"))
    assert tables.read("gold.label_store", settings, on=JAN)["loan_id"].to_list() == ["other"]


@pytest.fixture
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(turns, "LONGEST_WAIT", 0.0)


@pytest.mark.usefixtures("without_waiting")
def test_a_run_that_is_late_sixty_times_gets_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, others = Settings(datamart=tmp_path), months(61)[1:]
    tables.create_missing(settings)
    commit_days, waiting = tables.commit_days, iter(others)

    def after_another(delta: DeltaTable, *commit: Any, **how: Any) -> bool:
        path = tables.path_of("gold.label_store", settings)
        for day in islice(waiting, 1):
            labels("other", day=day).write_delta(path, mode="append")
        return commit_days(delta, *commit, **how)

    monkeypatch.setattr(tables, "commit_days", after_another)
    write(settings, labels("mine"))
    assert tables.snapshot_dates("gold.label_store", settings) == [JAN, *others]


@pytest.mark.usefixtures("without_waiting")
def test_a_run_whose_commits_fail_though_nobody_else_writes_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(datamart=tmp_path)
    tables.create_missing(settings)
    monkeypatch.setattr(tables, "commit_days", lambda *_, **__: False)
    with pytest.raises(PassingError, match=r"Another run wrote gold\.label_store"):
        write(settings, labels("mine"))


def _write_first(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, others: pl.DataFrame, day: date
) -> None:
    """Let another run write right before the next commit."""

    def after_another(delta: DeltaTable, *commit: Any, **how: Any) -> bool:
        monkeypatch.undo()
        handles._opened.cache_clear()  # as in a process of its own
        write(settings, others, day)
        return tables.commit_days(delta, *commit, **how)

    monkeypatch.setattr(tables, "commit_days", after_another)
