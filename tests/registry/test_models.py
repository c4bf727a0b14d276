import importlib
import re
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Settings
from tasks.errors import ModelStoreError
from tasks.place import Place
from tasks.registry import models
from tasks.registry.history import (
    champion_on,
    load_registry,
    newest_trained_before,
    record,
    registry_path,
    state_on,
    trained_after,
    trained_on,
)
from tasks.registry.records import Change
from tasks.registry.registered_files import find_changed_files, load_model
from tasks.schemas.feature_store import FEATURES
from tests.builders import month, usable_card


@pytest.fixture
def settings(home: Place) -> Settings:
    return Settings(datamart=home / "datamart", model_store=home / "model_store")


def store(settings: Settings, model_id: str, day: date, content: str = "a model") -> None:
    register(settings, model_id, usable_card(model_id, day), content)


def register(settings: Settings, model_id: str, card: dict[str, Any], content: object = "a model") -> None:
    save(settings, model_id, card, content)
    record(
        load_registry(settings),
        settings,
        effective_from=date.fromisoformat(card["as_of"]),
        changes=[Change(model_id, "champion", "test", "test")],
    )


def save(settings: Settings, model_id: str, card: dict[str, Any], content: object) -> None:
    models.save(model_id, settings, model=content, card=card, reference={}, to_text=str)


def champion(settings: Settings, day: date) -> str:
    entry = champion_on(load_registry(settings), day)
    return entry.model_id if entry else "none"


def test_a_champion_serves_from_its_day_until_the_next_whatever_came_later(settings: Settings) -> None:
    store(settings, "older", month(5))
    store(settings, "newer", month(8))
    assert [champion(settings, month(i)) for i in (4, 5, 7, 8, 11)] == [
        "none",
        "older",
        "older",
        "newer",
        "newer",
    ]


def test_of_two_champions_of_one_day_the_later_line_serves(settings: Settings) -> None:
    store(settings, "a", month(5))
    store(settings, "b", month(5))
    assert champion(settings, month(6)) == "b"


def test_what_was_saved_is_loaded(settings: Settings) -> None:
    store(settings, "a", month(5))
    assert load_model(load_registry(settings), "a") == "a model"


def other_patch(release: str) -> str:
    major, minor, patch = release.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


@pytest.mark.parametrize("made_by", ["1.8.0", other_patch(version("scikit-learn"))])
def test_fault_102_a_model_of_another_scikit_learn_is_refused_with_both_versions(
    settings: Settings, made_by: str
) -> None:
    register(settings, "a", usable_card("a", month(5), **{"scikit-learn": made_by}))
    here = re.escape(version("scikit-learn"))
    said = rf"a was trained with scikit-learn {re.escape(made_by)}, and {here} is installed.*Install scikit-"
    with pytest.raises(ModelStoreError, match=said):
        load_model(load_registry(settings), "a")


def test_fault_74_a_model_that_learned_what_is_no_more_made_is_refused(settings: Settings) -> None:
    card = usable_card("a", month(5))
    card["data"]["features"] = ["shoe_size", *FEATURES, "team_b__height"]
    register(settings, "a", card)
    with pytest.raises(ModelStoreError, match=r"a learned from shoe_size, which this code.*revision abc"):
        load_model(load_registry(settings), "a")


def test_a_model_that_learned_fewer_features_than_are_made_is_loaded(settings: Settings) -> None:
    card = usable_card("a", month(5))
    card["data"]["features"] = list(reversed(FEATURES[3:]))
    register(settings, "a", card)
    assert load_model(load_registry(settings), "a") == "a model"


def test_a_model_of_code_that_has_moved_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "older_code.py").write_text("class Model: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    model = importlib.import_module("older_code").Model()
    register(settings, "a", usable_card("a", month(5)), model)
    (tmp_path / "older_code.py").unlink()
    monkeypatch.delitem(sys.modules, "older_code")
    with pytest.raises(
        ModelStoreError, match=r"No module named 'older_code'.*revision abc.*train a challeng"
    ):
        load_model(load_registry(settings), "a")


def test_a_changed_artefact_is_not_loaded(settings: Settings) -> None:
    store(settings, "a", month(5))
    path = settings.model_store / "a" / models.ARTEFACT
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelStoreError, match="its digest differs"):
        load_model(load_registry(settings), "a")


def test_a_later_decision_does_not_vouch_for_a_changed_file(settings: Settings) -> None:
    store(settings, "a", month(5))
    (settings.model_store / "a" / models.CARD).write_bytes(b"{}")
    record(
        load_registry(settings),
        settings,
        effective_from=month(7),
        changes=[Change("a", "retired", "test", "old")],
    )
    assert find_changed_files(load_registry(settings)) == ["a/card.json was changed (its digest differs)"]


def test_an_edited_history_shows(settings: Settings) -> None:
    store(settings, "a", month(5))
    store(settings, "b", month(6))
    path = registry_path(settings)
    path.write_bytes(path.read_bytes().replace(b'"why": "test"', b'"why": "edited"', 1))
    with pytest.raises(ModelStoreError, match="line 1 does not follow"):
        load_registry(settings)


def test_saving_again_leaves_the_first_as_it_is(settings: Settings) -> None:
    store(settings, "a", month(5))
    save(settings, "a", {}, "another")
    assert load_model(load_registry(settings), "a") == "a model"
    assert [path.name for path in settings.model_store.iterdir() if path.is_dir()] == ["a"]


def test_a_decision_cannot_take_effect_before_one_that_is_there(settings: Settings) -> None:
    store(settings, "a", month(5))
    with pytest.raises(ModelStoreError, match="history is not edited"):
        store(settings, "b", month(4))
    assert champion(settings, month(4)) == "none"


def test_a_model_becomes_a_challenger_once(settings: Settings) -> None:
    save(settings, "a", {}, "a model")
    changes = [Change("a", "challenger", "test", "new"), Change("a", "champion", "test", "good")]
    for _ in range(2):
        record(load_registry(settings), settings, effective_from=month(5), changes=changes)
    assert [entry.state for entry in load_registry(settings).entries] == ["challenger", "champion"]


def test_a_model_is_on_a_day_in_the_state_of_that_day(settings: Settings) -> None:
    store(settings, "a", month(5))
    record(
        load_registry(settings),
        settings,
        effective_from=month(7),
        changes=[Change("a", "retired", "test", "old")],
    )
    assert [state_on(load_registry(settings), month(i), "a") for i in (4, 6, 7)] == [
        None,
        "champion",
        "retired",
    ]


def test_decisions_taken_together_are_written_together_or_not_at_all(settings: Settings) -> None:
    store(settings, "a", month(5))
    both = [Change("a", "retired", "test", "old"), Change("no such model", "champion", "test", "new")]
    with pytest.raises(ModelStoreError, match="missing"):
        record(load_registry(settings), settings, effective_from=month(6), changes=both)
    assert len(load_registry(settings).entries) == 1


def test_a_model_of_the_day_itself_is_neither_before_nor_after_it(settings: Settings) -> None:
    models.save("a", settings, model="a", card={"as_of": str(month(5))}, reference={}, to_text=str)
    record(
        load_registry(settings),
        settings,
        effective_from=month(5),
        changes=[Change("a", "challenger", "test", "new")],
    )
    assert [trained_after(load_registry(settings), month(i)) for i in (4, 5, 6)] == [["a"], [], []]
    assert [trained_on(load_registry(settings), month(i)) for i in (4, 5, 6)] == [[], ["a"], []]
    assert [newest_trained_before(load_registry(settings), month(i)) is None for i in (4, 5, 6)] == [
        True,
        True,
        False,
    ]
