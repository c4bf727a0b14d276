"""The commands of docs/lender.md run as written, on fewer loans."""

import re
import shlex
from pathlib import Path

import pytest

from flows.cli.main import command

PAGE = Path(__file__).parents[2] / "docs" / "lender.md"
SHORTENED = {"200": "40"}


def test_the_guide_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = "".join(blocks).splitlines()
    assert [line.split()[1] for line in lines][:3] == ["simulate", "init", "check"]
    for line in lines:
        _, *words = [SHORTENED.get(word, word) for word in shlex.split(line)]
        with pytest.raises(SystemExit) as end:
            command(words)
        assert end.value.code in (0, None), (line, capsys.readouterr().err)
    assert "# decide:" in (tmp_path / "cars" / "draft.toml").read_text(encoding="utf-8")
    assert "Label by cohort (90dpd_12mob)" in (tmp_path / "cars" / "check.html").read_text(encoding="utf-8")
