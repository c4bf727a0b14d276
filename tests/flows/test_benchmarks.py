"""What `make bench` measures runs, on a lender of a year."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import write_book

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
DATA, MART, MODELS = "data", "datamart", "model_store"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bench")
    write_book(place / DATA, n_months=12, loans_per_month=40)
    return place


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
    command = [sys.executable, "-m", "benchmarks.once", name, *(str(home / folder) for folder in folders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seconds"] > 0
