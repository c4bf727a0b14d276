"""Every command that the README names runs, in its order and in another."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli.main import app, command
from tests.builders import write_book

ROOT = Path(__file__).parents[2]
# What needs a clone, a server that stays, a whole demo or a model that waits, or would change the shell.
ELSEWHERE = (
    "vintage submission",
    "vintage ui",
    "vintage serve",
    "vintage decisions show",
    "vintage demo",
    "vintage deploy",
    "vintage models approve",
    "vintage --install-completion",
    "vintage COMMAND",
)


def commands_of(text: str) -> list[str]:
    """The `vintage` commands in a page's blocks and tables, without those of its section on containers."""
    text = re.sub(r"^## In containers.*?(?=^## )", "", text, flags=re.M | re.S)
    blocks = re.findall(r"^\.venv/bin/(vintage [^#\n]*)", text, flags=re.M)
    inline = re.findall(r"`(vintage [^`]*)`", text)
    found = dict.fromkeys(words.strip() for words in [*blocks, *inline])
    return [words for words in found if not words.startswith(ELSEWHERE) and len(words.split()) > 1]


COMMANDS = commands_of((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_readme_names_commands() -> None:
    names = {words.split()[1] for words in COMMANDS}
    assert names >= {"backfill", "run", "status", "actions", "report", "evaluate", "models", "sources"}


def help_texts(shown: Any) -> list[str]:
    """The texts of a command's help page and of those below it."""
    options = [getattr(option, "help", None) or "" for option in shown.params]
    below = getattr(shown, "commands", {}).values()
    return [shown.help or "", *options, *(text for one in below for text in help_texts(one))]


def test_the_commands_that_help_texts_name_are_among_those_of_the_readme() -> None:
    texts = help_texts(get_command(app))
    named = {words.strip() for text in texts for words in re.findall(r"`(vintage [^`]*)`", text)}
    assert "vintage models list" in named
    assert named <= {*COMMANDS}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lender, in a path with a space, whose first model comes early."""
    place = tmp_path_factory.mktemp("read me")
    write_book(place / "data", n_months=18, loans_per_month=40)
    return place


@pytest.mark.integration
@pytest.mark.parametrize(
    "order", [1, pytest.param(-1, marks=pytest.mark.slow)], ids=["as written", "the other way round"]
)
def test_every_command_of_the_readme_runs(
    order: int, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("VINTAGE_FIRST_TRAINING_COHORTS", "4")
    monkeypatch.setenv("VINTAGE_TRIALS", "1")
    monkeypatch.setenv("VINTAGE_RETRAIN_EVERY_COHORTS", "6")
    for words in COMMANDS[::order]:
        given = [filled_in(word, order, capsys) for word in shlex.split(words)[1:]]
        with pytest.raises(SystemExit) as end:
            command(given)
        assert end.value.code in (0, None, 99), (given, capsys.readouterr().err)


def filled_in(word: str, order: int, capsys: pytest.CaptureFixture[str]) -> str:
    """What a person would put in the place of a word in capitals."""
    if word == "MODEL_ID":
        return former_champion(capsys)
    places = {"NAME": "ann", "TEXT": "a test", "D": "2024-03-01", "lender": f"lender{order}"}
    return places.get(word, word)


def former_champion(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit):
        command(["models", "list", "--json"])
    models = json.loads(capsys.readouterr().out)
    return next(model["model"] for model in models if model["state"] == "retired")
