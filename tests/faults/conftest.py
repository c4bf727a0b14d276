"""A store that each test may spoil: a built book, and copies of stores that were run once per session."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.book import Book, build_book, month
from tests.faults.shop import Shop

LAST = 8


@pytest.fixture(autouse=True)
def small_training(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TRIALS": "1", "FIRST_TRAINING_COHORTS": "3", "RETRAIN_EVERY_COHORTS": "9"}.items():
        monkeypatch.setenv(f"VINTAGE_{name}", value)


@pytest.fixture(scope="session")
def book() -> Book:
    return build_book()


@pytest.fixture
def shop(book: Book, tmp_path: Path) -> Shop:
    """The book's files and an empty store."""
    return Shop(tmp_path).receive(book)


@pytest.fixture(scope="session")
def served(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A store with every month, a champion made on the last and its predictions; copy before changing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_TRIALS", "1")
        patch.setenv("VINTAGE_FIRST_TRAINING_COHORTS", "3")
        shop = Shop(tmp_path_factory.mktemp("served")).receive(book)
        assert shop.run("features", LAST).code == 0
        for number in range(LAST):
            assert shop.run("features", number).code == 0
        for flow in ("training", "inference", "monitoring"):
            result = shop.run(flow, LAST)
            assert result.code == 0, result.said
    return shop


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Shop], Shop]:
    """A copy of a shop that may be spoiled."""

    def copy(shop: Shop) -> Shop:
        shutil.copytree(shop.root, tmp_path / "copy")
        return Shop(tmp_path / "copy")

    return copy


__all__ = ["month"]
