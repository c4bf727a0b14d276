"""A column becomes a feature of a lender with months taken in, by one line of its declaration."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.config import Settings, checked_settings
from tasks.errors import PolicyError
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.monitoring.fairness import KINDS, add_groups
from tasks.reporting.backfill_plan import plan_backfill
from tasks.reporting.status import command_to_fill, missing_columns
from tasks.schemas.feature_store import FEATURES
from tasks.store import tables
from tests.builders import months

STORE = "gold.feature_store"
LINE = 'children = { type = "whole number" }\n'
DECLARED = f"""
[lender]
name = "Another"
[label]
mob = 2
dpd = 30
closed_when = "FALSE"
[arrears]
told_by = "days past due"
[[source]]
name = "people"
role = "application"
owner = "Desk"
files = ["people.csv"]
[source.columns]
client = {{ type = "id", as = "customer_id" }}
income = {{ type = "number" }}
{LINE}seen = {{ type = "date", as = "snapshot_date" }}
[[source]]
name = "loans"
role = "loan tape"
owner = "Servicing"
files = ["tape.csv"]
[source.columns]
loan = {{ type = "id", as = "loan_id" }}
client = {{ type = "id", as = "customer_id" }}
start = {{ type = "date", as = "loan_start_date" }}
seen = {{ type = "date", as = "snapshot_date" }}
late = {{ type = "whole number", as = "days_past_due" }}
"""


def serve(folder: Path, *, declared: str) -> Settings:
    """The settings of a process that begins with the declaration as it is then."""
    (folder / "lender.toml").write_text(declared, encoding="utf-8")
    return checked_settings({"data": folder, "datamart": folder / "datamart"})


def take_in(settings: Settings) -> pl.DataFrame:
    """The features of three months, taken in once more."""
    ingest(months(3), settings)
    build_feature_store(months(3), settings)
    return tables.scan(STORE, settings).sort("loan_id").collect()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a lender of twelve loans, four a month."""
    people, tape = ["client,income,children,seen"], ["loan,client,start,seen,late"]
    for n in range(12):
        start = months(3)[n // 4]
        people.append(f"K{n},{1000 + n},{n % 3},{start}")
        tape += [f"L{n},K{n},{start},{day},0" for day in months(3) if day >= start]
    for name, lines in (("people.csv", people), ("tape.csv", tape)):
        (tmp_path / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return tmp_path


def test_a_line_makes_a_column_a_feature_and_the_months_that_lack_it_are_named(folder: Path) -> None:
    before = take_in(serve(folder, declared=DECLARED.replace(LINE, "")))
    assert "children" not in before.columns
    settings = serve(folder, declared=DECLARED)
    missing = missing_columns(settings)
    assert {table: columns for table, columns, *_ in missing.iter_rows()}[STORE] == ["children"]
    assert missing["months"].to_list() == [3] * missing.height
    assert command_to_fill(missing, settings) == (
        "vintage backfill --start 2023-01-01 --end 2023-03-01 --flows features"
    )
    plan = plan_backfill([*months(3), date(2023, 4, 1)], ["features"], settings)
    assert plan["why"].to_list() == ["taken in without children"] * 3 + ["new, if the files hold the month"]


def test_months_that_run_again_get_the_column_and_keep_all_else(folder: Path) -> None:
    before = take_in(serve(folder, declared=DECLARED.replace(LINE, "")))
    settings = serve(folder, declared=DECLARED)
    after = take_in(settings)
    assert dict(after.select("customer_id", "children").iter_rows()) == {f"K{n}": n % 3 for n in range(12)}
    assert_frame_equal(after.select(before.columns), before)
    assert missing_columns(settings).is_empty()
    plan = plan_backfill(months(3), ["features"], settings)
    assert plan["why"].unique().to_list() == ["taken in already: checked again"]


def test_a_protected_column_that_is_no_feature_is_kept_for_fairness_alone(folder: Path) -> None:
    watched = 'children = { type = "whole number", feature = false, protected = true, bands = [0, 1, 2] }\n'
    store = take_in(serve(folder, declared=DECLARED.replace(LINE, watched)))
    assert list(FEATURES) == ["income"]
    assert list(KINDS) == ["children_band"]
    bands = add_groups(store).select("customer_id", "children_band")
    named = ("under 1", "1 to 1", "2 and over")
    assert dict(bands.iter_rows()) == {f"K{n}": named[n % 3] for n in range(12)}


def test_a_protected_column_cannot_be_personal(folder: Path) -> None:
    personal = 'children = { type = "word", personal = true, protected = true }\n'
    with pytest.raises(PolicyError, match="what is personal stays in silver"):
        serve(folder, declared=DECLARED.replace(LINE, personal))
