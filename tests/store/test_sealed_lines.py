"""A line of a history is what was sealed, to the letter."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import ModelStoreError
from tasks.store.sealed_lines import GENESIS, read_lines, seal_after

FIELDS = {"answer": {"pd": 0.1}, "asked": ', "seal": "', "known": [1e-07, None]}
LINE = seal_after(FIELDS, GENESIS)
EDITS: list[Callable[[str], str]] = [
    lambda line: line.replace("0.1", "0.2"),
    lambda line: line.replace("0.1", "0.10"),
    lambda line: line.replace('"asked"', '"asked" '),
    lambda line: line[:-1] + ', "asked": "other"}',
    lambda line: line[:-1] + ', "seal": "' + json.loads(line)["seal"] + '"}',
    lambda line: json.dumps(dict(reversed(json.loads(line).items()))),
    lambda line: json.dumps({name: one for name, one in json.loads(line).items() if name != "seal"}),
]


def read(text: str) -> list[dict[str, object]]:
    return read_lines(text, Path("history.jsonl"), what="a line")


def compact(fields: object) -> str:
    return json.dumps(fields, separators=(",", ":"))


@pytest.mark.parametrize("line", [LINE, seal_after(FIELDS, GENESIS, to_text=compact)])
def test_a_sealed_line_holds_its_fields(line: str) -> None:
    (found,) = read(line)
    assert {name: found[name] for name in FIELDS} == FIELDS


@pytest.mark.parametrize("edit", EDITS)
def test_a_line_that_is_not_to_the_letter_what_was_sealed_was_edited(edit: Callable[[str], str]) -> None:
    assert edit(LINE) != LINE
    with pytest.raises(ModelStoreError, match="was edited: line 1"):
        read(edit(LINE))
