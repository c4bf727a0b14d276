"""Trained models in a store: list, card, comparison, verification, reproduction, and the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings
from tasks.errors import ModelStoreError, NothingToDoError, TableNotReadyError, UsageError
from tasks.evaluation.compare_models import compare_models
from tasks.evaluation.reproduce import reproduce
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.modelling.tasks import promote, train_challenger
from tasks.registry.history import champion_on, load_registry, registry_path
from tasks.registry.listing import card_text, model_table, verify
from tasks.registry.model_card import render_card
from tasks.registry.registered_files import read_card
from tasks.store import tables
from tests.builders import month, months, quick_settings, register_anew, write_book

pytestmark = pytest.mark.integration


def train(settings: Settings, *days: int) -> list[str]:
    ids: list[str] = []
    for day in days:
        ids.append(train_challenger(month(day), settings))
        promote(month(day), ids[-1], settings)
    return ids


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The tables of a lender, and a store whose models wait for a person."""
    home = tmp_path_factory.mktemp("book")
    settings = quick_settings(write_book(home / "data", n_months=15, loans_per_month=120), home)
    settings = settings.model_copy(update={"trials": 1, "auto_approve": False})
    for step in (ingest, build_labels, build_feature_store):
        step(months(15), settings)
    train(settings, 8)
    return settings


@pytest.fixture
def waiting(book: Settings, tmp_path: Path) -> Settings:
    """A copy of the store with one challenger that waits."""
    return copied(book, tmp_path)


@pytest.fixture(scope="module")
def pair(book: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store with two models."""
    settings = copied(book, tmp_path_factory.mktemp("pair"))
    train(settings, 10)
    return settings


def copied(settings: Settings, home: Path) -> Settings:
    shutil.copytree(settings.model_store, home / "store")
    return settings.model_copy(update={"model_store": home / "store"})


def ids(settings: Settings) -> list[str]:
    return sorted({entry.model_id for entry in load_registry(settings).entries})


def test_the_gate_approves_by_itself_where_the_settings_allow_it(book: Settings, tmp_path: Path) -> None:
    store = {"model_store": tmp_path / "store", "auto_approve": True}
    settings = book.model_copy(update=store)
    (model_id,) = train(settings, 8)
    champion = champion_on(load_registry(settings), month(8))
    assert champion is not None
    assert champion.model_id == model_id
    assert [e.by for e in load_registry(settings).entries] == ["pipeline", "policy:auto", "policy:auto"]


@pytest.mark.parametrize("file", ["model.joblib", "card.json", "card.md", "reference.json"])
def test_verify_names_the_file_that_was_changed_or_is_gone(pair: Settings, tmp_path: Path, file: str) -> None:
    assert verify(pair) == 2
    settings = copied(pair, tmp_path)
    path = settings.model_store / ids(settings)[1] / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelStoreError, match=f"{file} was changed"):
        verify(settings)
    path.unlink()
    with pytest.raises(ModelStoreError, match=f"{file} is missing"):
        verify(settings)


def test_verify_sees_that_the_end_of_the_history_was_cut_off(pair: Settings, tmp_path: Path) -> None:
    settings = copied(pair, tmp_path)
    path = registry_path(settings)
    kept = [
        line for line in path.read_text().splitlines() if json.loads(line)["model_id"] == ids(settings)[0]
    ]
    path.write_text("\n".join(kept[:3]) + "\n")
    with pytest.raises(ModelStoreError, match="in no line of the registry"):
        verify(settings)


def test_without_a_model_there_is_nothing_to_list_or_verify(tmp_path: Path) -> None:
    for act in (verify, model_table):
        with pytest.raises(NothingToDoError, match="No model yet"):
            act(Settings(datamart=tmp_path / "none", model_store=tmp_path / "none"))


def test_the_list_has_a_line_per_model_with_its_state(pair: Settings) -> None:
    table = model_table(pair)
    assert table["model"].to_list() == ids(pair)
    assert table["state"][0] == "challenger"


def test_the_card_in_words_is_that_of_the_record(pair: Settings) -> None:
    model_id = ids(pair)[1]
    text = card_text(model_id, pair)
    assert text == render_card(read_card(load_registry(pair), model_id))
    assert f"# Model {model_id}" in text
    for heading in (
        "Use",
        "Data",
        "Candidates",
        "Results by group",
        "Gate",
        "Score paths: which model answers when a source is missing",
        "Tuning",
        "Limitations",
        "Code",
        "Appendix: features",
    ):
        assert f"\n## {heading}" in text


def test_the_card_says_who_may_use_the_model_how_groups_fare_and_what_features_mean(pair: Settings) -> None:
    text = card_text(ids(pair)[1], pair)
    assert "| Owner | Data science |" in text
    assert "| Out of scope |" in text
    assert "| `annual_income` | income a year (account currency) |" in text


def test_a_card_of_older_code_is_rendered_without_what_it_lacks(pair: Settings) -> None:
    card = read_card(load_registry(pair), ids(pair)[1])
    older = {name: value for name, value in card.items() if name not in ("use", "subgroups")}
    assert "## Use" not in render_card(older)


def test_a_model_trained_anew_from_its_table_versions_predicts_the_same(
    pair: Settings, tmp_path: Path
) -> None:
    """Although the label store has changed since."""
    settings = pair.model_copy(update={"datamart": tmp_path / "datamart"})
    shutil.copytree(pair.datamart, settings.datamart)
    labels = tables.scan("gold.label_store", settings, on=[month(7)])
    flipped = labels.with_columns(label=1 - pl.col("label"))
    tables.replace_partitions("gold.label_store", flipped, days=[month(7)], settings=settings)
    model_id = ids(settings)[1]
    made = reproduce(model_id, settings)
    assert made.n > 500
    assert made.changed == []


def test_a_model_that_cannot_be_made_again_is_told(pair: Settings, tmp_path: Path) -> None:
    settings = copied(pair, tmp_path)
    model_id = ids(settings)[0]
    path = settings.model_store / model_id / "card.json"
    card = json.loads(path.read_text())
    other = {**card, "setup": {**card["setup"], "seed": 5}}
    path.write_text(json.dumps(other))
    register_anew(settings)
    with pytest.raises(ModelStoreError, match="trained again predicts otherwise"):
        reproduce(model_id, settings)
    card["data"]["tables"]["gold.label_store"]["version"] = 999
    path.write_text(json.dumps(card))
    register_anew(settings)
    with pytest.raises(TableNotReadyError, match=r"Version 999 of gold\.label_store"):
        reproduce(model_id, settings)


def test_models_are_compared_on_loans_that_neither_learned_from(pair: Settings) -> None:
    first, second = ids(pair)
    compared = compare_models(first, second, pair)
    assert "by each model's specification" in compared.loans
    auc = compared.figures.row(by_predicate=pl.col("figure") == "auc", named=True)
    assert auc["gain"] == pytest.approx(auc[second] - auc[first])
    assert auc["gain_low"] <= auc["gain"] <= auc["gain_high"]
    with pytest.raises(UsageError, match="named twice"):
        compare_models(first, first, pair)
    with pytest.raises(ModelStoreError, match="which knows"):
        compare_models(first, "2020-01-01-00000000", pair)


def test_the_command_line_lists_decides_and_refuses_in_one_sentence(waiting: Settings) -> None:
    def vintage(*words: str) -> subprocess.CompletedProcess[str]:
        folders = ("--datamart", str(waiting.datamart), "--model-store", str(waiting.model_store))
        command = [sys.executable, "-m", "flows", "models", *words, *folders]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    (model_id,) = ids(waiting)
    assert model_id in vintage("list").stdout
    decision = ("approve", model_id, "--by", "Ann", "--reason", "ok", "--date", str(month(8)))
    assert "serves from" in vintage(*decision).stdout
    again = vintage(*decision)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "is champion on" in again.stderr
    assert vintage("verify").returncode == 0
    (waiting.model_store / model_id / "card.md").write_text("better")
    assert vintage("verify").returncode == 1
