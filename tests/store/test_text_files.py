"""Files that grow by lines: no line is lost, wherever they lie and however many write."""

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.errors import PassingError
from tasks.place import ObjectPlace, Place
from tasks.registry.history import load_registry
from tasks.store import turns
from tasks.store.text_files import append_line, change_text, read_text

ROOT = Path(__file__).parents[2]
# Each decides on what it has read, and decides again where another was first.
REGISTERS = """
import sys
from datetime import date
from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.registry import models
from tasks.registry.history import load_registry, record
from tasks.registry.records import Change

settings = Settings(datamart=sys.argv[1] + "/datamart", model_store=sys.argv[1] + "/models")
model_id = f"model-{sys.argv[2]}"
models.save(model_id, settings, model=0, card={}, reference={}, to_text=str)
for number in range(20):
    change = Change(model_id, "rejected" if number else "challenger", "pipeline", str(number))
    while True:
        try:
            record(load_registry(settings), settings, effective_from=date(2024, 1, 1), changes=[change])
            break
        except ModelStoreError:
            pass
"""


def test_a_change_is_made_on_what_the_file_holds(home: Place) -> None:
    file = home / "lines.jsonl"
    assert change_text(file, lambda text: append_line(text, "a"))
    assert change_text(file, lambda text: append_line(text, "b"))
    assert read_text(file) == "a\nb\n"


def test_no_change_writes_nothing(home: Place) -> None:
    file = home / "lines.jsonl"
    assert not change_text(file, lambda _: None)
    assert not file.exists()


def test_a_change_that_is_refused_leaves_the_file_as_it_was(home: Place) -> None:
    file = home / "lines.jsonl"
    change_text(file, lambda _: "a\n")

    def refuse(text: str) -> str:
        raise ValueError(text)

    with pytest.raises(ValueError, match="a"):
        change_text(file, refuse)
    assert read_text(file) == "a\n"


def test_a_line_that_another_wrote_meanwhile_is_kept(bucket: ObjectPlace) -> None:
    file = bucket / "meanwhile.jsonl"
    others = iter(["theirs\n", None])

    def change(text: str) -> str:
        if other := next(others):
            file.write_bytes(other.encode())
        return append_line(text, "ours")

    assert change_text(file, change)
    assert read_text(file) == "theirs\nours\n"


def test_a_line_whose_confirmation_was_lost_is_not_written_twice(
    bucket: ObjectPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_on = ObjectPlace.write_on

    def lose_answer(file: ObjectPlace, version: str | None, content: bytes) -> bool:
        return not write_on(file, version, content)

    monkeypatch.setattr(ObjectPlace, "write_on", lose_answer)
    file = bucket / "lost.jsonl"
    assert change_text(file, lambda text: append_line(text, "once"))
    assert read_text(file) == "once\n"


def test_who_never_comes_first_is_told_to_try_later(
    bucket: ObjectPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "ATTEMPTS", 2)
    file = bucket / "busy.jsonl"

    def change(text: str) -> str:
        file.write_bytes(f"{text}another\n".encode())
        return append_line(text, "ours")

    with pytest.raises(PassingError, match=r"Others write to s3://lake/busy\.jsonl all the time"):
        change_text(file, change)


@pytest.mark.integration
def test_six_processes_that_record_twenty_lines_each_leave_a_whole_history(home: Place) -> None:
    words = [sys.executable, "-c", REGISTERS, str(home)]
    running = [subprocess.Popen([*words, str(n)], cwd=ROOT, stderr=subprocess.PIPE) for n in range(6)]
    assert [process.communicate()[1].decode() for process in running] == [""] * 6
    registry = load_registry(Settings(datamart=home / "datamart", model_store=home / "models"))
    lines = {(entry.model_id, entry.why) for entry in registry.entries}
    assert lines == {(f"model-{n}", str(number)) for n in range(6) for number in range(20)}
    assert len(registry.entries) == 120
