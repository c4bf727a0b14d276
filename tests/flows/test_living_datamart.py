"""A datamart that older code built goes on with newer code: a feature more, and then one less.

The newer code is a copy of this one with the two lines that a feature takes; it runs in processes of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings
from tasks.registry.history import champion_on, load_registry, trained_on
from tasks.registry.registered_files import read_card
from tasks.schemas.feature_store import FEATURE_STORE, FEATURES
from tasks.store import tables
from tests.builders import month, quick_settings, run_months, write_book
from tests.flows.newer_code import ROOT, Outcome, edited, every_flow, run

pytestmark = pytest.mark.integration

STORE = "gold.feature_store"
ADDED, REMOVED = "debt_per_account_amt", "balance_to_salary_ratio"
OLD_MONTHS, NEXT, DUE = 7, 7, 8  # months that the old code ran; the newer code's first, and one that trains
DECLARED = "governance/lender.toml"
RATIO = 'sql = "CASE WHEN num_bank_accounts > 0 THEN outstanding_debt / num_bank_accounts END"'
LINE = next(
    line for line in (ROOT / DECLARED).read_text(encoding="utf-8").splitlines() if line.startswith(REMOVED)
)
LINES = {DECLARED: (f"{LINE}\n", f'{ADDED} = {{ {RATIO}, reason = "DEBT" }}\n')}
GONE = {DECLARED: f"{LINE}\n"}


def copied(settings: Settings, home: Path) -> Settings:
    shutil.copytree(settings.datamart, home / "datamart")
    shutil.copytree(settings.model_store, home / "model_store")
    return settings.model_copy(update={"datamart": home / "datamart", "model_store": home / "model_store"})


def stored(settings: Settings, name: str = STORE) -> pl.DataFrame:
    """The whole table with every column that it has, whatever this code makes of it."""
    rows = pl.read_delta(str(tables.path_of(name, settings)))
    return rows.select(sorted(rows.columns)).sort("snapshot_date", "loan_id")


def learned(settings: Settings, number: int) -> list[str]:
    champion = champion_on(load_registry(settings), month(number))
    assert champion
    return read_card(load_registry(settings), champion.model_id)["data"]["features"]


def trained_when_due(settings: Settings) -> dict[str, Any]:
    """The card of the model trained in the month DUE."""
    (model_id,) = trained_on(load_registry(settings), month(DUE))
    return read_card(load_registry(settings), model_id)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Tables and a champion of this code."""
    home = tmp_path_factory.mktemp("old")
    settings = quick_settings(write_book(home / "data", n_months=9, loans_per_month=60), home)
    settings = settings.model_copy(update={"label_mob": 3, "retrain_every_cohorts": 3, "trials": 1})
    run_months(settings, map(month, range(OLD_MONTHS)))
    return settings


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with a feature more."""
    lines = {file: (after, after + line) for file, (after, line) in LINES.items()}
    return edited(tmp_path_factory.mktemp("newer"), lines)


READING = (
    "status --rows",
    f"status --review {month(NEXT)}",
    f"actions --date {month(NEXT)}",
    "report",
    "deck",
    "models list",
    "models verify",
    "sources list",
    "models reproduce MODELS",
)


@pytest.fixture(scope="module")
def grown(
    old: Settings, newer: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, dict[str, Outcome]]:
    """The tables after a month of the newer code, and what its commands said."""
    settings = copied(old, tmp_path_factory.mktemp("grown"))
    return settings, run(newer, settings, "status", *every_flow(NEXT), *READING)


@pytest.fixture(scope="module")
def filled(
    grown: tuple[Settings, dict[str, Outcome]], newer: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, dict[str, Outcome]]:
    """The tables after the old months were run again, and then a month that trains."""
    settings = copied(grown[0], tmp_path_factory.mktemp("filled"))
    again = [f"run features --date {month(number)}" for number in range(OLD_MONTHS)]
    scored = f"run inference --date {month(OLD_MONTHS - 1)}"
    return settings, run(newer, settings, *again, scored, *every_flow(DUE), "status", "models list")


def test_every_flow_and_every_reading_command_goes_on(grown: tuple[Settings, dict[str, Outcome]]) -> None:
    _, told = grown
    training = f"run training --date {month(NEXT)}"
    assert {command: one.said for command, one in told.items() if one.code and command != training} == {}
    assert told[training].code == 99
    assert "gives the same PD for all" in told["models reproduce MODELS"].said


def test_status_names_the_months_the_columns_and_the_command(
    grown: tuple[Settings, dict[str, Outcome]], filled: tuple[Settings, dict[str, Outcome]]
) -> None:
    assert grown[1]["status"].said.endswith(
        f"{STORE} lacks {ADDED} in 7 months, 2023-01 to 2023-07: they were written before. "
        "Fill them with: vintage backfill --start 2023-01-01 --end 2023-07-01 --flows features"
    )
    assert "lacks" not in filled[1]["status"].said


def test_old_months_are_null_and_all_else_is_as_it_was(
    old: Settings, grown: tuple[Settings, dict[str, Outcome]]
) -> None:
    before, after = stored(old), stored(grown[0])
    known = after.filter(pl.col("snapshot_date") < month(NEXT))
    assert_frame_equal(known.drop(ADDED), before)
    assert known[ADDED].null_count() == known.height
    assert after.filter(snapshot_date=month(NEXT))[ADDED].null_count() < 10


def test_the_champion_serves_with_the_features_that_it_learned(
    old: Settings, grown: tuple[Settings, dict[str, Outcome]]
) -> None:
    """As the old code would have, to the last bit; drift is watched of what it learned."""
    settings = copied(old, grown[0].datamart.parent / "as the old code")
    run_months(settings, [month(NEXT)])
    for name in ("gold.predictions", "gold.monitoring"):
        rows = [tables.read(name, one, on=month(NEXT)) for one in (grown[0], settings)]
        assert_frame_equal(*rows)


def test_old_months_run_again_get_the_column_and_equal_those_of_a_datamart_built_anew(
    old: Settings, newer: Path, filled: tuple[Settings, dict[str, Outcome]], tmp_path: Path
) -> None:
    """Month by month here, all that the files hold at once there."""
    anew = old.model_copy(update={"datamart": tmp_path / "datamart", "model_store": tmp_path / "models"})
    build = (
        "from tasks.lender.current import serve; from tasks.lender.reading import REFERENCE, read_lender; "
        "serve(read_lender(REFERENCE)); "
        "from tasks.config import Settings; from tests.builders import take_in, month; "
        f"take_in(Settings.model_validate_json({anew.model_dump_json()!r}), [month(n) for n in range(9)])"
    )
    path = os.pathsep.join((str(newer), str(ROOT)))
    subprocess.run(
        [sys.executable, "-c", build], env={**os.environ, "PYTHONPATH": path}, check=True, cwd=tmp_path
    )
    assert ADDED in stored(anew).columns
    for name in (STORE, "gold.label_store", "silver.loans"):
        assert_frame_equal(stored(filled[0], name), stored(anew, name))


def test_scores_of_old_months_do_not_change_and_the_next_model_learns_the_feature(
    old: Settings, filled: tuple[Settings, dict[str, Outcome]]
) -> None:
    day = month(OLD_MONTHS - 1)
    assert_frame_equal(*(tables.read("gold.predictions", one, on=day) for one in (old, filled[0])))
    newest = trained_when_due(filled[0])
    assert set(newest["data"]["features"]) == {*FEATURES, ADDED}
    assert "does without" not in filled[1][f"run training --date {month(DUE)}"].said


def test_a_training_on_months_of_which_some_lack_a_feature_does_without_it(
    grown: tuple[Settings, dict[str, Outcome]], newer: Path, tmp_path: Path
) -> None:
    settings = copied(grown[0], tmp_path)
    told = run(
        newer,
        settings,
        *every_flow(DUE),
        "models compare MODELS",
        f"evaluate --start {month(5)} --end {month(DUE)}",
    )
    assert {one.code for one in told.values()} == {0}
    assert told[f"run training --date {month(DUE)}"].said.startswith(
        f"The training of {month(DUE)} does without {ADDED}, which 7 of its months lack. Make it for the "
        "next one with: vintage backfill --flows features --start 2023-01-01 --end 2023-07-01"
    )
    newest = trained_when_due(settings)
    assert newest["data"]["features"] == list(FEATURES)


def test_the_old_code_reads_and_writes_what_the_newer_code_has_left(
    filled: tuple[Settings, dict[str, Outcome]], tmp_path: Path
) -> None:
    """As after a release that is taken back: what only the newer code makes is not read."""
    settings = copied(filled[0], tmp_path)
    assert tables.scan(STORE, settings).collect_schema() == FEATURE_STORE
    before = stored(settings, "silver.loans")
    run_months(settings, [month(NEXT)])
    assert_frame_equal(stored(settings, "silver.loans"), before)
    assert tables.missing_columns(STORE, settings) == {}


def test_a_feature_that_is_removed_stops_the_champion_that_learned_it_in_one_sentence(
    old: Settings, tmp_path: Path
) -> None:
    """All else goes on, the months of then stay as they were, and the next model learns without it."""
    fewer = edited(tmp_path / "code", {file: (line, "") for file, line in GONE.items()})
    settings = copied(old, tmp_path)
    assert REMOVED in learned(settings, NEXT)
    going_on = [f"run {flow} --date {month(DUE)}" for flow in ("features", "training")]
    told = run(fewer, settings, *every_flow(NEXT), *going_on, "report", "deck", "models list", "status")
    refused = told[f"run inference --date {month(NEXT)}"]
    assert refused.code == 1
    assert f"learned from {REMOVED}, which this code does not make any more, so it cannot" in refused.said
    assert {told[command].code for command in (*going_on, "report", "deck", "models list", "status")} == {0}
    assert REMOVED not in trained_when_due(settings)["data"]["features"]
    assert "lacks" not in told["status"].said
    assert REMOVED not in stored(settings).columns
    version = tables.version_of(STORE, old)
    then = pl.read_delta(str(tables.path_of(STORE, settings)), version=version)
    assert_frame_equal(then.select(sorted(then.columns)).sort("snapshot_date", "loan_id"), stored(old))
