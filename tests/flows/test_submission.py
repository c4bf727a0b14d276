"""The hand-in zip, made of a small repository and a month's results."""

import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from flows.submission import repository_link, write_submission
from tasks.config import Settings
from tasks.errors import UsageError

LINK = "https://example.org/team/vintage"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a result in each room, and the working folder in it."""
    for name in (
        "docker-compose.yaml",
        "airflow_dags/vintage_monthly.py",
        "data/loans.csv",
        "datamart/gold/predictions/part.parquet",
        "datamart/landing/copy.parquet",
        "model_store/registry.jsonl",
        "model_store/.registry.jsonl.lock",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    script = tmp_path / "run"
    script.write_text("run")
    script.chmod(0o755)
    (tmp_path / ".gitignore").write_text("/data/\n/datamart/\n/model_store/\n")
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("add", ".")
    (tmp_path / ".env").write_text("ADMIN_PASSWORD=not for the zip")
    return tmp_path


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)


def test_the_zip_holds_code_and_results_and_one_line_that_links(clone: Path) -> None:
    write_submission(Path("out.zip"), LINK, Settings())
    with ZipFile("out.zip") as archive:
        assert archive.read("Readme.txt").decode() == f"{LINK}\n"
        assert set(archive.namelist()) == {
            "Readme.txt",
            ".gitignore",
            "airflow_dags/vintage_monthly.py",
            "data/loans.csv",
            "datamart/gold/predictions/part.parquet",
            "docker-compose.yaml",
            "model_store/registry.jsonl",
            "run",
        }
        assert archive.getinfo("run").external_attr >> 16 == 0o755


def test_the_same_files_make_the_same_zip(clone: Path) -> None:
    write_submission(Path("out.zip"), LINK, Settings())
    first = Path("out.zip").read_bytes()
    write_submission(Path("out.zip"), LINK, Settings())
    assert Path("out.zip").read_bytes() == first


@pytest.mark.parametrize(
    "remote",
    [
        "https://example.org/team/vintage.git",
        "https://someone:a-token@example.org/team/vintage",
        "git@example.org:team/vintage.git",
        "ssh://git@example.org/team/vintage",
    ],
)
def test_the_link_is_the_remotes_without_a_login(clone: Path, remote: str) -> None:
    git("remote", "add", "origin", remote)
    assert repository_link("") == LINK


def test_without_a_link_nothing_is_written(clone: Path) -> None:
    with pytest.raises(UsageError, match="--repo-url"):
        write_submission(Path("out.zip"), "", Settings())
    git("remote", "add", "origin", "/srv/vintage.git")
    with pytest.raises(UsageError, match="/srv/vintage"):
        write_submission(Path("out.zip"), "", Settings())
    assert not Path("out.zip").exists()


def test_without_results_or_outside_the_clone_it_says_what_to_do(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="vintage demo"):
        write_submission(Path("out.zip"), LINK, Settings(datamart=Path("elsewhere")))
    monkeypatch.chdir(clone / "data")
    with pytest.raises(UsageError, match="clone"):
        write_submission(Path("out.zip"), LINK, Settings())
