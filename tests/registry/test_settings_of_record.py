"""A store's settings are those of its first training, whatever the environment says later."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from flows.cli.main import command
from tasks.config import Settings
from tasks.errors import ModelStoreError, UsageError
from tasks.governance.adopted_policy import read_policy
from tasks.registry import models, settings_history
from tasks.registry.settings_of_record import (
    change_settings,
    policy_on,
    set_cutoff,
    settings_on,
    settings_table,
)
from tests.builders import forget_notes, month, months, quick_settings, registry_until, run_months, write_book

pytestmark = pytest.mark.integration

FIRST, LAST = 8, 11  # months of the first training, and of the last data; another is trained between


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store whose first months ran with two trials and a training each second cohort."""
    home = tmp_path_factory.mktemp("begun")
    settings = quick_settings(write_book(home / "data", n_months=LAST + 1), home)
    settings = settings.model_copy(update={"trials": 2})
    run_months(settings, months(LAST + 1))
    return settings


@pytest.fixture
def settings(begun: Settings, tmp_path: Path) -> Settings:
    """A copy of the store, met by somebody who knows nothing of how it was begun."""
    shutil.copytree(begun.datamart, tmp_path / "datamart")
    shutil.copytree(begun.model_store, tmp_path / "model_store")
    return Settings(data=begun.data, datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")


def change(settings: Settings, start: date, **changes: str) -> None:
    change_settings(changes, start, settings, by="Head of model risk", reason="a wider search")


def test_every_month_again_with_other_settings_gives_what_the_first_run_gave(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = registry_until(settings, month(LAST)), models.list_folders(settings)
    for name, value in {"TRIALS": "1", "SEED": "9", "OOT_COHORTS": "1", "LABEL_DPD": "60"}.items():
        monkeypatch.setenv(f"VINTAGE_{name}", value)
    given = Settings(data=settings.data, datamart=settings.datamart, model_store=settings.model_store)
    run_months(given, months(LAST + 1))
    assert (registry_until(given, month(LAST)), models.list_folders(given)) == before


def test_what_the_first_run_was_given_holds_on_every_date(settings: Settings) -> None:
    for day in (month(0), month(FIRST), month(LAST), month(LAST + 20)):
        held = settings_on(day, settings)
        assert (held.trials, held.retrain_every_cohorts, held.label_def) == (2, 2, "30dpd_6mob")


def test_a_variable_that_differs_is_reported_once_with_the_command_that_changes_it(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("VINTAGE_TRIALS", "7")
    settings_on(month(FIRST), settings)
    settings_on(month(LAST), settings)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("VINTAGE_TRIALS=7 is not used")
    assert "made with 2" in told
    assert "vintage settings change trials=VALUE" in told


def test_a_change_holds_from_its_date_on_and_not_before(settings: Settings) -> None:
    change(settings, month(LAST + 1), trials="1", auto_approve="false")
    assert settings_on(month(LAST), settings).trials == 2
    held = settings_on(month(LAST + 1), settings)
    assert (held.trials, held.auto_approve, held.retrain_every_cohorts) == (1, False, 2)
    rows = {row["setting"]: row for row in settings_table(date.max, settings).to_dicts()}
    assert rows["trials"]["since"] == str(month(LAST + 1))
    assert rows["trials"]["by"] == "Head of model risk"
    assert rows["seed"]["since"] == str(month(FIRST))


@pytest.mark.parametrize(
    ("changes", "start", "message"),
    [
        ({"trials": "1"}, month(FIRST + 2), "was trained on"),
        ({"label_dpd": "60"}, month(LAST + 1), "a datamart holds one"),
        ({"tries": "1"}, month(LAST + 1), "There is no setting 'tries'"),
        ({"trials": "0"}, month(LAST + 1), r"trials \(VINTAGE_TRIALS\) cannot be 0"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    settings: Settings, changes: dict[str, str], start: date, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        change(settings, start, **changes)
    assert len(settings_history.read_settings_history(settings)) == 1


def test_a_change_before_one_on_record_is_refused(settings: Settings) -> None:
    change(settings, month(LAST + 2), trials="1")
    with pytest.raises(UsageError, match=f"Choose --from {month(LAST + 2)} or later"):
        change(settings, month(LAST + 1), trials="3")


def test_before_the_first_training_there_is_nothing_to_change(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Set VINTAGE_TRIALS for it"):
        change(Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "store"), month(1), trials="1")
    assert list(tmp_path.iterdir()) == []


def test_an_edited_line_is_refused(settings: Settings) -> None:
    path = settings_history.history_path(settings)
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, "settings": {**line["settings"], "trials": 1}}) + "\n")
    with pytest.raises(ModelStoreError, match=r"settings.jsonl was edited"):
        settings_on(month(LAST), settings)


def test_a_store_of_before_the_record_goes_on_with_what_its_newest_card_says(settings: Settings) -> None:
    settings_history.history_path(settings).unlink()
    forget_notes(settings)
    assert settings_on(month(LAST), settings).trials == 2
    change(settings, month(LAST + 1), seed="4")
    assert [line.settings["trials"] for line in settings_history.read_settings_history(settings)] == [2, 2]


def test_a_datamart_and_models_of_two_label_rules_do_not_go_together(
    settings: Settings, begun: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VINTAGE_LABEL_DPD", "60")
    other = Settings(data=begun.data, datamart=tmp_path / "other", model_store=tmp_path / "none")
    run_months(other, months(7))
    assert settings_on(month(6), other).label_def == "60dpd_6mob"
    both = other.model_copy(update={"model_store": settings.model_store})
    with pytest.raises(ModelStoreError, match=r"labels by 60dpd_6mob, and the models .* learned 30dpd_6mob"):
        settings_on(month(6), both)


def test_the_command_shows_and_changes(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--datamart", str(settings.datamart), "--model-store", str(settings.model_store)]
    decided = ["--by", "Head of model risk", "--reason", "a wider search", "--from", str(month(LAST + 1))]
    for words in (["change", "trials=5", *decided], ["show"]):
        with pytest.raises(SystemExit) as end:
            command(["settings", *words, *places])
        assert end.value.code == 0
    printed = capsys.readouterr().out
    assert f"trials is 5 from {month(LAST + 1)} on." in printed
    assert "Head of model risk" in printed


def test_a_cut_off_holds_from_its_date_on_and_earlier_months_keep_theirs(settings: Settings) -> None:
    store = ["--datamart", str(settings.datamart), "--model-store", str(settings.model_store)]
    decided = ["--by", "Head of credit risk", "--reason", "bad rate of approved loans"]
    later = month(LAST + 1)
    words = ["policy", "set-cutoff", "0.2", "--from", str(later), *decided, *store]
    with pytest.raises(SystemExit, match="0"):
        command(words)
    held = [policy_on(day, settings).policy.cutoff_pd for day in (month(LAST), later, month(LAST + 5))]
    assert held == [read_policy(settings.policy).policy.cutoff_pd, 0.2, 0.2]


@pytest.mark.parametrize(
    ("cutoff_pd", "start", "why"), [(0.2, LAST, "was monitored"), (1.5, LAST + 1, "less than 1")]
)
def test_a_cut_off_for_a_monitored_month_or_beyond_all_pds_is_refused(
    settings: Settings, cutoff_pd: float, start: int, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        set_cutoff(cutoff_pd, month(start), settings, by="Head of credit risk", reason="a test")
