"""What `vintage check` says of a lender's files is what the features flow makes of them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from simulator.lender import Lender, simulate
from tasks.config import Settings, held_bytes
from tasks.ingestion.landing import weigh_months
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.onboarding.outlook import foresee_first_model, measure_cohorts
from tasks.onboarding.source_trial import Refusal, say_once
from tasks.onboarding.trial import COUNTS, Trial, try_lender
from tasks.onboarding.trial_page import write_trial
from tasks.schemas.catalog import SOURCES as SOURCES_OF
from tasks.store import tables
from tests.builders import months, write_book

SPOILED = (18, 19, 31, 55)  # copies, keys with two values, dirt, amounts that do not reconcile
SOURCES = ("clickstream", "attributes", "financials", "loans")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Those of a lender whose files hold what is cleaned, set aside and dropped, all taken in."""
    home = tmp_path_factory.mktemp("spoiled")
    simulate(Lender(date(2023, 1, 1), 8, 150, seed=4, faults=SPOILED), home / "data")
    made = Settings(data=home / "data", datamart=home / "datamart", first_training_cohorts=3)
    ingest(months(8), made)
    build_labels(months(8), made)
    return made


@pytest.fixture(scope="module")
def trial(settings: Settings) -> Trial:
    """What is said of its files."""
    return try_lender(settings)


def test_what_is_said_of_rows_is_what_the_tables_hold(settings: Settings, trial: Trial) -> None:
    deliveries = tables.scan("bronze.deliveries", settings).group_by("source").agg(pl.col(COUNTS).sum())
    assert trial.sources.select("source", *COUNTS).sort("source").equals(deliveries.collect().sort("source"))
    assert trial.sources["n_quarantined"].sum() > 0
    assert trial.sources["n_duplicates"].sum() > 0


def test_months_larger_than_memory_are_checked_to_the_same_end(settings: Settings, trial: Trial) -> None:
    little = settings.model_copy(update={"memory_gb": 0.3 + 6 * 180_000 / 2**30})
    sizes = weigh_months(SOURCES_OF["clickstream"], little)
    assert min(sizes.values()) > 2 * held_bytes(little.memory_gb)
    assert try_lender(little).as_rows() == trial.as_rows()


def test_the_rules_said_to_be_broken_are_those_of_quarantine(settings: Settings, trial: Trial) -> None:
    broken = [
        (name, rule, n)
        for name in SOURCES
        for rule, n in tables.scan(f"quarantine.{name}", settings)
        .collect()["rule"]
        .value_counts()
        .iter_rows()
    ]
    assert sorted(trial.set_aside.iter_rows()) == sorted(broken)


def test_columns_are_described_as_the_tables_hold_them(settings: Settings, trial: Trial) -> None:
    ages = tables.scan("silver.attributes", settings).select("age").collect()["age"]
    row = trial.columns.row(by_predicate=pl.col("column") == "age", named=True)
    assert (row["least"], row["greatest"]) == (str(ages.min()), str(ages.max()))
    assert row["lost_share"] == row["null_share"] > 0
    mix = trial.columns.row(by_predicate=pl.col("column") == "credit_mix", named=True)
    assert mix["words"] == 4


def test_the_rate_of_a_cohort_is_that_of_its_labels(settings: Settings, trial: Trial) -> None:
    labels = tables.scan("gold.label_store", settings).collect()
    rates = labels.group_by("loan_start_date").agg(pl.col("label").mean()).sort("loan_start_date")
    ripe = trial.cohorts.filter(pl.col("ripe") > 0)
    assert ripe["cohort"].to_list() == rates["loan_start_date"].to_list() == months(2)
    assert ripe["bad_rate"].to_list() == rates["label"].to_list()


def test_no_name_or_number_of_a_person_is_shown(settings: Settings, trial: Trial, tmp_path: Path) -> None:
    page = write_trial(trial, tmp_path / "page.html").read_text(encoding="utf-8")
    people = pl.read_csv(settings.data / "features_attributes.csv", infer_schema=False)
    shown = [
        text for text in (*people["Name"].drop_nulls(), *people["SSN"]) if len(text) > 4 and text in page
    ]
    assert shown == []
    assert trial.columns.filter(pl.col("column").is_in(["name", "ssn"]))["new_words"].null_count() == 2


def test_trying_files_leaves_nothing_behind_and_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    home = settings.data.parent
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    trying = settings.model_copy(update={"datamart": tmp_path / "none"})
    try_lender(trying)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == []


def test_what_would_stop_the_loop_is_said_of_all_files_at_once(tmp_path: Path) -> None:
    write_book(tmp_path, n_months=5, loans_per_month=60)
    (tmp_path / "features_financials.csv").unlink()
    file = tmp_path / "features_attributes.csv"
    rows = pl.read_csv(file, infer_schema=False)
    rows.filter(pl.col("snapshot_date") != "2023-03-01").write_csv(file)
    refusals = try_lender(Settings(data=tmp_path)).refusals
    assert any("financials is missing" in text for text in refusals)
    assert any("attributes has no rows of 2023-03-01" in text for text in refusals)


def test_a_cause_that_stops_many_months_is_said_once() -> None:
    first, *others = [Refusal("dates", month, "a.csv, rows", ": no date can be read.") for month in months(4)]
    alone = Refusal("rule", months(2)[1], "a.csv, rows", ": 60 of 80 break a rule.")
    assert say_once([first, alone, *others]) == [
        "a.csv, rows of 2023-01-01 and 3 other months until 2023-04-01: no date can be read.",
        "a.csv, rows of 2023-02-01: 60 of 80 break a rule.",
    ]


def test_the_rule_that_stops_months_is_named_once(tmp_path: Path) -> None:
    write_book(tmp_path, n_months=3, loans_per_month=60)
    file = tmp_path / "features_attributes.csv"
    pl.read_csv(file, infer_schema=False).with_columns(Customer_ID=pl.lit("7")).write_csv(file)
    (refusal,) = [text for text in try_lender(Settings(data=tmp_path)).refusals if "attributes" in text]
    assert "rows of 2023-01-01 and 2 other months until 2023-03-01" in refusal
    assert "(most often: primary_key; customer_id|regex)" in refusal


def test_a_source_that_knows_no_customer_of_the_loan_tape_is_named(tmp_path: Path) -> None:
    write_book(tmp_path, n_months=3, loans_per_month=20)
    file = tmp_path / "features_attributes.csv"
    file.write_text(file.read_text().replace("CUS_0x", "CUS_0xf0f"))
    strangers = [text for text in try_lender(Settings(data=tmp_path)).refusals if "no row of any" in text]
    assert len(strangers) == 1
    assert strangers[0].startswith("attributes has no row of any customer of the loan tape: say in both")


def test_a_word_that_the_newest_month_is_the_first_to_have_is_named(tmp_path: Path) -> None:
    write_book(tmp_path, n_months=3, loans_per_month=20)
    file = tmp_path / "features_attributes.csv"
    last = file.read_text().splitlines()
    last[-1] = ",".join([*last[-1].split(",")[:4], "Astronaut", "2023-03-01"])
    file.write_text("\n".join(last) + "\n")
    row = try_lender(Settings(data=tmp_path)).columns.row(
        by_predicate=pl.col("column") == "occupation", named=True
    )
    assert "Astronaut" in row["new_words"].split(", ")


def cohorts(*, applications: int, ripe: int, bad: int = 5) -> pl.DataFrame:
    started = pl.DataFrame({"snapshot_date": months(applications)})
    days = [month for month in months(ripe) for _ in range(10)]
    labels = pl.DataFrame({"loan_start_date": days, "label": ([1] * bad + [0] * (10 - bad)) * ripe})
    return measure_cohorts(started, labels.with_columns(pl.col("loan_start_date").cast(pl.Date)))


def test_a_first_model_is_in_reach_when_enough_cohorts_are_ripe() -> None:
    day, text = foresee_first_model(cohorts(applications=9, ripe=3), needed=3, mob=6)
    assert day == date(2023, 9, 1)
    assert "vintage backfill --start 2023-01-01 --end 2023-09-01" in text


@pytest.mark.parametrize(("applications", "day"), [(4, date(2023, 9, 1)), (2, date(2023, 9, 1))])
def test_until_then_its_date_is_foreseen(applications: int, day: date) -> None:
    foreseen, text = foresee_first_model(cohorts(applications=applications, ripe=0), needed=3, mob=6)
    assert foreseen == day
    assert "0 of 3 cohorts are ripe" in text


@pytest.mark.parametrize("bad", [0, 10])
def test_no_model_is_in_reach_where_all_loans_end_alike(bad: int) -> None:
    day, text = foresee_first_model(cohorts(applications=9, ripe=3, bad=bad), needed=3, mob=6)
    assert day is None
    assert "same outcome" in text
