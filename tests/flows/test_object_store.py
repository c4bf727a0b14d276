"""The whole loop with tables and models in an object store gives what it gives in folders."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.place import ObjectPlace
from tasks.registry.history import load_registry
from tasks.registry.listing import verify
from tests.builders import all_tables, month, months, quick_settings, run_months, write_book

N_MONTHS = 10
pytestmark = pytest.mark.integration


def loop_settings(data: Path, home: Path | ObjectPlace) -> Settings:
    """Labels at MOB 3, so that scored cohorts ripen within the book."""
    places = {"datamart": home / "datamart", "model_store": home / "models"}
    sooner = {"label_mob": 3, "retrain_every_cohorts": 4}
    return quick_settings(data, data).model_copy(update={**sooner, **places})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = write_book(tmp_path_factory.mktemp("book"), n_months=N_MONTHS)
    settings = loop_settings(data, tmp_path_factory.mktemp("folder"))
    run_months(settings, months(N_MONTHS))
    return settings


@pytest.fixture(scope="module")
def remote(folder: Settings, bucket: ObjectPlace) -> Settings:
    settings = loop_settings(folder.data, bucket / "loop")
    run_months(settings, months(N_MONTHS))
    return settings


def test_tables_are_equal(folder: Settings, remote: Settings) -> None:
    ours, theirs = (all_tables(settings, until=month(N_MONTHS)) for settings in (folder, remote))
    assert ours["gold.predictions"].height
    for name, table in ours.items():
        assert_frame_equal(table, theirs[name])


def test_models_and_their_histories_are_equal_to_the_last_byte(folder: Settings, remote: Settings) -> None:
    assert verify(remote) == verify(folder) == len({e.model_id for e in load_registry(folder).entries}) > 0
    for entry in load_registry(folder).entries:
        for name in (*entry.files, "model.joblib"):
            path = Path(entry.model_id) / name
            stored = remote.model_store / entry.model_id / name
            assert stored.read_bytes() == (folder.model_store / path).read_bytes(), path
    for name in ("registry.jsonl", "settings.jsonl"):
        assert (remote.model_store / name).read_bytes() == (folder.model_store / name).read_bytes()


def test_another_run_writes_no_table_and_no_line(remote: Settings) -> None:
    def written() -> list[str]:
        return [str(file) for place in (remote.datamart, remote.model_store) for file in place.files()]

    before = written()
    run_months(remote, months(N_MONTHS))
    assert written() == before
