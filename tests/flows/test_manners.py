"""How the command line behaves towards people, pipes and scripts, whatever the command."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from flows.cli.main import app, command
from tests.builders import write_book

DAY = "2023-02-01"
WHO = ("--by", "ann", "--reason", "a test")
READING = [
    ("status",),
    ("status", "--rows"),
    ("status", "--review", DAY),
    ("actions", "--date", DAY),
    ("evaluate", "--start", DAY, "--end", DAY),
    ("models", "list"),
    ("models", "show", "nobody"),
    ("models", "compare", "nobody", "none"),
    ("models", "verify"),
    ("models", "reproduce", "nobody"),
    ("settings", "show"),
    ("sources", "list"),
    ("sources", "check", "bureau"),
    ("sources", "compare", "--start", DAY, "--end", DAY),
    ("policy", "check"),
    ("policy", "explain"),
]
WRITING = [
    *(("run", flow, "--date", DAY) for flow in ("features", "training", "inference", "monitoring")),
    ("backfill", "--start", DAY, "--end", DAY),
    ("report",),
    ("deck",),
    ("submission",),
    ("models", "approve", "nobody", "--date", DAY, *WHO),
    ("models", "reject", "nobody", "--date", DAY, *WHO),
    ("models", "rollback", "--to", "nobody", "--date", DAY, *WHO),
    ("settings", "change", "trials=2", "--from", DAY, *WHO),
    ("sources", "add", "bureau", "--where", "nowhere.csv", "--owner", "ann"),
    ("sources", "override", "bureau", "score", *WHO),
    ("sources", "use", "bureau", "--from", DAY, *WHO),
    ("sources", "drop", "bureau", "--from", DAY, *WHO),
    ("simulate", "--out", "lender", "--fault", "999"),
    ("simulate", "--out", "lender", "--months", "1", "--loans-per-month", "9", "--fault", "57"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, whose path holds a space."""
    place = tmp_path / "a folder"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of a lender, the first of which is taken in."""
    home = tmp_path_factory.mktemp("book")
    write_book(home / "data", n_months=2, loans_per_month=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert run("run", "features", "--date", "2023-01-01", "--quiet") == 0
    return home


def run(*words: str) -> int:
    """Exit code of a command."""
    try:
        command(list(words))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize("words", [*READING, *WRITING], ids=" ".join)
def test_a_failed_command_leaves_nothing_behind(words: tuple[str, ...], folder: Path) -> None:
    code = run(*words)
    assert code in (1, 2, 99) or words in READING
    assert files_in(folder) == {}


def test_a_failed_first_month_takes_back_its_own_alone(folder: Path) -> None:
    note = folder / "datamart" / "gold" / "mine.txt"
    note.parent.mkdir(parents=True)
    note.write_text("not a table")
    before = files_in(folder)
    assert run("run", "features", "--date", DAY) == 1
    assert files_in(folder) == before


def test_a_folder_in_a_folder_that_was_not_there_is_gone_again(folder: Path) -> None:
    assert run("run", "features", "--date", DAY, "--datamart", "new/place/datamart") == 1
    assert files_in(folder) == {}


def test_a_refused_month_leaves_the_tables_of_others_as_they_were(
    book: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(book)
    before = files_in(book / "datamart" / "gold")
    assert run("run", "features", "--date", DAY, "--data", str(folder)) == 1
    assert before
    assert files_in(book / "datamart" / "gold") == before


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_all_that_standard_output_holds(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(*words, "--json")
    said = capsys.readouterr()
    if code in (0, 99):
        json.loads(said.out)
    else:
        assert said.out == ""
    assert (code == 0) or said.err.startswith("vintage: ") or "\nvintage: " in said.err


def test_json_holds_what_the_tables_show(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book)
    assert run("status", "--json") == 0
    (month,) = json.loads(capsys.readouterr().out)
    assert (month["month"], month["loans"], month["champion"]) == ("2023-01-01", 40, None)
    assert run("status", "--rows", "--json") == 0
    assert {row["source"] for row in json.loads(capsys.readouterr().out)} >= {"loans", "attributes"}


@pytest.mark.parametrize("columns", ["20", "40", "200"])
def test_columns_are_whole_at_any_width(
    columns: str, book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book)
    monkeypatch.setenv("COLUMNS", columns)
    assert run("status") == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert " ".join(header.split()) == "month loans set aside scored champion bad rate auc to do new status"
    assert first.split()[:2] == ["2023-01", "40"]
    assert first.endswith("no champion")


def test_progress_outside_a_terminal_is_a_line_a_step(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    range_ = ("--start", "2023-01-01", "--end", DAY, "--flows", "features", "--data", str(book / "data"))
    assert run("backfill", *range_) == 0
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("2023-")]
    assert lines == ["2023-01 features", "2023-02 features"]
    assert "\x1b" not in said.out + said.err
    assert "\r" not in said.out + said.err
    assert run("backfill", *range_, "--quiet") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert not [line for line in said.err.splitlines() if line.startswith("2023-")]


def test_status_names_the_folder_that_it_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--datamart", "datamrat") == 0
    said = capsys.readouterr().out
    assert str(folder / "datamrat") in said
    assert "vintage demo" not in said
    (folder / "datamart").mkdir()
    assert run("status") == 0
    said = capsys.readouterr().out
    assert str(folder / "datamart") in said
    assert "vintage demo" in said


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-08", "2024-08-01?"),
        ("2024/8", "2024-08-01?"),
        ("2024-08-17", "2024-08-01?"),
        ("August", "write it as 2024-03-01."),
    ],
)
def test_a_date_that_is_none_is_told_what_to_write(
    text: str, meant: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", "features", "--date", text) == 2
    assert capsys.readouterr().err.rstrip().endswith(meant)


def helps() -> Iterator[tuple[str, ...]]:
    """The words of every help page."""
    found = [((), typer.main.get_command(app))]
    while found:
        words, page = found.pop()
        yield words
        found += [((*words, name), its) for name, its in getattr(page, "commands", {}).items()]


@pytest.mark.parametrize("words", list(helps()), ids=" ".join)
def test_help_is_whole_at_any_width(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = set[str]()
    for columns in ("60", "80", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run(*words, "-h") == 0
        page = capsys.readouterr().out
        _, _, rest = page.replace("NAME=VALUE...", "").partition("\n\n")
        assert "..." not in rest
        assert "…" not in page
        pages.add("".join(rest.split()))
    assert len(pages) == 1


def test_the_command_says_its_version_and_completes_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("vintage ")
    assert run("--help") == 0
    assert "--install-completion" in capsys.readouterr().out


def test_every_fault_that_can_be_planted_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.faults.plant import FAULTS

    assert run("simulate", "--fault", "list") == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [int(number) for number, _ in lines] == sorted(FAULTS)


def test_a_backfill_of_features_does_not_wait_for_scikit_learn() -> None:
    code = "import sys, flows.backfill, flows.features; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
