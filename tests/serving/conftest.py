"""A small lender with two models, for every test of the service."""

import pytest

from tasks.config import Settings
from tests.builders import months, quick_settings, run_months, write_book

N_MONTHS = 11


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Models of months 8 and 10; the months from 8 to 10 are scored."""
    home = tmp_path_factory.mktemp("serving")
    settings = quick_settings(write_book(home / "data", n_months=N_MONTHS, loans_per_month=60), home)
    run_months(settings, months(N_MONTHS))
    return settings
