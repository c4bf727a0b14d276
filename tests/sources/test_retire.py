"""A source that is retired and restored, on record: what follows for its files, trainings and figures."""

import json
from pathlib import Path

import polars as pl
import pytest

from flows.engine import run_flow
from flows.features import features
from simulator.drift import parse_drift
from simulator.layout import CLICKSTREAM_FILE, FINANCIALS_FILE
from simulator.lender import Lender, simulate
from tasks.config import Settings
from tasks.errors import BadInputError, ModelStoreError, UsageError
from tasks.governance.source_log import note_decision, path_of_decisions, retired_on, used_on
from tasks.modelling.loading import load_training_snapshot
from tasks.modelling.training_set import leave_out_retired
from tasks.registry.history import load_registry, standing_on
from tasks.schemas.feature_store import SOURCE_OF
from tasks.schemas.source_features import features_in
from tasks.sources.declare import list_sources
from tasks.sources.life import restore, retire
from tasks.store import tables
from tests.builders import START, month, months, take_in
from tests.sources.bureau import settings_in

SAID = {"by": "Ann Lee", "reason": "the contract ended"}
N, GONE = 6, 4


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lender whose months up to the fourth came in, and whose clickstream then ends for good."""
    simulate(
        Lender(START, N, 60, 1, drifts=(parse_drift(f"stop:clickstream:{GONE + 1}"),)), tmp_path / "data"
    )
    settings = settings_in(tmp_path, tmp_path / "data")
    take_in(settings, months(GONE))
    return settings


def learned_on(number: int, settings: Settings) -> set[str]:
    """Sources that a training of a month learns from."""
    registry = load_registry(settings)
    snapshot = load_training_snapshot(registry, standing_on(registry, month(number)), settings)
    return {SOURCE_OF[name] for name in features_in(leave_out_retired(snapshot).loans.columns)}


def monitored(number: int, settings: Settings) -> None:
    row = pl.DataFrame([{"snapshot_date": month(number), "metric": "coverage", "subject": "financials"}])
    columns = tables.TABLES["gold.monitoring"].columns
    rows = row.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in columns.items() if name not in row
    )
    rows = rows.with_columns(value=0.0, status=pl.lit("red"))
    tables.replace_partitions("gold.monitoring", rows, days=[month(number)], settings=settings)


def life_of(name: str, settings: Settings) -> str:
    return list_sources(settings).filter(name=name)["life"].item()


def test_a_retired_source_may_send_no_file_and_the_month_comes_in(settings: Settings) -> None:
    (settings.data / CLICKSTREAM_FILE).unlink()
    with pytest.raises(BadInputError, match="file of clickstream is missing"):
        run_flow(features, month(GONE), settings)
    retire("clickstream", month(GONE), settings, **SAID)
    run_flow(features, month(GONE), settings)
    assert tables.read("gold.feature_store", settings, on=month(GONE))["n_clickstream_months"].count() > 0


def test_a_month_before_the_day_still_needs_the_file(settings: Settings) -> None:
    (settings.data / CLICKSTREAM_FILE).unlink()
    retire("clickstream", month(GONE + 1), settings, **SAID)
    with pytest.raises(BadInputError, match="file of clickstream is missing"):
        run_flow(features, month(GONE), settings)


def test_financials_that_are_retired_may_lack_a_month_in_which_loans_start(settings: Settings) -> None:
    path = settings.data / FINANCIALS_FILE
    rows = pl.read_csv(path, infer_schema=False)
    rows.filter(pl.col("snapshot_date") < str(month(GONE))).write_csv(path)
    with pytest.raises(BadInputError, match="has no rows of 2023-05-01, on which loans start"):
        run_flow(features, month(GONE), settings)
    retire("financials", month(GONE), settings, **SAID)
    run_flow(features, month(GONE), settings)
    assert tables.read("gold.feature_store", settings, on=month(GONE)).height == 60


def test_a_file_of_a_retired_source_that_comes_is_taken_in(settings: Settings) -> None:
    retire("financials", month(GONE), settings, **SAID)
    run_flow(features, month(GONE), settings)
    assert tables.read("silver.financials", settings, on=month(GONE)).height


def test_trainings_leave_a_retired_source_out_and_take_a_restored_one_in(settings: Settings) -> None:
    take_in(settings, months(N))
    retire("clickstream", month(3), settings, **SAID)
    restore("clickstream", month(5), settings, **SAID)
    assert [("clickstream" in learned_on(number, settings)) for number in (2, 3, 4, 5)] == [
        True,
        False,
        False,
        True,
    ]
    assert learned_on(3, settings) == {"attributes", "financials"}


def test_another_teams_source_that_is_retired_is_not_in_use(settings: Settings, tmp_path: Path) -> None:
    note_decision("use", "bureau", {"from": str(month(1)), "columns": {"score": "number"}}, settings)
    declared = '[[source]]\nname = "bureau"\nowner = "Bureau"\nwhere = "b"\nformat = "csv"\nkey = "id"\n'
    with settings.sources.open("a") as file:
        file.write(f'\n{declared}matches = "customer_id"\ndate = "day"\n')
    retire("bureau", month(3), settings, **SAID)
    assert [bool(used_on(month(number), settings)) for number in (0, 1, 2, 3, 4)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    restore("bureau", month(4), settings, **SAID)
    assert used_on(month(4), settings) == {"bureau": {"score": "number"}}


@pytest.mark.parametrize("name", ["loans", "attributes"])
def test_what_nothing_works_without_is_not_retired(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError, match=f"Nothing works without {name}"):
        retire(name, month(GONE), settings, **SAID)


def test_only_what_is_retired_is_restored_and_only_once(settings: Settings) -> None:
    with pytest.raises(UsageError, match="clickstream is not retired"):
        restore("clickstream", month(GONE), settings, **SAID)
    retire("clickstream", month(GONE), settings, **SAID)
    with pytest.raises(UsageError, match="retired already, from 2023-05-01"):
        retire("clickstream", month(5), settings, **SAID)
    with pytest.raises(UsageError, match="declares no source 'bureau'"):
        retire("bureau", month(GONE), settings, **SAID)


def test_no_decision_takes_effect_on_a_day_that_was_monitored(settings: Settings) -> None:
    monitored(3, settings)
    for start in (2, 3):
        with pytest.raises(UsageError, match="2023-04-01 was monitored by what was decided then"):
            retire("financials", month(start), settings, **SAID)
    retire("financials", month(4), settings, **SAID)
    assert [list(retired_on(month(number), settings)) for number in (3, 4)] == [[], ["financials"]]


def test_the_list_says_where_a_source_stands(settings: Settings) -> None:
    assert life_of("financials", settings) == "active"
    monitored(1, settings)
    assert life_of("financials", settings) == "missing since 2023-02-01"
    monitored(2, settings)
    monitored(3, settings)
    assert life_of("financials", settings) == "gone since 2023-02-01, a decision is due"
    retire("financials", month(4), settings, **SAID)
    assert life_of("financials", settings) == "retired from 2023-05-01"
    restore("financials", month(5), settings, **SAID)
    assert life_of("financials", settings) == "gone since 2023-02-01, a decision is due"
    assert life_of("attributes", settings) == "active"


def test_a_decision_that_was_edited_is_found(settings: Settings) -> None:
    path = path_of_decisions(settings)
    path.write_text(json.dumps({"what": "check", "source": "old", "at": "2023"}) + "\n", encoding="utf-8")
    retire("clickstream", month(GONE), settings, **SAID)
    retire("financials", month(GONE), settings, **SAID)
    whole = path.read_text(encoding="utf-8")
    for edited in (whole.replace(str(month(GONE)), str(month(1))), whole.replace('"old"', '"new"')):
        path.write_text(edited, encoding="utf-8")
        with pytest.raises(ModelStoreError, match="was edited"):
            retired_on(None, settings)
    unsealed = json.loads(whole.splitlines()[1])
    unsealed.pop("seal")
    path.write_text(json.dumps(unsealed), encoding="utf-8")
    with pytest.raises(ModelStoreError, match="line 1 is not a decision"):
        retired_on(None, settings)
