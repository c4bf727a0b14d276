"""Decisions of people on sources: who may take what in, from which day on, and for how long it holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tasks.config import Settings
from tasks.errors import ModelStoreError, UsageError
from tasks.governance.declarations import add_declared, read_declared
from tasks.governance.source_log import note_decision, path_of_decisions, read_decisions, used_on
from tasks.registry import models
from tasks.registry.history import load_registry, record
from tasks.registry.records import Change
from tasks.sources.decisions import (
    admitted_columns,
    audited_sources,
    drop,
    override,
    require_acknowledged,
    use,
)
from tests.builders import month, quick_settings
from tests.sources.test_files import declared

SAID = {"by": "Ann Lee", "reason": "measured"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a declared source `team` that an audit has looked at."""
    sources = tmp_path / "sources.toml"
    sources.write_text(Settings().sources.read_text(encoding="utf-8"), encoding="utf-8")
    settings = quick_settings(tmp_path, tmp_path).model_copy(update={"sources": sources})
    add_declared(declared("team", "csv"), settings)
    audit(settings, {"score": "", "debt": "a later value"})
    return settings


def audit(
    settings: Settings,
    found: Mapping[str, str],
    *,
    kind: str = "number",
    as_of: str = "2023-06-01",
    earlier: Sequence[str] = (),
    probation: str = "",
) -> None:
    """Write down an audit: the check that each column failed, "" for none."""
    fields = {
        "as_of": as_of,
        "earlier": earlier,
        "declared": read_declared("team", settings).model_dump(),
        "kinds": dict.fromkeys(found, kind),
        "admitted": [column for column, check in found.items() if not check],
        "refused": {column: check for column, check in found.items() if check},
        "probation": probation,
    }
    note_decision("check", "team", fields, settings)


def train(settings: Settings, number: int) -> None:
    """A model trained in a month, as far as the registry tells."""
    folder = settings.model_store / f"model-{number}"
    folder.mkdir(parents=True)
    (folder / models.ARTEFACT).write_bytes(b"a model")
    changes = [Change(folder.name, "challenger", "pipeline", "trained")]
    record(load_registry(settings), settings, effective_from=month(number), changes=changes)


@pytest.mark.parametrize(
    ("by", "reason"), [("", "why"), (" ", "why"), ("Ann Lee", ""), ("policy:auto", "why")]
)
def test_a_decision_needs_a_person_and_a_reason(settings: Settings, by: str, reason: str) -> None:
    before = read_decisions(settings)
    with pytest.raises(UsageError, match=r"--by|--reason"):
        override("team", "debt", settings, by=by, reason=reason)
    with pytest.raises(UsageError, match=r"--by|--reason"):
        use("team", month(9), settings, by=by, reason=reason)
    assert read_decisions(settings) == before


def test_who_uses_a_source_on_probation_acknowledges_it(settings: Settings) -> None:
    require_acknowledged("team", settings, acknowledged=False)
    audit(settings, {"score": ""}, as_of="2023-07-01", probation="capture it with: vintage capture NAME.")
    with pytest.raises(UsageError, match=r"team is on probation: .* capture team\. .*--on-probation"):
        require_acknowledged("team", settings, acknowledged=False)
    require_acknowledged("team", settings, acknowledged=True)


def test_no_use_begins_on_a_day_that_was_trained_on(settings: Settings) -> None:
    train(settings, 5)
    with pytest.raises(UsageError, match=r"model-5 was trained on 2023-06-01 or later"):
        use("team", month(5), settings, **SAID)
    use("team", month(6), settings, **SAID)
    train(settings, 8)
    with pytest.raises(UsageError, match=r"model-8 was trained"):
        drop("team", month(7), settings, **SAID)
    assert used_on(month(7), settings).keys() == {"team"}


def test_no_decision_takes_effect_before_an_earlier_one_does(settings: Settings) -> None:
    use("team", month(6), settings, **SAID)
    drop("team", month(9), settings, **SAID)
    with pytest.raises(UsageError, match="takes effect on 2023-10-01"):
        use("team", month(7), settings, **SAID)
    use("team", month(11), settings, **SAID)
    used = [bool(used_on(month(number), settings)) for number in (5, 6, 8, 9, 10, 11)]
    assert used == [False, True, True, False, False, True]


def test_an_override_holds_while_the_audit_says_the_same(settings: Settings) -> None:
    override("team", "debt", settings, **SAID)
    assert admitted_columns("team", settings).keys() == {"score", "debt"}
    audit(settings, {"score": "", "debt": "the outcome itself"})
    assert admitted_columns("team", settings).keys() == {"score"}
    audit(settings, {"score": "", "debt": "a later value"})
    assert admitted_columns("team", settings).keys() == {"score", "debt"}


def test_an_audit_of_an_older_day_does_not_replace_one_that_knew_more(settings: Settings) -> None:
    audit(settings, {"score": "", "debt": ""}, as_of="2023-05-01")
    assert admitted_columns("team", settings).keys() == {"score"}


def test_an_audit_without_an_earlier_delivery_does_not_replace_one_with_it(settings: Settings) -> None:
    audit(settings, {"score": "values of old months change", "debt": ""}, earlier=["in march"])
    audit(settings, {"score": "", "debt": ""})
    assert admitted_columns("team", settings).keys() == {"debt"}
    audit(settings, {"score": "", "debt": ""}, earlier=["in april"])
    assert admitted_columns("team", settings).keys() == {"score", "debt"}


def test_a_source_that_is_declared_anew_is_audited_anew(settings: Settings) -> None:
    text = settings.sources.read_text(encoding="utf-8")
    settings.sources.write_text(text.replace('key = "id"', 'key = "no"'), encoding="utf-8")
    with pytest.raises(UsageError, match="team was declared anew since its audit"):
        use("team", month(6), settings, **SAID)


def test_a_history_that_was_damaged_is_told_with_its_line(settings: Settings) -> None:
    path = path_of_decisions(settings)
    path.write_text(path.read_text(encoding="utf-8") + "<<<<<<< theirs", encoding="utf-8")
    with pytest.raises(ModelStoreError, match=r"sources\.jsonl line 2 is not a decision"):
        used_on(None, settings)


def test_a_line_is_added_whole_after_one_that_lost_its_end(settings: Settings) -> None:
    path = path_of_decisions(settings)
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    use("team", month(6), settings, **SAID)
    assert [line["what"] for line in read_decisions(settings)] == ["check", "use"]


@pytest.mark.parametrize("check", ["a name that is taken", "unreadable", "empty", "no name for it"])
def test_nobody_can_admit_a_column_that_no_model_can_use(settings: Settings, check: str) -> None:
    audit(settings, {"score": "", "debt": check})
    with pytest.raises(UsageError, match=f"No model can use 'debt' of team: {check}"):
        override("team", "debt", settings, **SAID)


def test_a_column_that_models_learned_as_a_number_is_not_used_as_a_word(settings: Settings) -> None:
    use("team", month(6), settings, **SAID)
    audit(settings, {"score": ""}, kind="word")
    with pytest.raises(UsageError, match="score of team was used as a number and is a word now"):
        use("team", month(8), settings, **SAID)


def test_decisions_are_kept_beside_the_declarations_whatever_the_model_store(
    settings: Settings, tmp_path: Path
) -> None:
    use("team", month(6), settings, **SAID)
    elsewhere = settings.model_copy(update={"model_store": tmp_path / "another"})
    assert used_on(month(6), elsewhere) == {"team": {"score": "number"}}
    assert (tmp_path / "sources.jsonl").is_file()


def test_a_source_that_lost_its_declaration_is_not_compared(settings: Settings) -> None:
    assert audited_sources(settings) == ["team"]
    text = settings.sources.read_text(encoding="utf-8")
    settings.sources.write_text(text.split('[[source]]\nname = "team"')[0], encoding="utf-8")
    assert audited_sources(settings) == []
