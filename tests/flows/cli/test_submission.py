"""The submission's zip, made of a small repository and a month's results."""

import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from flows.cli.submission import repository_link, write_submission
from tasks.config import Settings
from tasks.errors import UsageError

LINK = "https://example.org/team/vintage"
README = Path(__file__).parents[3] / "Readme.txt"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a result in each room, all of it closed to others, and the working folder in it."""
    for name in (
        "docker-compose.yaml",
        "airflow_dags/vintage_monthly.py",
        "run",
        "data/loans.csv",
        "data/true_default_probability.csv",
        "datamart/gold/predictions/part.parquet",
        "datamart/landing/copy.parquet",
        "model_store/registry.jsonl",
        "model_store/.registry.jsonl.lock",
    ):
        path = tmp_path / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(0o700 if name == "run" else 0o600)
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
        assert {name for name in archive.namelist() if not name.endswith("/")} == {
            "Readme.txt",
            ".gitignore",
            "airflow_dags/vintage_monthly.py",
            "data/loans.csv",
            "datamart/gold/predictions/part.parquet",
            "docker-compose.yaml",
            "model_store/registry.jsonl",
            "run",
        }


def test_all_that_is_unzipped_can_be_read_by_everybody(clone: Path) -> None:
    write_submission(Path("out.zip"), LINK, Settings())
    with ZipFile("out.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    folders = {"airflow_dags/", "data/", "datamart/", "datamart/gold/", "datamart/gold/predictions/"}
    assert {name for name in modes if name.endswith("/")} == folders | {"model_store/"}
    for name, mode in modes.items():
        assert mode == (0o40755 if name.endswith("/") else 0o100755 if name == "run" else 0o100644), name


def test_a_file_of_the_same_length_with_other_content_has_another_time(clone: Path) -> None:
    """Docker would take it for the file that it had before, and build that into the image."""
    times: list[tuple[int, ...]] = []
    for content in ("one of two", "two of two"):
        (clone / "run").write_text(content)
        write_submission(Path("out.zip"), LINK, Settings())
        with ZipFile("out.zip") as archive:
            times.append(archive.getinfo("run").date_time)
    assert times[0] != times[1]


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


def test_a_clone_of_a_folder_links_where_its_readme_says(clone: Path) -> None:
    git("remote", "add", "origin", "/srv/vintage.git")
    Path("Readme.txt").write_text(f"{LINK}\n")
    git("add", "Readme.txt")
    names, link = write_submission(Path("out.zip"), "", Settings())
    assert (names.count("Readme.txt"), link) == (1, LINK)


def test_the_repositorys_own_readme_is_one_link() -> None:
    assert repository_link(README.read_text()) == README.read_text().removesuffix("\n")


@pytest.mark.parametrize("given", ["", "/srv/vintage.git"])
def test_without_a_link_nothing_is_written(clone: Path, given: str) -> None:
    git("remote", "add", "origin", "/srv/vintage.git")
    with pytest.raises(UsageError, match="Pass --repo-url"):
        write_submission(Path("out.zip"), given, Settings())
    assert not Path("out.zip").exists()


def test_without_results_it_says_what_to_do(clone: Path) -> None:
    with pytest.raises(UsageError, match="vintage demo"):
        write_submission(Path("out.zip"), LINK, Settings(datamart=Path("elsewhere")))


def test_outside_the_clone_it_says_where_to_go(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone / "data")
    with pytest.raises(UsageError, match="Change into the clone"):
        write_submission(Path("out.zip"), "", Settings())


def test_an_unzipped_hand_in_is_no_clone(
    clone: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_submission(Path("out.zip"), LINK, Settings())
    elsewhere = tmp_path_factory.mktemp("unzipped")
    with ZipFile("out.zip") as archive:
        archive.extractall(elsewhere)
    monkeypatch.chdir(elsewhere)
    with pytest.raises(UsageError, match="not the top folder of a git clone"):
        write_submission(Path("out.zip"), "", Settings())


def test_hidden_files_and_links_stay_out(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    secret.write_text("not for the zip")
    (clone / "data" / ".env").write_text("not for the zip")
    (clone / "datamart" / ".tmp-1").mkdir()
    (clone / "datamart" / ".tmp-1" / "half.parquet").write_text("not for the zip")
    (clone / "datamart" / "serve_tokens.jsonl").write_text("not for the zip")
    (clone / "datamart" / "decisions").mkdir()
    (clone / "datamart" / "decisions" / "2024-01-01.jsonl").write_text("not for the zip")
    (clone / "data" / "linked.csv").symlink_to(secret)
    (clone / "data" / "folder").symlink_to(secret.parent)
    (clone / "run").unlink()
    (clone / "run").symlink_to(secret)
    write_submission(Path("out.zip"), LINK, Settings())
    with ZipFile("out.zip") as archive:
        assert [name for name in archive.namelist() if b"not for the zip" in archive.read(name)] == []
        assert "data/loans.csv" in archive.namelist()
