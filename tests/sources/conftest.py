"""A lender whose months are in, for every test of a source."""

from pathlib import Path

import pytest

from tasks.config import Settings
from tests.builders import months, take_in, write_book
from tests.sources.bureau import N_MONTHS, settings_in


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("book"), n_months=N_MONTHS, loans_per_month=120)


@pytest.fixture(scope="module")
def fed(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The features of all months, and nothing else."""
    settings = settings_in(tmp_path_factory.mktemp("fed"), book)
    take_in(settings, months(N_MONTHS))
    return settings
