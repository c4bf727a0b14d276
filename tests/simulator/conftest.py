"""One small lender that the tests of this room read and never change."""

from datetime import date
from pathlib import Path

import pytest

from simulator.lender import Lender, simulate

BOOK = Lender(start=date(2023, 11, 1), months=12, loans_per_month=200, seed=11)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lender with 12 months of 200 loans."""
    folder = tmp_path_factory.mktemp("lender")
    simulate(BOOK, folder)
    return folder
