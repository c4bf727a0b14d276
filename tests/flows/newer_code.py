"""The code as it is after a change: a copy with other lines, run in processes of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.config import Settings
from tests.builders import month

ROOT = Path(__file__).parents[2]
RUN = """
import io, json, os, sys
from pathlib import Path
from typing import Any
from contextlib import redirect_stderr, redirect_stdout
from flows.cli.main import command
from few_trees import with_few_trees
from tasks.modelling.families import FAMILIES

FAMILIES.update(with_few_trees(FAMILIES))
told = []
for words in json.loads(sys.argv[1]):
    said, code = io.StringIO(), 0
    ids = sorted(path.parent.name for path in Path(os.environ["VINTAGE_MODEL_STORE"]).glob("*/card.json"))
    words = [part for word in words for part in (ids if word == "MODELS" else [word])]
    with redirect_stdout(said), redirect_stderr(said):
        try:
            command(words)
        except SystemExit as end:
            code = end.code or 0
    told.append([code, " ".join(said.getvalue().split())])
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Outcome:
    """Exit code of a command and all that it printed."""

    code: int
    said: str


def edited(folder: Path, change: Mapping[str, tuple[str, str]]) -> Path:
    """A copy of the code in which lines are replaced by others, by file."""
    for room in ("flows", "tasks", "governance"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "modelling" / "few_trees.py", folder)
    for file, (old, new) in change.items():
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder


def run(code: Path, settings: Settings, *commands: str) -> dict[str, Outcome]:
    """Run commands of another copy of the code, in one process; what each gave, by its words.

    The word MODELS stands for the ids of all models that there are.
    """
    named = (
        "data",
        "datamart",
        "model_store",
        "label_mob",
        "first_training_cohorts",
        "retrain_every_cohorts",
    )
    given = {f"VINTAGE_{name}".upper(): str(getattr(settings, name)) for name in (*named, "trials")}
    words = json.dumps([command.split() for command in commands])
    ended = subprocess.run(
        [sys.executable, "-c", RUN, words],
        env={**os.environ, **given, "PYTHONPATH": str(code), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.data,
    )
    told = [Outcome(exit_code, said) for exit_code, said in json.loads(ended.stdout)]
    return dict(zip(commands, told, strict=True))


def every_flow(number: int) -> list[str]:
    return [
        f"run {flow} --date {month(number)}" for flow in ("features", "training", "inference", "monitoring")
    ]
