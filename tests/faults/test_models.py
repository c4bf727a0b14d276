"""A model store that was spoiled, and trainings in an order that nobody planned."""

import json
import shutil
from collections.abc import Callable

import polars as pl
import pytest

from tasks.registry import models
from tasks.registry.history import champion_on, load_registry, record, registry_path
from tasks.registry.records import Change, Entry
from tasks.registry.registered_files import read_card
from tasks.store import tables
from tests.book import Book, month
from tests.builders import forget_notes, register_anew
from tests.faults.conftest import LAST
from tests.faults.shop import Shop, first_of, put


def champion_of(shop: Shop) -> Entry:
    entry = champion_on(load_registry(shop.settings), month(8))
    assert entry is not None
    return entry


def test_a_training_names_the_months_whose_features_it_does_without(shop: Shop) -> None:
    for number in (0, 1, 2, 6, 7, LAST):
        assert shop.run("features", number).code == 0
    outcome = shop.run("training", LAST)
    assert outcome.code == 0
    fix = f"vintage backfill --flows features --start {month(3)} --end {month(5)}"
    assert f"The features flow of 3 earlier months did not run, and without it none has labels: {fix}" in (
        outcome.said
    )


def test_a_month_is_scored_by_the_champion_of_its_day_though_a_later_one_serves(
    served: Shop, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    before, store = shop.rows("gold.predictions", LAST), shop.settings.model_store
    (then,) = set(before["model_id"])
    shutil.copytree(store / then, store / "newer")
    changes = [Change("newer", state, "test", "test") for state in ("challenger", "champion")]
    record(load_registry(shop.settings), shop.settings, effective_from=month(LAST + 1), changes=changes)
    assert shop.run("inference", LAST).code == 0
    assert shop.rows("gold.predictions", LAST).equals(before)


def test_fault_73_a_changed_artefact_is_refused(served: Shop, copy_of: Callable[[Shop], Shop]) -> None:
    shop = copy_of(served)
    path = shop.settings.model_store / champion_of(shop).model_id / models.ARTEFACT
    path.write_bytes(path.read_bytes() + b"\0")
    outcome = shop.run("inference", 8)
    assert outcome.code == 1
    assert "digest" in outcome.said


@pytest.mark.parametrize("line", [0, -1])
def test_fault_73_an_edited_history_is_refused(
    served: Shop, copy_of: Callable[[Shop], Shop], line: int
) -> None:
    shop = copy_of(served)
    path = registry_path(shop.settings)
    lines = path.read_text().splitlines()
    lines[line] = lines[line].replace('"by": "', '"by": "someone like ')
    path.write_text("\n".join(lines) + "\n")
    for flow in ("inference", "training"):
        outcome = shop.run(flow, 8)
        assert outcome.code == 1
        assert "edited" in outcome.said


@pytest.fixture(scope="module")
def rolled_back(served: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, str]:
    """A store whose month was scored again after a roll-back, and the registry from before that."""
    root = tmp_path_factory.mktemp("rolled_back") / "shop"
    shutil.copytree(served.root, root)
    shop = Shop(root)
    (first,) = models.list_folders(shop.settings)
    before = registry_path(shop.settings).read_text()
    shutil.copytree(shop.settings.model_store / first, shop.settings.model_store / "newer")
    changes = [Change("newer", state, "test", "test") for state in ("challenger", "approved", "champion")]
    retired = Change(first, "retired", "test", "replaced")
    record(
        load_registry(shop.settings), shop.settings, effective_from=month(LAST), changes=[*changes, retired]
    )
    assert shop.run("inference", LAST).code == 0
    assert set(shop.rows("gold.predictions", LAST)["model_id"]) == {"newer"}
    return shop, before


@pytest.mark.parametrize(
    "words",
    [
        *(f"run {flow} --date {month(LAST)}" for flow in ("features", "training", "inference", "monitoring")),
        f"backfill --start {month(LAST)} --end {month(LAST)} --flows inference",
        "status",
        "report",
        "deck",
        "models list",
        "models show newer",
        "models verify",
        f"models approve newer --date {month(LAST)} --by Head --reason why",
        f"models rollback --to newer --date {month(LAST)} --by Head --reason why",
        "settings show",
    ],
)
@pytest.mark.parametrize("kept", ["older", "none"])
def test_no_command_uses_a_registry_that_a_later_one_was_replaced_by(
    rolled_back: tuple[Shop, str], copy_of: Callable[[Shop], Shop], words: str, kept: str
) -> None:
    shop, before = copy_of(rolled_back[0]), rolled_back[1]
    registry_path(shop.settings).write_text(before if kept == "older" else "")
    published = shop.rows("gold.predictions", LAST)
    outcome = shop.command(*words.split(), reads_data=words.startswith(("run", "backfill", "status")))
    if words.startswith(("run features", "settings show")):  # by the settings' history, not the registry
        assert outcome.code == 0, outcome.said
    else:
        assert outcome.code == 1, outcome.said
        assert "registry.jsonl lacks the line" in outcome.said
        assert "Traceback" not in outcome.said
    assert shop.rows("gold.predictions", LAST).equals(published)


@pytest.mark.parametrize("flow", ["training", "inference"])
def test_a_history_that_is_gone_is_not_begun_anew(
    served: Shop, copy_of: Callable[[Shop], Shop], flow: str
) -> None:
    shop = copy_of(served)
    store = shop.settings.model_store
    model_id = champion_of(shop).model_id
    older = model_id.replace(str(month(LAST)), str(month(LAST - 1)))
    (store / model_id).rename(store / older)
    registry_path(shop.settings).unlink()
    forget_notes(shop.settings)
    outcome = shop.run(flow, LAST)
    assert outcome.code == 1
    assert f"registry.jsonl is missing or empty, and {older} are there" in outcome.said
    assert not registry_path(shop.settings).exists()


def test_fault_74_features_that_do_not_match_the_models_list_are_refused(
    served: Shop, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    path = shop.settings.model_store / champion_of(shop).model_id / models.CARD
    card = json.loads(path.read_text())
    card["data"]["features"][0] = "shoe_size"
    path.write_text(json.dumps(card))
    register_anew(shop.settings)
    outcome = shop.run("inference", 8)
    assert outcome.code == 1
    assert "shoe_size" in outcome.said


def test_a_card_that_was_cut_off_is_told(served: Shop, copy_of: Callable[[Shop], Shop]) -> None:
    shop = copy_of(served)
    path = shop.settings.model_store / champion_of(shop).model_id / models.CARD
    path.write_text(path.read_text()[:100])
    outcome = shop.run("inference", LAST)
    assert outcome.code == 1
    assert f"{path} is not the file that was registered" in outcome.said
    assert "Restore it from a copy" in outcome.said


def test_a_training_that_is_run_again_does_not_see_what_was_measured_after_it(
    served: Shop, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    (model_id,) = models.list_folders(shop.settings)
    before = read_card(load_registry(shop.settings), model_id)["gate"]
    of_coverage = pl.when(pl.col("metric") == "coverage").then(pl.lit("red")).otherwise("status")
    red = shop.rows("gold.monitoring", LAST).with_columns(status=of_coverage)
    tables.replace_partitions("gold.monitoring", red, days=[month(LAST)], settings=shop.settings)
    shutil.rmtree(shop.settings.model_store)
    forget_notes(shop.settings)
    assert shop.run("training", LAST).code == 0
    assert read_card(load_registry(shop.settings), model_id)["gate"] == before


def test_a_date_with_a_model_keeps_it_when_newer_ones_are_there(
    served: Shop, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    (then,) = models.list_folders(shop.settings)
    shutil.copytree(shop.settings.model_store / then, shop.settings.model_store / "newer")
    later = [Change("newer", "challenger", "test", "test")]
    record(load_registry(shop.settings), shop.settings, effective_from=month(LAST + 1), changes=later)
    before = load_registry(shop.settings).entries
    assert shop.run("training", LAST).code == 0
    assert load_registry(shop.settings).entries == before


def test_a_training_whose_day_is_decided_already_leaves_no_model_behind(
    served: Shop, book: Book, copy_of: Callable[[Shop], Shop]
) -> None:
    shop = copy_of(served)
    shop.receive(book.change("clickstream", put("fe_1", "77", first_of(LAST))))
    assert shop.run("features", LAST, "--restate").code == 0
    again = [Change(champion_of(shop).model_id, "champion", "test", "test")]
    record(load_registry(shop.settings), shop.settings, effective_from=month(LAST + 1), changes=again)
    outcome = shop.run("training", LAST, "--restate")
    assert outcome.code == 1
    assert f"already holds a decision of {month(LAST + 1)}" in outcome.said
    assert models.list_folders(shop.settings) == [champion_of(served).model_id]


def test_a_training_is_due_when_just_enough_cohorts_are_ripe(served: Shop) -> None:
    figures = served.rows("gold.monitoring", 8).filter(pl.col("metric") == "cohorts_since_training")
    assert figures.select("value", "reference", "status").row(0) == (3.0, 3.0, "due")
