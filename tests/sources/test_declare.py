"""Declaring a source: what is found in its files, and what a user is told when it cannot be."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.cli.main import command
from tasks.config import Settings
from tasks.errors import BadInputError, PolicyError, UsageError
from tasks.governance.declarations import read_declared
from tasks.schemas.catalog import TABLES
from tasks.sources.declare import add_source
from tasks.store import tables

ROWS = "client,nothing,day,score\nCUS_0x1,,2024-03-01,1\nCUS_0x2,,2024-03-01,2\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lender of two applications, and a file of another team in data/team."""
    (tmp_path / "data" / "team").mkdir(parents=True)
    (tmp_path / "data" / "team" / "march.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "sources.toml").write_text(Settings().sources.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("VINTAGE_SOURCES", str(tmp_path / "sources.toml"))
    monkeypatch.setenv("VINTAGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VINTAGE_DATAMART", str(tmp_path / "datamart"))
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    tables.create_missing(settings)
    ids = {"loan_id": ["L1", "L2"], "customer_id": ["CUS_0x1", "CUS_0x2"]}
    rows = pl.DataFrame(ids).with_columns(snapshot_date=pl.lit(date(2024, 3, 1)))
    others = [pl.lit(None).alias(n) for n in TABLES["gold.feature_store"].columns if n not in rows.columns]
    tables.replace_partitions(
        "gold.feature_store", rows.with_columns(others), days=[date(2024, 3, 1)], settings=settings
    )
    return settings


def add(*words: str) -> None:
    with pytest.raises(SystemExit) as end:
        command(["sources", "add", "team", "--owner", "Team", *words])
    assert end.value.code == 0


@pytest.mark.parametrize("place", ["data/team", "data/team/*.csv", "data/team/march.csv"])
def test_places_below_the_data_folder_are_declared_from_there(settings: Settings, place: str) -> None:
    add("--where", place)
    declared = read_declared("team", settings)
    assert declared.where == (place.removeprefix("data/"),)
    assert (declared.format, declared.key, declared.date) == ("csv", "client", "day")


def test_the_format_of_an_address_is_said(settings: Settings) -> None:
    folder = f"file://{settings.data}/team/"
    with pytest.raises(BadInputError, match=r"cannot be told from its name\. Say it with --format"):
        add_source("team", [folder], settings, owner="Team")
    add("--where", folder, "--format", "csv")
    assert read_declared("team", settings).where == (folder,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "march.csv cannot be read as csv"),
        (ROWS.replace(",2\n", ",\u00e9\n").encode("latin-1"), "march.csv cannot be read as csv"),
        (ROWS.replace("2024-03-01", "soon").encode(), "No column holds dates such as 2024-03-01"),
        (ROWS.replace("CUS", "X").encode(), "holds our customers' or loans' ids"),
    ],
)
def test_a_first_file_that_cannot_be_used_is_told(settings: Settings, content: bytes, said: str) -> None:
    (settings.data / "team" / "march.csv").write_bytes(content)
    with pytest.raises(BadInputError, match=said):
        add_source("team", ["team"], settings, owner="Team")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"day": "dya"}, r"No column is named 'dya'; there are client.* Correct --date-column"),
        ({"day": "score"}, r"column score: '1' is no date such as 2024-03-01"),
        ({"key": "cleint"}, r"No column is named 'cleint'; there are client.* Correct --key"),
    ],
)
def test_a_column_that_is_not_there_or_not_of_dates_is_told(
    settings: Settings, said: dict[str, str], answer: str
) -> None:
    before = settings.sources.read_text(encoding="utf-8")
    with pytest.raises(BadInputError, match=answer):
        add_source("team", ["team"], settings, owner="Team", **said)  # pyright: ignore[reportArgumentType]
    assert settings.sources.read_text(encoding="utf-8") == before


def test_without_a_file_of_declarations_it_says_so(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"sources": tmp_path / "gone.toml"})
    with pytest.raises(PolicyError, match=r"gone\.toml is missing; restore governance/sources\.toml"):
        add_source("team", ["team"], elsewhere, owner="Team")


@pytest.mark.parametrize(
    ("name", "where", "said"),
    [
        ("Team-A", "team", "'Team-A' is not of small letters and digits"),
        ("loans", "team", r"declares a source 'loans' already.*Choose another name"),
        ("team", " ", "--where is empty"),
    ],
)
def test_a_name_or_place_that_cannot_be_is_told(settings: Settings, name: str, where: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        add_source(name, [where], settings, owner="Team")


def test_what_people_write_is_printed_as_it_is(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    add_source("team", ["team"], settings, owner="[/Team] \x7f")
    with pytest.raises(SystemExit) as end:
        command(["sources", "list"])
    assert end.value.code == 0
    assert "[/Team]" in capsys.readouterr().out
