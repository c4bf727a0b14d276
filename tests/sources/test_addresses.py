"""Whether what lies at an address changed is told without reading it, and by no error."""

from pathlib import Path
from uuid import uuid4

import pytest

from tasks.config import Settings
from tasks.governance.declarations import add_declared
from tasks.governance.sources import Declared
from tasks.place import ObjectPlace
from tasks.sources.addresses import stamps_of_addresses


@pytest.fixture
def lake(bucket: ObjectPlace) -> ObjectPlace:
    return bucket / uuid4().hex


def declare(where: str, kind: str, folder: Path) -> Settings:
    """Settings by which a bureau's rows lie there."""
    settings = Settings(sources=folder / "sources.toml")
    settings.sources.write_text("", encoding="utf-8")
    fields = {"name": "bureau", "owner": "Bureau", "where": where, "format": kind}
    told = {"key": "client", "matches": "customer_id", "date": "day"}
    add_declared(Declared.model_validate({**fields, **told}), settings)
    return settings


@pytest.mark.parametrize(
    ("where", "kind", "file"),
    [
        ("{}/a.parquet", "parquet", "a.parquet"),
        ("{}", "csv", "2024/a.csv"),
        ("{}/*.parquet", "parquet", "a.parquet"),
        ("{}", "delta", "_delta_log/00000000000000000001.json"),
    ],
)
def test_an_address_tells_when_one_of_its_files_changed(
    where: str, kind: str, file: str, lake: ObjectPlace, tmp_path: Path
) -> None:
    settings = declare(where.format(lake), kind, tmp_path)
    seen: list[dict[str, str]] = []
    for content in (b"one", b"one", b"two"):
        (lake / file).write_bytes(content)
        seen.append(stamps_of_addresses(["bureau"], settings, {}))
    assert seen[0].keys() == {where.format(lake)}
    assert seen[0] == seen[1] != seen[2]


def test_what_cannot_be_asked_is_taken_as_it_was(
    lake: ObjectPlace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = "s3://no-such-lake/*.csv"
    settings = declare(gone, "csv", tmp_path)
    assert stamps_of_addresses(["bureau"], settings, {gone: "as it was"}) == {gone: "as it was"}
    assert "Whether bureau changed is not known now" in caplog.text


def test_an_address_outside_object_stores_and_a_source_that_is_declared_no_more_tell_nothing(
    tmp_path: Path,
) -> None:
    address = "https://bureau.example/a.csv"
    settings = declare(address, "csv", tmp_path)
    assert stamps_of_addresses(["bureau", "dropped"], settings, {}) == {address: ""}
