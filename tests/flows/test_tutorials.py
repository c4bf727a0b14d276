"""The tutorials of the site run as written, on fewer loans."""

import re
import shlex
from pathlib import Path

import pytest

from flows.cli.main import command

ROOT = Path(__file__).parents[2]
SHORTENED = {"200": "40", "NAME": "ann", "TEXT": "a test"}


@pytest.mark.slow
@pytest.mark.parametrize("page", ["first-lender.md", "lost-source.md", "lender.md"])
def test_a_tutorial_runs_from_top_to_bottom(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text("utf-8"), flags=re.M | re.S)
    for line in "".join(blocks).splitlines():
        first, *words = [SHORTENED.get(word, word) for word in shlex.split(line)]
        if first == "export":
            for name, value in (word.split("=") for word in words):
                monkeypatch.setenv(name, value)
            continue
        assert first == "vintage"
        with pytest.raises(SystemExit) as end:
            command(words)
        assert end.value.code in (0, None), (line, capsys.readouterr().err)
