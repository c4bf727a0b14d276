"""What a source said of the newest applications is kept, and later deliveries are held against it."""

from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings
from tasks.errors import BadInputError, ModelStoreError, NothingToDoError, UsageError
from tasks.governance.adopted_policy import read_policy
from tasks.leakage_audit.audit_source import audit_source
from tasks.leakage_audit.checks import Verdict
from tasks.leakage_audit.restated import FILLED, RESTATED, find_other_than_captured, on_probation
from tasks.sources.capture import capture, captured_months, read_captured
from tasks.sources.declare import add_source, list_sources
from tests.builders import month
from tests.sources.bureau import N_MONTHS, copied, write_bureau

NEWEST = month(N_MONTHS - 1)
LIMITS = read_policy(Settings().policy).policy.audit


@pytest.fixture
def store(fed: Settings, tmp_path: Path) -> tuple[Settings, Path]:
    """A lender with a bureau that delivers until the newest month, and the folder of its files."""
    settings = copied(fed, tmp_path)
    bureau = write_bureau(settings.data, tmp_path / "bureau", until=N_MONTHS)
    add_source("bureau", [str(bureau)], settings, owner="Bureau")
    return settings, bureau


def verdict_on(column: str, settings: Settings) -> tuple[str, str]:
    verdicts = audit_source("bureau", None, settings).verdicts
    return verdicts.filter(column=column).select("verdict", "check").row(0)


def test_the_newest_month_is_captured_once(store: tuple[Settings, Path]) -> None:
    settings, _ = store
    assert capture("bureau", settings) == (NEWEST, 120)
    kept = read_captured("bureau", settings)
    assert kept["snapshot_date"].unique().to_list() == [NEWEST]
    assert {"score", "Segment"} <= set(kept.columns)
    with pytest.raises(NothingToDoError, match=f"captured for {NEWEST} already"):
        capture("bureau", settings)
    assert captured_months("bureau", settings) == 1


def test_a_delivery_that_says_the_same_is_admitted_and_one_that_changed_is_refused(
    store: tuple[Settings, Path],
) -> None:
    settings, bureau = store
    capture("bureau", settings)
    assert verdict_on("score", settings) == ("admitted", "")
    file = bureau / f"{NEWEST}.parquet"
    pl.read_parquet(file).with_columns(pl.col("score") + 1).write_parquet(file)
    assert verdict_on("score", settings) == ("refused", RESTATED)


def test_what_was_captured_cannot_be_changed(store: tuple[Settings, Path]) -> None:
    settings, _ = store
    capture("bureau", settings)
    (file,) = settings.datamart.glob("sources/captured/bureau/*.parquet")
    pl.read_parquet(file).with_columns(pl.col("score") + 1).write_parquet(file)
    with pytest.raises(ModelStoreError, match="is not what was captured of bureau"):
        audit_source("bureau", None, settings)


def test_the_lenders_own_files_are_not_captured(fed: Settings) -> None:
    with pytest.raises(UsageError, match="one of the lender's own files"):
        capture("financials", fed)


def test_values_that_come_after_the_capture_are_a_leak() -> None:
    loans = [f"L{number}" for number in range(100)]
    captured = pl.DataFrame({"loan_id": loans, "x": [None] * 30 + [1.0] * 70})
    filled = pl.DataFrame({"loan_id": loans[::-1], "x": [1.0] * 100})
    assert find_other_than_captured(Verdict("x"), filled, captured).check == FILLED
    same = find_other_than_captured(Verdict("x"), captured.with_columns(pl.lit("y").alias("new")), captured)
    assert same.admitted
    assert find_other_than_captured(Verdict("new"), filled, captured) == Verdict("new")


def test_a_source_is_on_probation_until_enough_months_were_captured_before_they_ripened(
    store: tuple[Settings, Path],
) -> None:
    settings, bureau = store
    assert [bool(on_probation(n, LIMITS)) for n in range(5)] == [True, True, True, False, False]
    capture("bureau", settings)  # of a month whose loans are not ripe: it proves nothing yet
    assert "bureau is on probation: 0 of 3 months" in audit_source("bureau", None, settings).summary
    (state,) = list_sources(settings).filter(name="bureau")["state"]
    assert state.endswith("on probation")
    same_day = audit_source("bureau", None, settings, earlier=[str(bureau)])
    assert "bureau is on probation: 0 of 3 months" in same_day.summary
    before = write_bureau(settings.data, bureau.parent / "before", until=N_MONTHS - 3)
    assert "on probation" not in audit_source("bureau", None, settings, earlier=[str(before)]).summary


def test_rows_dated_months_after_the_loans_are_called_so(store: tuple[Settings, Path]) -> None:
    settings, bureau = store
    for file in bureau.glob("*.parquet"):
        pl.read_parquet(file).with_columns(pl.col("snapshot").dt.offset_by("3mo")).write_parquet(file)
    with pytest.raises(BadInputError, match=r"1,?800 of its 1,?800 rows are dated 3 months after the loan"):
        audit_source("bureau", None, settings)
