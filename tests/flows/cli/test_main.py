"""The command line as a person meets it: exit codes and messages, in processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli.main import command
from tasks.config import Settings
from tasks.store import tables
from tests.builders import write_book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("book"), n_months=2, loans_per_month=40)


def vintage(*words: str, home: Path, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    places = ["--data", str(data or home / "data"), "--datamart", str(home / "datamart")]
    command = [sys.executable, "-m", "flows", *words, *places, "--model-store", str(home / "model_store")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_month_runs_and_what_cannot_run_yet_says_so(book: Path, tmp_path: Path) -> None:
    home = tmp_path / "wherever 1 keeps it, März"
    done = vintage("run", "features", "--date", "2023-01-01", home=home, data=book)
    assert (done.returncode, done.stderr) == (0, "")
    assert tables.snapshot_dates("gold.feature_store", Settings(datamart=home / "datamart"))
    early = vintage("run", "inference", "--date", "2023-01-01", home=home, data=book)
    assert early.returncode == 99
    assert early.stderr.count("\n") == 1
    assert "no champion" in early.stderr
    status = vintage("status", home=home, data=book)
    assert "2023-01" in status.stdout


def test_the_months_are_those_of_the_files(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        command(["months", "--data", str(book), "--datamart", str(tmp_path)])
    assert capsys.readouterr().out == "2023-01-01 2023-02-01\n"


def test_a_missing_file_ends_with_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    failed = vintage("run", "features", "--date", "2023-01-01", home=tmp_path)
    assert failed.returncode == 1
    assert "missing" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "features", "--date", "2023-01-05"), "not the first of a month"),
        (("run", "cooking", "--date", "2023-01-01"), "cooking"),
        (("backfill", "--start", "2023-02-01", "--end", "2023-01-01"), "swap them"),
        (("backfill", "--start", "2023-01-01", "--end", "2023-01-01", "--flows", "cooking"), "choose from"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_names_the_mend(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    wrong = vintage(*words, home=tmp_path)
    assert wrong.returncode == 2
    assert said in wrong.stderr


def test_a_folder_that_tables_cannot_be_read_from_is_refused(tmp_path: Path) -> None:
    wrong = vintage("status", home=tmp_path / "env=prod")
    assert wrong.returncode == 2
    assert "holds a =; choose another folder" in wrong.stderr
    assert not (tmp_path / "env=prod").exists()


def test_a_setting_out_of_its_range_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VINTAGE_TRIALS", "0")
    wrong = vintage("status", home=tmp_path)
    assert wrong.returncode == 2
    assert "trials (VINTAGE_TRIALS) cannot be 0" in wrong.stderr
    assert wrong.stderr.count("\n") == 1


def test_a_simulation_replaces_no_file_that_was_received(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.read_bytes() for file in book.glob("*.csv")}
    with pytest.raises(SystemExit, match="2"):
        command(["simulate", "--out", str(book), "--months", "1"])
    assert "holds CSV files" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in book.glob("*.csv")} == before


def test_a_page_that_cannot_be_written_ends_with_one_sentence(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--datamart", str(tmp_path / "datamart"), "--model-store", str(tmp_path / "model_store")]
    assert vintage("run", "features", "--date", "2023-01-01", home=tmp_path, data=book).returncode == 0
    with pytest.raises(SystemExit, match="1"):
        command(["deck", "--out", str(tmp_path), *places])
    said = capsys.readouterr().err
    assert f"{tmp_path}: Is a directory" in said
    assert said.count("\n") == 1
