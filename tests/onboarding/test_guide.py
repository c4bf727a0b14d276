"""The commands of docs/lender.md that come before the months run as written, on fewer loans.

All of them, months included, run in tests/flows/test_tutorials.py.
"""

import re
import shlex
from pathlib import Path

import pytest

from flows.cli.main import command

PAGE = Path(__file__).parents[2] / "docs" / "lender.md"
SHORTENED = {"150": "40"}


def test_the_guide_runs_as_far_as_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = "".join(blocks[:3]).splitlines()
    assert [line.split()[1] for line in lines] == ["simulate", "init", "check"]
    for line in lines:
        _, *words = [SHORTENED.get(word, word) for word in shlex.split(line)]
        with pytest.raises(SystemExit) as end:
            command(words)
        assert end.value.code in (0, None), (line, capsys.readouterr().err)
    assert "# decide:" in (tmp_path / "cars" / "draft.toml").read_text(encoding="utf-8")
    assert "Label by cohort (90dpd_12mob)" in (tmp_path / "cars" / "check.html").read_text(encoding="utf-8")
