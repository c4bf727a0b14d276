"""Another team's source from its declaration to the day it stops, on a simulated lender."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.cli.main import command
from flows.engine import run_flow
from flows.features import features
from flows.inference import inference
from simulator.layout import LOANS_FILE, TRUTH_FILE
from tasks.config import Settings
from tasks.errors import BadInputError, TableNotReadyError, UsageError
from tasks.evaluation.source_value import compare_sources
from tasks.leakage_audit.audit_source import audit_source
from tasks.modelling.tasks import known_on
from tasks.monitoring.actions import actions_on
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import read_card
from tasks.schemas.reasons import OTHER
from tasks.sources.decision_log import read_decisions, used_on
from tasks.sources.decisions import admitted_columns, drop, override, use
from tasks.sources.declare import add_source, list_sources
from tasks.sources.tasks import TABLE, take_in_past, take_in_sources
from tasks.store import restatements, tables
from tests.builders import (
    all_tables,
    month,
    months,
    quick_settings,
    registry_until,
    run_months,
    take_in,
    write_book,
)

SAID = {"by": "Ann Lee", "reason": "measured"}
# Models are trained in months 8 and 12; the second uses the bureau, which sends nothing from month 14 on.
FIRST, USED, STOPS, N_MONTHS = 8, 12, 14, 15
NOISE = 1.2  # of the bureau's score, in log-odds: worth a new champion, and no wonder


def write_bureau(book: Path, folder: Path, *, until: int = STOPS) -> Path:
    """What a bureau knows of the customers on the day they apply, a file a month; and two leaks."""
    loans = pl.read_csv(book / LOANS_FILE).filter(pl.col("installment_num") == 0)
    later = pl.read_csv(book / LOANS_FILE).group_by("loan_id").agg(late=pl.col("overdue_amt").max())
    rows = loans.join(pl.read_csv(book / TRUTH_FILE), on="loan_id").join(later, on="loan_id").sort("loan_id")
    rng = np.random.default_rng(1)
    risk = np.log(rows["true_pd"] / (1 - rows["true_pd"])).to_numpy()
    sent = rows.select(
        client=pl.col("Customer_ID"),
        snapshot=pl.col("snapshot_date").str.to_date(),
        score=pl.Series(risk + rng.normal(0, NOISE, len(risk))),
        Segment=pl.Series(rng.choice(["a", "b"], len(risk))),
        worst_arrears=pl.col("late"),
        was_late=(pl.col("late") > 0).cast(pl.Int8),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for day, some in sent.filter(pl.col("snapshot") < month(until)).group_by("snapshot"):
        some.write_parquet(folder / f"{day[0]}.parquet")
    return folder


def settings_in(home: Path, book: Path) -> Settings:
    """Quick settings with a declaration file of their own."""
    declared = home / "sources.toml"
    declared.write_text(Settings().sources.read_text(encoding="utf-8"), encoding="utf-8")
    return quick_settings(book, home).model_copy(
        update={"sources": declared, "trials": 1, "retrain_every_cohorts": 4}
    )


def take_bureau(settings: Settings, bureau: Path, *, name: str = "bureau") -> None:
    add_source(name, [str(bureau)], settings, owner="Bureau")
    audit_source(name, month(USED - 1), settings)
    use(name, month(USED), settings, **SAID)


def live_with(bureau: Path, settings: Settings, *, until: int = N_MONTHS) -> None:
    """Take in the bureau, with its past months, and go on with it."""
    take_bureau(settings, bureau)
    take_in_sources(months(USED), settings)
    run_months(settings, months(until)[USED:])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("book"), n_months=N_MONTHS, loans_per_month=120)


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


@pytest.fixture(scope="module")
def fed(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The features of all months, and nothing else."""
    settings = settings_in(tmp_path_factory.mktemp("fed"), book)
    take_in(settings, months(N_MONTHS))
    return settings


def copied(settings: Settings, home: Path) -> Settings:
    """The same tables, models and declarations elsewhere."""
    for folder in (settings.datamart, settings.model_store):
        if folder.exists():
            shutil.copytree(folder, home / folder.name)
    return settings_in(home, settings.data)


def champion(settings: Settings, number: int) -> dict[str, Any]:
    """Card of the champion of a month."""
    entry = champion_on(load_registry(settings), month(number))
    assert entry is not None
    return read_card(load_registry(settings), entry.model_id)


def test_key_date_and_format_are_found_and_declared(lived: Settings) -> None:
    told = list_sources(lived).filter(name="bureau").row(0, named=True)
    assert (told["format"], told["key"], told["date"]) == ("parquet", "client", "snapshot")
    assert told["state"] == f"used from {month(USED)}, 2 columns"


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
    take_bureau(settings, bureau)
    file = bureau / f"{month(3)}.parquet"
    late = file.rename(tmp_path / file.name)
    for earlier in bureau.glob("*.parquet"):
        earlier.unlink()
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


def test_a_monthly_feed_is_not_refused_for_months_that_an_earlier_delivery_lacks(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    add_source("bureau", [str(bureau)], settings, owner="Bureau", valid_days=600)
    earlier = write_bureau(book, tmp_path / "earlier", until=6)
    verdicts = audit_source("bureau", month(USED), settings, earlier=[str(earlier)]).verdicts
    assert set(verdicts.filter(verdict="admitted")["column"]) == {"score", "Segment"}


def test_our_own_files_are_not_audited_as_sources(fed: Settings) -> None:
    with pytest.raises(UsageError, match="loans is one of the lender's own four files"):
        audit_source("loans", None, fed)


def test_trainings_into_a_new_model_store_use_the_same_sources(lived: Settings, tmp_path: Path) -> None:
    anew = lived.model_copy(update={"model_store": tmp_path / "anew"})
    ours, bureau = (known_on(month(day), anew).loans.columns for day in (USED - 1, USED))
    assert set(bureau) - set(ours) == {"bureau__score", "bureau__segment"}


def test_what_was_not_taken_in_is_asked_for(before: Settings, tmp_path: Path) -> None:
    settings = copied(before, tmp_path)
    take_bureau(settings, write_bureau(before.data, tmp_path / "bureau"))
    with pytest.raises(
        TableNotReadyError, match=r"bureau said of months from 2023-01-01 to 2023-11-01\. Take"
    ):
        known_on(month(USED), settings)
    take_in_past("bureau", settings)
    assert "bureau__score" in known_on(month(USED), settings).loans.columns


def test_a_month_is_not_scored_before_its_sources_came_in(lived: Settings, tmp_path: Path) -> None:
    settings = copied(lived, tmp_path)
    tables.open_table(TABLE, settings).delete(
        f"snapshot_date = '{month(USED)}'"
    )  # as if the flow had stopped
    with pytest.raises(
        TableNotReadyError, match=f"bureau said of months from {month(USED)} to {month(USED)}"
    ):
        run_flow(inference, month(USED), settings)


def test_an_audit_waits_for_two_ripe_cohorts(book: Path, fed: Settings, tmp_path: Path) -> None:
    settings = copied(fed, tmp_path)
    add_source("bureau", [str(write_bureau(book, tmp_path / "bureau"))], settings, owner="Bureau")
    with pytest.raises(TableNotReadyError, match=r"needs two ripe cohorts.*on 2023-07-01 1 had ripened"):
        audit_source("bureau", month(6), settings)
    assert audit_source("bureau", month(7), settings).verdicts.height == 4


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("score", "high", "column score, was of numbers and now says 'high'"),
        ("score", [1.0], "column score, was of numbers and now is of the type List"),
        ("score", date(2024, 1, 1), "column score, was of numbers and now is of the type Date"),
        ("Segment", ["a"], "column Segment, was of words and now is of the type List"),
    ],
)
def test_a_column_that_turns_into_something_else_is_refused(
    book: Path, fed: Settings, tmp_path: Path, column: str, value: object, said: str
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    take_bureau(settings, bureau)
    for file in bureau.glob("*.parquet"):
        pl.read_parquet(file).with_columns(pl.lit(value).alias(column)).write_parquet(file)
    with pytest.raises(BadInputError, match=said):
        run_flow(features, month(3), settings)


def test_decisions_need_an_audit_and_stand_in_the_history(book: Path, fed: Settings, tmp_path: Path) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    add_source("bureau", [str(bureau)], settings, owner="Bureau")
    with pytest.raises(UsageError, match="was not audited yet"):
        use("bureau", month(USED), settings, **SAID)
    audit_source("bureau", month(USED - 1), settings)
    with pytest.raises(UsageError, match="no refused column 'score'"):
        override("bureau", "score", settings, **SAID)
    override("bureau", "worst_arrears", settings, **SAID)
    assert "worst_arrears" in use("bureau", month(USED), settings, **SAID)
    drop("bureau", month(USED + 2), settings, **SAID)
    assert used_on(month(USED), settings).keys() == {"bureau"}
    assert used_on(month(USED + 2), settings) == {}
    run_flow(features, month(2), settings)  # for models that learned from it before it was dropped
    assert tables.read("gold.source_features", settings, on=month(2)).height
    lines = read_decisions(settings)
    assert [line["what"] for line in lines] == ["check", "override", "use", "drop"]
    assert lines[1]["by"] == SAID["by"]
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines)


def test_the_comparison_scores_each_ripe_month_with_what_was_known_on_it(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, seen = copied(fed, tmp_path), list[date]()
    take_bureau(settings, write_bureau(book, tmp_path / "bureau"))
    compared = compare_sources(month(6), month(9), settings, step=seen.append)
    # In month 6 one cohort was ripe, too few to learn from; month 9 is not ripe yet.
    assert seen == [month(7), month(8)]
    told = {record["features"]: record for record in compared.table.iter_rows(named=True)}
    assert list(told) == ["ours", "bureau alone", "ours + bureau"]
    assert {record["n"] for record in told.values()} == {240}
    assert told["bureau alone"]["auc_low"] > 0.6
    assert compared.path.is_file()


def test_declaring_and_auditing_takes_two_commands(
    book: Path, fed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    for name in ("data", "datamart", "model_store", "sources"):
        monkeypatch.setenv(f"VINTAGE_{name.upper()}", str(getattr(settings, name)))
    added = vintage_sources("add", "bureau", "--where", str(bureau), "--owner", "Bureau")
    assert 'key = "client"' in added
    assert "vintage sources check bureau" in added
    told = vintage_sources("check", "bureau")
    assert "2 of its 4 columns are admitted" in " ".join(told.split())
    assert "worst_arrears" in told


GUIDE = Path(__file__).parents[2] / "docs" / "sources.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("vintage sources ")]
# What the guide says of a lender and a team, and what stands for it here.
HERE = {
    "2023-10-01": month(7),
    "2023-12-01": month(7),
    "2024-07-01": month(USED),
    "2024-10-01": month(STOPS),
    "data/team_a": "bureau",
    "COLUMN": "was_late",
    "NAME": "'Ann Lee'",
    "TEXT": "'agreed'",
}


def test_the_guide_ends_well_command_by_command(
    book: Path, fed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = copied(fed, tmp_path)
    write_bureau(book, tmp_path / "bureau")
    monkeypatch.chdir(tmp_path)
    for name in ("data", "datamart", "model_store", "sources"):
        monkeypatch.setenv(f"VINTAGE_{name.upper()}", str(getattr(settings, name)))
    assert len(COMMANDS) == 6
    for text in COMMANDS:
        for said, here in HERE.items():
            text = text.replace(said, str(here))
        with pytest.raises(SystemExit) as end:
            command(shlex.split(text)[1:])
        assert end.value.code == 0, text
    assert [line["what"] for line in read_decisions(settings)] == ["check", "override", "use", "drop"]


def vintage_sources(*words: str) -> str:
    """What the command prints; it must end well."""
    command = [sys.executable, "-m", "flows", "sources", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
