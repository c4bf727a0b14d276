"""A small lender with two models, for every test of the service."""

from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tasks.config import Settings
from tests.builders import months, quick_settings, run_months, write_book

N_MONTHS = 11


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Models of months 8 and 10; the months from 8 to 10 are scored."""
    home = tmp_path_factory.mktemp("serving")
    settings = quick_settings(write_book(home / "data", n_months=N_MONTHS, loans_per_month=60), home)
    run_months(settings, months(N_MONTHS))
    return settings


@pytest.fixture
def own(store: Settings, tmp_path: Path) -> Settings:
    """The lender's store, for one test alone."""
    for folder in (store.datamart, store.model_store):
        copytree(folder, tmp_path / folder.name, ignore=ignore_patterns("decisions"))
    return store.model_copy(
        update={"datamart": tmp_path / "datamart", "model_store": tmp_path / "model_store"}
    )
