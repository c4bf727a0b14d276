"""What `make bench` measures runs, on a lender of a year."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from tests.builders import write_book

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
DATA, MART, MODELS = "data", "datamart", "model_store"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bench")
    write_book(place / DATA, n_months=12, loans_per_month=40)
    return place


def run(name: str, *words: str) -> str:
    """What a measured run prints."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("features_one_go", DATA, "another"),
        ("features_unchecked", DATA, "unchecked"),
        ("features_by_month", DATA, MART),
        ("monitoring_volume", DATA, MART, MODELS),
    ],
    ids=lambda words: words[0],
)
def test_a_measured_run_says_its_seconds(home: Path, words: tuple[str, ...]) -> None:
    name, *folders = words
    assert json.loads(run("once", name, *(str(home / folder) for folder in folders)))["seconds"] > 0


def test_months_of_the_same_size_are_measured_one_by_one(tmp_path: Path) -> None:
    data, datamart = str(tmp_path / DATA), str(tmp_path / MART)
    made = json.loads(run("scale", "lender", data, "3", "1"))
    assert made["feature_clickstream.csv"] == 3 * 18 * 500
    measured = [json.loads(line) for line in run("scale", "months", data, datamart).splitlines()]
    assert [one["month"] for one in measured] == ["2020-01-01", "2020-02-01", "2020-03-01"]


@pytest.mark.slow
def test_months_that_came_in_are_built_by_workers_again_and_again(tmp_path: Path) -> None:
    data, datamart = str(tmp_path / DATA), str(tmp_path / MART)
    run("scale", "lender", data, "2", "1")
    for n in (1, 2):
        measured = json.loads(run("scale", "workers", data, datamart, "2", str(n)))
        assert (measured["workers"], measured["months"]) == (n, 2)
        built = DeltaTable(f"{datamart}/gold/feature_store")
        days = [each["snapshot_date"] for each in built.partitions()]
        assert (built.version(), sorted(days)) == (2, ["2020-01-01", "2020-02-01"])
