"""What somebody may do to the histories of a model store once tables were written by them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.registry import models
from tasks.registry.anchors import ANCHORED
from tasks.registry.approvals import approve, roll_back
from tasks.registry.history import load_registry, record, registry_path
from tasks.registry.listing import count_signed, describe_signed, model_table, verify
from tasks.registry.records import Change, State
from tasks.registry.settings_history import (
    SettingsLine,
    append_settings,
    history_path,
    note_heads,
    read_settings_history,
)
from tasks.schemas.catalog import TABLES
from tasks.store import tables
from tasks.store.sealed_lines import seal_line
from tests.builders import forget_notes, month, usable_card

KEY, OTHER_KEY = "k" * 64, "o" * 64
GONE = "lacks the line"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A store in which b replaced a and was rolled back, with tables that were written before and after."""
    chosen = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")
    tables.create_missing(chosen)
    register(chosen, "a", "approved", "champion")
    append_settings(SettingsLine(str(month(1)), "x", "first", {"trials": 3}), chosen, follows=0)
    write_tables(chosen, number=1)
    register(chosen, "b", "approved", "champion")
    decide(chosen, Change("a", "retired", "x", "y"))
    append_settings(SettingsLine(str(month(2)), "x", "more", {"trials": 8}), chosen, follows=1)
    decide(chosen, Change("a", "champion", "x", "back"), Change("b", "retired", "x", "withdrawn"))
    write_tables(chosen, number=2)
    return chosen


def register(settings: Settings, model_id: str, *states: State) -> None:
    card = {**usable_card(model_id, month(1)), "trained_by": "x", "gate": {"champion": None, "figures": {}}}
    models.save(model_id, settings, model=f"model {model_id}", card=card, reference={}, to_text=str)
    first: State = "challenger"
    decide(settings, *(Change(model_id, state, "x", "y") for state in (first, *states)))


def decide(settings: Settings, *changes: Change) -> None:
    record(load_registry(settings), settings, effective_from=month(1), changes=changes)


def write_tables(settings: Settings, *, number: int, notes: bool = True) -> None:
    """Write a row of each table that is anchored, as a flow does."""
    heads = note_heads(load_registry(settings), settings) if notes else None
    for name in ANCHORED:
        columns = TABLES[name].columns
        row = pl.DataFrame({column: [None] for column in columns}, schema=columns)
        rows = row.with_columns(snapshot_date=pl.lit(month(number)))
        tables.replace_partitions(name, rows, days=[month(number)], settings=settings, notes=heads)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def written_anew(path: Path, change: Callable[[int, dict[str, object]], dict[str, object]]) -> str:
    """The history with its lines changed, and its chain and seals made again."""
    text = ""
    for number, line in enumerate(lines_of(path)):
        fields = {k: v for k, v in json.loads(line).items() if k not in ("previous", "seal", "signature")}
        text += seal_line(change(number, fields), text) + "\n"
    return text


def with_other_digest(changed: int, number: int, line: dict[str, object]) -> dict[str, object]:
    """The line with another artefact, if it is the changed one."""
    return {**line, "sha256": "0" * 64} if number == changed else line


def test_what_was_written_by_a_history_is_read_with_it_and_with_what_it_became(settings: Settings) -> None:
    assert verify(settings) == 2
    decide(settings, Change("a", "retired", "x", "later"))
    assert verify(settings) == 2


def test_any_older_copy_of_the_registry_is_refused(settings: Settings) -> None:
    path = registry_path(settings)
    lines = lines_of(path)
    for kept in range(len(lines)):
        path.write_text("".join(lines[:kept]))
        with pytest.raises(ModelStoreError, match=GONE):
            load_registry(settings)


def test_a_registry_written_anew_is_refused_whichever_line_was_changed(settings: Settings) -> None:
    path = registry_path(settings)
    genuine, n_lines = path.read_text(), len(lines_of(path))
    for changed in range(n_lines):
        path.write_text(written_anew(path, partial(with_other_digest, changed)))
        with pytest.raises(ModelStoreError, match=GONE):
            load_registry(settings)
        path.write_text(genuine)


def test_an_older_copy_of_the_settings_is_refused(settings: Settings) -> None:
    path = history_path(settings)
    path.write_text(lines_of(path)[0])
    with pytest.raises(ModelStoreError, match=rf"settings.jsonl {GONE}"):
        read_settings_history(settings)


@pytest.mark.parametrize("name", ANCHORED)
def test_one_table_that_remembers_is_enough(settings: Settings, name: str) -> None:
    forget_notes(settings, *set(ANCHORED) - {name})
    path = registry_path(settings)
    path.write_text("".join(lines_of(path)[:-1]))
    with pytest.raises(ModelStoreError, match=f"by which {name} in"):
        load_registry(settings)


def test_a_commit_of_somebody_else_hides_no_note(settings: Settings) -> None:
    for name in ANCHORED:
        write_deltalake(
            tables.path_of(name, settings), tables.read(name, settings, on=month(1)), mode="append"
        )
    path = registry_path(settings)
    path.write_text("".join(lines_of(path)[:-1]))
    with pytest.raises(ModelStoreError, match=GONE):
        load_registry(settings)


@pytest.mark.parametrize(
    "use",
    [
        verify,
        model_table,
        lambda s: approve("b", month(3), by="Model risk", reason="committee", settings=s),
        lambda s: roll_back("a", month(3), by="Model risk", reason="committee", settings=s),
    ],
    ids=["verify", "list", "approve", "roll back"],
)
def test_nothing_is_decided_on_an_older_history(
    settings: Settings, use: Callable[[Settings], object]
) -> None:
    path = registry_path(settings)
    path.write_text("".join(lines_of(path)[:-2]))
    before = path.read_text()
    with pytest.raises(ModelStoreError, match=GONE):
        use(settings)
    assert path.read_text() == before


def test_tables_of_older_code_note_nothing_and_are_anchored_by_the_next_write(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")
    tables.create_missing(settings)
    register(settings, "a")
    register(settings, "b")
    write_tables(settings, number=1, notes=False)
    path = registry_path(settings)
    genuine = path.read_text()
    path.write_text(lines_of(path)[0])
    assert len(load_registry(settings).entries) == 1
    path.write_text(genuine)
    write_tables(settings, number=2)
    path.write_text(lines_of(path)[0])
    with pytest.raises(ModelStoreError, match=GONE):
        load_registry(settings)


def with_key(settings: Settings, tmp_path: Path, key: str = KEY) -> Settings:
    path = tmp_path / f"key {key[0]}"
    path.write_text(f"{key}\n")
    return settings.model_copy(update={"registry_key": path})


@pytest.fixture
def signed(tmp_path: Path) -> Settings:
    """A store of two lines from before there was a key, and two that it signed; no table notes any."""
    plain = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")
    register(plain, "a", "approved")
    append_settings(SettingsLine(str(month(1)), "x", "first", {"trials": 3}), plain, follows=0)
    keyed = with_key(plain, tmp_path)
    register(keyed, "b", "approved")
    append_settings(SettingsLine(str(month(2)), "x", "more", {"trials": 8}), keyed, follows=1)
    return keyed


def test_a_key_signs_what_is_added_and_the_lines_before_it_are_still_read(signed: Settings) -> None:
    entries = load_registry(signed).entries
    assert [bool(entry.signature) for entry in entries] == [False, False, True, True]
    assert [line.settings["trials"] for line in read_settings_history(signed)] == [3, 8]
    assert verify(signed) == 2
    assert count_signed(signed) == (4, 2)


@pytest.mark.parametrize(
    ("n_signed", "checked", "words"),
    [
        (0, True, "None of its 4 lines is signed."),
        (2, True, "2 of its 4 lines are signed."),
        (2, False, "2 of its 4 lines are signed, unchecked: VINTAGE_REGISTRY_KEY names no key."),
    ],
)
def test_verifying_says_how_much_a_key_vouches_for(n_signed: int, checked: bool, words: str) -> None:
    assert describe_signed(4, n_signed, checked=checked) == words


def test_a_signed_history_is_read_without_the_key_but_nothing_is_added_to_it(signed: Settings) -> None:
    without = signed.model_copy(update={"registry_key": None})
    assert len(load_registry(without).entries) == 4
    with pytest.raises(ModelStoreError, match=r"registry.jsonl is signed.*VINTAGE_REGISTRY_KEY"):
        decide(without, Change("b", "champion", "x", "y"))
    with pytest.raises(ModelStoreError, match=r"settings.jsonl is signed"):
        append_settings(SettingsLine(str(month(3)), "x", "y", {}), without, follows=2)


@pytest.mark.parametrize("changed", [0, 1, 2, 3])
def test_without_the_key_no_chain_can_be_made_that_the_key_accepts(signed: Settings, changed: int) -> None:
    path = registry_path(signed)
    genuine = [json.loads(line) for line in lines_of(path)]
    forged = written_anew(
        path,
        lambda n, line: (
            {**line, "signature": genuine[n].get("signature", "")}
            | ({"sha256": "0" * 64} if n == changed else {})
        ),
    )
    path.write_text(forged)
    with pytest.raises(ModelStoreError, match="was not signed with the key"):
        load_registry(signed)


def test_a_line_that_nobody_signed_does_not_follow_a_signed_one(signed: Settings) -> None:
    path = registry_path(signed)
    last = asdict(load_registry(signed).entries[-1])
    fields = {k: v for k, v in last.items() if k not in ("previous", "seal", "signature")}
    path.write_text(path.read_text() + seal_line({**fields, "state": "champion"}, path.read_text()) + "\n")
    with pytest.raises(ModelStoreError, match="line 5 is not signed, and one before it is"):
        load_registry(signed)


def test_another_key_reads_nothing_that_was_signed(signed: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="line 3 was not signed with the key of VINTAGE_REGISTRY_KEY"):
        load_registry(with_key(signed, tmp_path, OTHER_KEY))


def test_an_empty_setting_names_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VINTAGE_REGISTRY_KEY", "")
    assert Settings().registry_key is None


@pytest.mark.parametrize("content", [None, "", "too short"])
def test_a_key_that_is_none_is_refused(signed: Settings, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "no key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ModelStoreError, match=r"no key.*(cannot be read|a key needs 32)"):
        load_registry(signed.model_copy(update={"registry_key": path}))
