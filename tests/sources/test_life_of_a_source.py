"""Another team's source from its declaration to the day it stops, on a simulated lender."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.engine import run_flow
from flows.features import features
from flows.inference import inference
from tasks.config import Settings
from tasks.errors import BadInputError, TableNotReadyError, UsageError
from tasks.governance.source_log import used_on
from tasks.modelling.loading import load_training_data
from tasks.monitoring.actions import actions_on
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import read_card
from tasks.schemas.reasons import OTHER
from tasks.sources.decisions import admitted_columns, drop
from tasks.sources.declare import list_sources
from tasks.sources.tasks import TABLE, take_in_past
from tasks.store import restatements, tables
from tests.builders import (
    all_tables,
    month,
    months,
    registry_until,
    run_months,
)
from tests.sources.bureau import (
    FIRST,
    N_MONTHS,
    SAID,
    STOPS,
    USED,
    copied,
    live_with,
    settings_in,
    take_bureau,
    write_bureau,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def before(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The months without the bureau."""
    settings = settings_in(tmp_path_factory.mktemp("before"), book)
    run_months(settings, months(USED))
    return settings


@pytest.fixture(scope="module")
def lived(before: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same, and the months with it."""
    home = tmp_path_factory.mktemp("lived")
    settings = copied(before, home)
    live_with(write_bureau(before.data, home / "bureau"), settings)
    return settings


def learned_from(day: date, settings: Settings) -> list[str]:
    """Columns of the loans that a training of the day learns from."""
    return load_training_data(day, settings, sources=used_on(day, settings)).loans.columns


def champion(settings: Settings, number: int) -> dict[str, Any]:
    """Card of the champion of a month."""
    entry = champion_on(load_registry(settings), month(number))
    assert entry is not None
    return read_card(load_registry(settings), entry.model_id)


def test_key_date_and_format_are_found_and_declared(lived: Settings) -> None:
    told = list_sources(lived).filter(name="bureau").row(0, named=True)
    assert (told["format"], told["key"], told["date"]) == ("parquet", "client", "snapshot")
    assert told["state"] == f"used from {month(USED)}, 2 columns, on probation"


def test_the_leaks_are_refused_and_the_rest_is_used(lived: Settings) -> None:
    assert admitted_columns("bureau", lived) == {"score": "number", "Segment": "word"}
    verdicts = pl.read_csv(lived.datamart / "sources" / "bureau-audit.csv")
    refused = verdicts.filter(verdict="refused")
    assert set(refused["column"]) == {"worst_arrears", "was_late"}
    assert refused["evidence"].null_count() == 0


def test_models_from_the_day_on_learn_from_it_and_no_earlier_one(lived: Settings) -> None:
    used = {
        e.effective_from: read_card(load_registry(lived), e.model_id)["data"]["sources"]
        for e in load_registry(lived).entries
        if e.state == "challenger"
    }
    assert used[str(month(FIRST))] == {}
    assert used[str(month(USED))] == {"bureau": {"score": "number", "Segment": "word"}}


def test_a_champion_that_learned_from_it_serves(lived: Settings) -> None:
    before, after = champion(lived, USED - 1), champion(lived, USED)
    assert [card["data"]["sources"].keys() for card in (before, after)] == [{}.keys(), {"bureau"}]
    scored = tables.read("gold.predictions", lived, on=month(USED))
    assert set(scored["model_id"]) == {after["model_id"]}
    assert set(scored["fallback"]) == {"none"}
    assert scored.filter(pl.any_horizontal(pl.col("^reason_.*$").str.starts_with(OTHER))).height


def test_when_it_stops_the_fallback_scores_and_monitoring_says_so(lived: Settings) -> None:
    assert set(tables.read("gold.predictions", lived, on=month(STOPS))["fallback"]) == {"bureau"}
    figures = tables.read("gold.monitoring", lived, on=month(STOPS))
    coverage = figures.filter(metric="coverage", subject="bureau").row(0, named=True)
    assert (coverage["value"], coverage["status"]) == (0.0, "red")
    before = tables.read("gold.monitoring", lived, on=month(STOPS - 1)).filter(
        metric="coverage", subject="bureau"
    )
    assert before.select("value", "status").row(0) == (1.0, "green")
    actions = actions_on(month(STOPS), lived)
    assert actions.filter(pl.col("evidence").str.contains("bureau"))["trigger"].to_list() == [
        "source_missing"
    ]


def test_a_rerun_writes_nothing(lived: Settings) -> None:
    before, lines = tables.version_of("gold.source_features", lived), load_registry(lived).entries
    run_months(lived, months(N_MONTHS)[USED:])
    assert tables.version_of("gold.source_features", lived) == before
    assert load_registry(lived).entries == lines


def test_months_before_its_use_stay_as_they_were_without_it(before: Settings, lived: Settings) -> None:
    last = month(USED - 1)
    assert registry_until(before, last) == registry_until(lived, last)
    for name, table in all_tables(before, until=last).items():
        if name != TABLE:
            assert_frame_equal(table, all_tables(lived, until=last)[name])


def test_deliveries_after_the_day_change_nothing(before: Settings, lived: Settings, tmp_path: Path) -> None:
    settings = copied(before, tmp_path)
    bureau = write_bureau(before.data, tmp_path / "bureau", until=USED + 1)
    live_with(bureau, settings, until=USED + 1)
    assert registry_until(settings, month(USED)) == registry_until(lived, month(USED))
    ours, theirs = (all_tables(one, until=month(USED)) for one in (settings, lived))
    for name, table in ours.items():
        assert_frame_equal(table, theirs[name])
    assert ours["gold.source_features"].height


def test_values_of_a_published_month_that_change_are_refused_until_restated(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    take_bureau(settings, bureau)
    run_flow(features, month(3), settings)
    file = bureau / f"{month(3)}.parquet"
    pl.read_parquet(file).with_columns(pl.col("score") + 1).write_parquet(file)
    published = tables.read("gold.source_features", settings, on=month(3))
    with pytest.raises(BadInputError, match=r"bureau changed for 2023-04-01.*120 values.*--restate"):
        run_flow(features, month(3), settings)
    assert_frame_equal(tables.read("gold.source_features", settings, on=month(3)), published)
    run_flow(features, month(3), settings.model_copy(update={"restate": True}))
    restated = tables.read("gold.source_features", settings, on=month(3)).filter(feature="bureau__score")
    assert restated["number"].to_list() == pytest.approx(
        [value + 1 for value in published.filter(feature="bureau__score")["number"]]
    )
    (line,) = restatements.read_history(settings)
    assert (line["snapshot_date"], line["what"]) == (str(month(3)), "values of bureau")
    before = tables.scan("gold.source_features", settings, on=[month(3)], version=line["old_versions"][TABLE])
    assert before.collect().height == published.height


def forget_score(file: Path) -> None:
    pl.read_parquet(file).drop("score").write_parquet(file)


@pytest.mark.parametrize("change", [Path.unlink, forget_score], ids=["file", "column"])
def test_a_file_or_column_that_goes_takes_nothing_from_a_published_month(
    book: Path, fed: Settings, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    take_bureau(settings, bureau)
    take_bureau(settings, write_bureau(book, tmp_path / "other"), name="other")
    run_flow(features, month(3), settings)
    published = tables.read(TABLE, settings, on=month(3))
    assert set(published["source"]) == {"bureau", "other"}
    change(bureau / f"{month(3)}.parquet")
    with pytest.raises(BadInputError, match=r"bureau changed for 2023-04-01|has no column 'score' any more"):
        run_flow(features, month(3), settings)
    assert_frame_equal(tables.read(TABLE, settings, on=month(3)), published)


def test_a_file_that_comes_late_changes_no_published_month_until_restated(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    file = bureau / f"{month(3)}.parquet"
    late = file.rename(tmp_path / file.name)
    take_bureau(settings, bureau)
    run_flow(features, month(3), settings)
    published = tables.read(TABLE, settings, on=month(3))
    assert published["number"].null_count() == published.height
    late.rename(file)
    with pytest.raises(BadInputError, match="bureau changed for 2023-04-01"):
        run_flow(features, month(3), settings)
    assert_frame_equal(tables.read(TABLE, settings, on=month(3)), published)
    run_flow(features, month(3), settings.model_copy(update={"restate": True}))
    assert tables.read(TABLE, settings, on=month(3))["number"].count() == 120


def test_a_dropped_source_that_breaks_stops_no_later_month_and_loses_no_value(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    take_bureau(settings, bureau)
    run_flow(features, month(USED), settings)
    run_flow(features, month(USED + 1), settings)
    published = tables.read(TABLE, settings, on=month(USED + 1))
    drop("bureau", month(USED + 1), settings, **SAID)
    (bureau / "broken.parquet").write_text("not a table", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"broken\.parquet cannot be read"):
        run_flow(features, month(USED), settings)
    for day in (month(USED + 1), month(USED + 2)):
        run_flow(features, day, settings)
    assert_frame_equal(tables.read(TABLE, settings, on=month(USED + 1)), published)
    assert tables.read(TABLE, settings, on=month(USED + 2))["number"].count() == 0


def test_a_declaration_that_means_something_else_than_when_it_was_used_is_refused(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    take_bureau(settings, bureau)
    text = settings.sources.read_text(encoding="utf-8")
    moved = bureau.rename(tmp_path / "moved")
    settings.sources.write_text(text.replace(str(bureau), str(moved)), encoding="utf-8")
    run_flow(features, month(3), settings)
    settings.sources.write_text(text.replace("valid_days = 62", "valid_days = 600"), encoding="utf-8")
    with pytest.raises(UsageError, match="declares bureau otherwise than when it was taken into use"):
        run_flow(features, month(4), settings)


def test_trainings_into_a_new_model_store_use_the_same_sources(lived: Settings, tmp_path: Path) -> None:
    anew = lived.model_copy(update={"model_store": tmp_path / "anew"})
    ours, bureau = (learned_from(month(day), anew) for day in (USED - 1, USED))
    assert set(bureau) - set(ours) == {"bureau__score", "bureau__segment"}


def test_what_was_not_taken_in_is_asked_for(before: Settings, tmp_path: Path) -> None:
    settings = copied(before, tmp_path)
    take_bureau(settings, write_bureau(before.data, tmp_path / "bureau"))
    tables.open_table(TABLE, settings).delete()
    with pytest.raises(
        TableNotReadyError, match=r"bureau said of months from 2023-01-01 to 2023-11-01\. Take"
    ):
        learned_from(month(USED), settings)
    take_in_past("bureau", admitted_columns("bureau", settings), settings)
    assert "bureau__score" in learned_from(month(USED), settings)


def test_a_month_is_not_scored_before_its_sources_came_in(lived: Settings, tmp_path: Path) -> None:
    settings = copied(lived, tmp_path)
    tables.open_table(TABLE, settings).delete(
        f"snapshot_date = '{month(USED)}'"
    )  # as if the flow had stopped
    with pytest.raises(
        TableNotReadyError, match=f"bureau said of months from {month(USED)} to {month(USED)}"
    ):
        run_flow(inference, month(USED), settings)
