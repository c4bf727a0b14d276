"""What other people wrote does no harm where it is shown."""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from flows import console
from tasks.errors import UsageError
from tasks.registry.approver import require_name_and_reason
from tasks.store.documents import write_spreadsheet
from tasks.text import for_html, for_markdown, for_spreadsheet, for_terminal, has_hidden

RED, RIGHT_TO_LEFT, C1, TAG = "\x1b[31mred", "a\u202eb", "\x9b31m", "x\U000e0041"
HIDDEN = {
    RED: r"\x1b[31mred",
    RIGHT_TO_LEFT: r"a\u202eb",
    C1: r"\x9b31m",
    TAG: r"x\U000e0041",
    "a\nb": r"a\x0ab",
}
PLAIN = ["loan_amt", "Ann Lee", "Zoë 张伟 O'Neil", "ß€", "a/b", ""]


@pytest.mark.parametrize(("text", "shown"), HIDDEN.items(), ids=HIDDEN.values())
def test_what_does_not_show_is_written_as_its_code(text: str, shown: str) -> None:
    assert has_hidden(text)
    assert for_terminal(text) == shown
    assert for_html(text) == shown
    assert shown.replace("\\", "\\\\").replace("[", "\\[") == for_markdown(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_shows_stays_as_it_is(text: str) -> None:
    assert not has_hidden(text)
    assert for_terminal(text) == for_markdown(text) == for_spreadsheet(text) == for_html(text) == text


def test_lines_are_broken_where_they_may_be() -> None:
    assert for_terminal("a\nb\r\x1b", lines=True) == "a\nb\\x0d\\x1b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("score\n# Approved", r"score\x0a\# Approved"),
        ("a|b", r"a\|b"),
        ("[here](http://x)", r"\[here\](http://x)"),
        ("<script>`x`*y*", r"\<script\>\`x\`\*y\*"),
    ],
)
def test_markdown_gets_no_structure_of_somebody_else(text: str, shown: str) -> None:
    assert for_markdown(text).replace("\\\\x0a", "\\x0a") == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", '=HYPERLINK("http://x")'])
def test_no_cell_of_a_spreadsheet_is_a_formula(tmp_path: Path, text: str) -> None:
    path = write_spreadsheet(tmp_path / "out.csv", pl.DataFrame({"column": [text, "plain"], "n": [-1, 2]}))
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert not rows[1][0].lstrip().startswith(("=", "+", "-", "@"))
    assert rows[2] == ["plain", "2"]
    assert rows[1][1] == "-1"


@pytest.mark.parametrize("option", ["by", "reason"])
@pytest.mark.parametrize("text", HIDDEN)
def test_no_decision_is_recorded_with_what_does_not_show(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"--{option} .* holds a control character") as told:
        require_name_and_reason(**{"by": "Ann Lee", "reason": "why", option: text})
    assert not has_hidden(str(told.value))


@pytest.mark.parametrize("text", HIDDEN)
def test_nothing_hidden_reaches_the_terminal(capsys: pytest.CaptureFixture[str], text: str) -> None:
    frame = pl.DataFrame({"by": [text], "n": [1]})
    console.console.print(f"{text.replace(chr(10), '')} is approved")
    console.print_frame(frame, left=("by",))
    console.print_audit(frame)
    console.print_lines(frame, "nothing")
    console.print_markdown(f"# Card\n{text}")
    console.notes.print(text)
    out, err = capsys.readouterr()
    assert not has_hidden((out + err).replace("\n", ""))


@pytest.mark.parametrize("text", [*HIDDEN, "\x7f", *PLAIN])
def test_json_says_the_same_without_what_does_not_show(capsys: pytest.CaptureFixture[str], text: str) -> None:
    console.set_manner(quiet=False, verbose=False, reads=True, as_json=True)
    try:
        console.show([{"by": text}], lambda: None)
    finally:
        console.set_manner(quiet=False, verbose=False, reads=True, as_json=False)
    out = capsys.readouterr().out
    assert json.loads(out) == [{"by": text}]
    assert not has_hidden(out.replace("\n", ""))
