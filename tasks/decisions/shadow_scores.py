"""What models in the shadow said of answered applications: <datamart>/decisions/shadow/<day>.jsonl.

They decide nothing, so the lines are neither sealed nor waited for; a crash may lose the last ones.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.decisions.log import decisions_folder

Texts = dict[str, str]  # lines by day
SCHEMA = {
    "at": pl.String,
    "request_id": pl.String,
    "loan_id": pl.String,
    "application_date": pl.String,
    "model_id": pl.String,
    "pd": pl.Float64,
    "grade": pl.String,
    "score_path": pl.String,
    "champion": pl.String,
    "pd_champion": pl.Float64,
    "grade_champion": pl.String,
}


def shadow_folder(settings: Settings) -> Path:
    """The folder of the scores, a file a day (UTC)."""
    return decisions_folder(settings) / "shadow"


def to_text(lines: Sequence[Mapping[str, Any]]) -> Texts:
    """Scores as the files hold them, by the day (UTC) of their answers."""
    texts: Texts = {}
    for line in lines:
        day = line["at"][:10]
        texts[day] = f"{texts.get(day, '')}{json.dumps(line)}\n"
    return texts


def append_scores(texts: Texts, settings: Settings) -> None:
    """Add scores to the files of their days. Raises: OSError of a full disk."""
    folder = shadow_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for day, text in texts.items():
        handle = os.open(
            folder / f"{day}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(text)


def read_scores(model_id: str, settings: Settings) -> pl.DataFrame:
    """The scores of a model in the shadow, oldest first, one a request; a line that was cut short is none."""
    if not isinstance(settings.datamart, Path):
        return pl.DataFrame(schema=SCHEMA)  # the service answers for folders alone
    rows = [
        line
        for path in sorted(shadow_folder(settings).glob("*.jsonl"))
        for line in _whole_lines(path)
        if line["model_id"] == model_id
    ]
    return pl.DataFrame(rows, schema=SCHEMA).unique("request_id", keep="first", maintain_order=True)


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return found
