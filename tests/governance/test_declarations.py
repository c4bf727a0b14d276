from pathlib import Path

import pytest
import tomlkit

from tasks.config import Settings
from tasks.errors import PolicyError, UsageError
from tasks.governance.declarations import add_declared, read_declarations, read_declared
from tasks.governance.sources import Declared, declare_own, own_names
from tasks.lender.current import lender

# An older file, which declares the lender's own sources too.
TEXT = tomlkit.dumps(
    {
        "source": [
            {**declare_own(one).model_dump(exclude={"where", "valid_days"}), "where": one.files[0]}
            for one in lender().sources
        ]
    }
)
BUREAU = Declared(
    name="bureau",
    owner='Bureau "A" \\ B\nStraße 1',
    where=("bureau/*.parquet", "more.parquet"),
    format="parquet",
    key="id",
    matches="customer_id",
    date="day",
    delay_days=30,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "sources.toml").write_text(TEXT, encoding="utf-8")
    return Settings(sources=tmp_path / "sources.toml")


def test_the_four_files_are_declared_like_any_source() -> None:
    assert [source.name for source in read_declarations(Settings()) if source.own] == own_names()


def test_what_is_added_is_read_again(settings: Settings) -> None:
    add_declared(BUREAU, settings)
    assert read_declared("bureau", settings) == BUREAU
    assert settings.sources.read_text(encoding="utf-8").startswith(TEXT.rstrip())


def test_a_name_that_is_taken_changes_nothing(settings: Settings) -> None:
    add_declared(BUREAU, settings)
    before = settings.sources.read_bytes()
    with pytest.raises(UsageError, match="declares a source 'bureau' already, of Bureau"):
        add_declared(BUREAU, settings)
    assert settings.sources.read_bytes() == before


def test_a_file_that_is_no_text_is_told(settings: Settings) -> None:
    settings.sources.write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(PolicyError, match=r"sources\.toml is not UTF-8"):
        read_declarations(settings)


def test_values_nested_5000_deep_are_told(settings: Settings) -> None:
    settings.sources.write_text(f"{TEXT}\nmore = {'[' * 5000}{']' * 5000}\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"sources\.toml nests its values too deeply to be read"):
        read_declarations(settings)


def test_an_unknown_source_is_told_with_those_there_are(settings: Settings) -> None:
    with pytest.raises(
        UsageError, match=r"declares no source 'bureu', only clickstream.*vintage sources add"
    ):
        read_declared("bureu", settings)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "delay_days = 0",
            "delay_days = -3",
            r"line 8, source\.0\.delay_days: .*greater than or equal to 0",
        ),
        ('name = "clickstream"', 'name = "Clickstream"', r"line 2, source\.0\.name"),
        ('name = "attributes"', 'name = "clickstream"', "the source 'clickstream' is there twice"),
        ('name = "loans"', 'name = "none"', "the name 'none' means something else"),
        (
            'format = "csv"',
            'format = "delta"',
            "one of the lender's files, and its format is csv",
        ),
        ('key = "loan_id"', 'key = "loan"', "loans is one of the lender's files, and its key is loan_id"),
        ('owner = "Digital channels"', 'onwer = "Digital channels"', r"source\.0\.owner"),
    ],
)
def test_a_mistake_is_told_with_its_line(settings: Settings, before: str, after: str, said: str) -> None:
    assert before in TEXT
    settings.sources.write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match=said):
        read_declarations(settings)
