"""Decisions of people on models, and what they change from which day on."""

from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.errors import ModelStoreError, UsageError
from tasks.modelling.decisions import decide_promotion
from tasks.registry import approvals, models
from tasks.registry.history import (
    champion_before_override,
    champion_on,
    find_impossible_lines,
    load_registry,
    record,
    registry_path,
    state_on,
)
from tasks.registry.records import Change, take_over
from tasks.registry.registered_files import read_card
from tests.builders import month

SAID = {"by": "Ann Lee", "reason": "checked by hand"}
FIRST, SECOND, THIRD = "first", "second", "third"


@pytest.fixture
def waiting(tmp_path: Path) -> Settings:
    """A store with one challenger of month 8 that passed its gate and waits."""
    settings = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "store")
    add_challenger(settings, FIRST, 8, champion=None)
    return settings


@pytest.fixture
def replaced(waiting: Settings) -> Settings:
    """A store whose second model replaced the first in month 10."""
    approvals.approve(FIRST, month(8), **SAID, settings=waiting)
    add_challenger(waiting, SECOND, 10, champion=FIRST)
    approvals.approve(SECOND, month(10), **SAID, settings=waiting)
    return waiting


def add_challenger(settings: Settings, model_id: str, day: int, *, champion: str | None) -> None:
    gate = {"promoted": True, "why": "better", "figures": {"auc": 0.9}, "champion": champion}
    card = {"as_of": str(month(day)), "trained_by": "pipeline", "gate": gate}
    models.save(model_id, settings, model=model_id, card=card, reference={}, to_text=str)
    trained = Change(model_id, "challenger", "pipeline", "trained")
    record(load_registry(settings), settings, effective_from=month(day), changes=[trained])


def champions(settings: Settings, *days: int) -> list[str | None]:
    entries = [champion_on(load_registry(settings), month(day)) for day in days]
    return [entry.model_id if entry else None for entry in entries]


def test_a_challenger_waits_for_a_person_and_serves_from_the_day_of_the_approval(waiting: Settings) -> None:
    assert champions(waiting, 8, 9) == [None, None]
    approvals.approve(FIRST, month(9), **SAID, settings=waiting)
    assert champions(waiting, 8, 9, 12) == [None, FIRST, FIRST]
    lines = [entry for entry in load_registry(waiting).entries if entry.by == "Ann Lee"]
    assert [(e.state, e.why) for e in lines] == [("approved", SAID["reason"]), ("champion", SAID["reason"])]
    assert lines[0].figures == read_card(load_registry(waiting), FIRST)["gate"]["figures"]


@pytest.mark.parametrize("file", [models.ARTEFACT, models.CARD])
def test_a_challenger_whose_files_were_changed_is_not_approved(waiting: Settings, file: str) -> None:
    path = waiting.model_store / FIRST / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelStoreError, match=rf"{file} was changed .* Restore it from a copy"):
        approvals.approve(FIRST, month(8), **SAID, settings=waiting)
    assert champions(waiting, 8) == [None]


def test_who_trained_a_model_does_not_approve_it(waiting: Settings) -> None:
    with pytest.raises(ModelStoreError, match="who trains does not approve"):
        approvals.approve(FIRST, month(8), by="Pipeline ", reason="mine", settings=waiting)


@pytest.mark.parametrize(
    ("by", "reason"), [("", "why"), ("policy:auto", "why"), (" Policy:auto", "why"), ("Ann", " ")]
)
def test_a_decision_needs_a_person_and_a_reason(waiting: Settings, by: str, reason: str) -> None:
    with pytest.raises(UsageError, match=r"--by|--reason"):
        approvals.approve(FIRST, month(8), by=by, reason=reason, settings=waiting)


def test_a_rejected_model_never_serves(waiting: Settings) -> None:
    approvals.reject(FIRST, month(8), **SAID, settings=waiting)
    with pytest.raises(ModelStoreError, match="is rejected on"):
        approvals.approve(FIRST, month(9), **SAID, settings=waiting)
    assert champions(waiting, 14) == [None]


@pytest.fixture
def rejected(replaced: Settings) -> Settings:
    """The store of `replaced` with a third model of month 12 that the gate rejected."""
    add_challenger(replaced, THIRD, 12, champion=SECOND)
    changes = [Change(THIRD, "rejected", "policy:auto", "the gain may be below -0.01")]
    record(load_registry(replaced), replaced, effective_from=month(12), changes=changes)
    return replaced


def test_what_the_gate_rejected_serves_by_an_override_on_record(rejected: Settings) -> None:
    with pytest.raises(ModelStoreError, match="needs --override"):
        approvals.approve(THIRD, month(12), **SAID, settings=rejected)
    approvals.approve(THIRD, month(12), **SAID, settings=rejected, override=True)
    registry = load_registry(rejected)
    assert champions(rejected, 11, 12) == [SECOND, THIRD]
    whys = {entry.why for entry in registry.entries if entry.model_id == THIRD and entry.by == SAID["by"]}
    assert whys == {f"override of the gate: {SAID['reason']}"}
    assert find_impossible_lines(registry) == []
    assert champion_before_override(registry, month(13)) == SECOND
    assert champion_before_override(registry, month(11)) is None


@pytest.mark.parametrize("promoted", [True, False])
def test_an_override_ends_at_the_next_gate(rejected: Settings, promoted: bool) -> None:
    approvals.approve(THIRD, month(12), **SAID, settings=rejected, override=True)
    add_challenger(rejected, "fourth", 14, champion=THIRD)
    registry = load_registry(rejected)
    gate = {"promoted": promoted, "why": "judged", "figures": {}, "champion": THIRD}
    changes = decide_promotion(
        {"model_id": "fourth", "trained_by": "pipeline", "gate": gate},
        serving=THIRD,
        former=champion_before_override(registry, month(14)),
        frozen="",
        auto_approve=True,
    )
    record(registry, rejected, effective_from=month(14), changes=changes[1:])
    assert champions(rejected, 13, 14) == [THIRD, "fourth" if promoted else SECOND]
    assert find_impossible_lines(load_registry(rejected)) == []
    assert champion_before_override(load_registry(rejected), month(14)) is None


def test_an_override_undoes_no_decision_of_a_person(waiting: Settings) -> None:
    approvals.reject(FIRST, month(8), **SAID, settings=waiting)
    with pytest.raises(ModelStoreError, match="rejected by Ann Lee, not by the gate"):
        approvals.approve(FIRST, month(8), **SAID, settings=waiting, override=True)


def test_an_override_of_a_challenger_that_waits_is_refused(waiting: Settings) -> None:
    with pytest.raises(ModelStoreError, match="is challenger on"):
        approvals.approve(FIRST, month(8), **SAID, settings=waiting, override=True)


def test_a_rejected_model_that_is_approved_by_no_override_shows(rejected: Settings) -> None:
    changes = take_over(THIRD, SECOND, by="Ann Lee", why="because", figures={})
    record(load_registry(rejected), rejected, effective_from=month(12), changes=changes)
    assert "by no override" in find_impossible_lines(load_registry(rejected))[0]


def test_before_its_training_a_model_cannot_be_approved(waiting: Settings) -> None:
    with pytest.raises(ModelStoreError, match="not in the registry on"):
        approvals.approve(FIRST, month(7), **SAID, settings=waiting)


def test_a_challenger_judged_against_another_champion_is_not_approved(replaced: Settings) -> None:
    add_challenger(replaced, "third", 12, champion=SECOND)
    approvals.roll_back(FIRST, month(12), **SAID, settings=replaced)
    with pytest.raises(ModelStoreError, match="was judged against"):
        approvals.approve("third", month(13), **SAID, settings=replaced)


def test_a_rollback_serves_from_its_day_and_leaves_earlier_days_alone(replaced: Settings) -> None:
    before = registry_path(replaced).read_text()
    assert approvals.roll_back(FIRST, month(12), **SAID, settings=replaced) == SECOND
    assert champions(replaced, 9, 10, 11, 12, 14) == [FIRST, SECOND, SECOND, FIRST, FIRST]
    assert registry_path(replaced).read_text().startswith(before)
    assert state_on(load_registry(replaced), month(12), SECOND) == "retired"


def test_what_was_rolled_back_can_be_rolled_forward(replaced: Settings) -> None:
    for to in (FIRST, SECOND, FIRST):
        approvals.roll_back(to, month(12), **SAID, settings=replaced)
    assert champions(replaced, 11, 12) == [SECOND, FIRST]


@pytest.mark.parametrize(
    ("to", "day", "said"),
    [(FIRST, 9, "is champion on"), (SECOND, 12, "is champion on"), ("none", 12, "not in the registry")],
)
def test_a_rollback_into_the_past_or_to_the_champion_is_refused(
    replaced: Settings, to: str, day: int, said: str
) -> None:
    with pytest.raises(ModelStoreError, match=said):
        approvals.roll_back(to, month(day), **SAID, settings=replaced)


def test_no_decision_takes_effect_before_the_newest(replaced: Settings) -> None:
    add_challenger(replaced, "third", 11, champion=SECOND)
    approvals.roll_back(FIRST, month(13), **SAID, settings=replaced)
    with pytest.raises(ModelStoreError, match="history is not edited"):
        approvals.approve("third", month(12), **SAID, settings=replaced)
    assert champions(replaced, 12, 13) == [SECOND, FIRST]


def test_a_changed_former_champion_does_not_serve_again(replaced: Settings) -> None:
    (replaced.model_store / FIRST / "reference.json").write_text("[]")
    with pytest.raises(ModelStoreError, match=r"reference\.json was changed"):
        approvals.roll_back(FIRST, month(12), **SAID, settings=replaced)
