"""Taking a source into use: columns named as ours are, and what cannot be taken in."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flows.engine import run_flow
from flows.features import features
from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.governance.source_log import used_on
from tasks.leakage_audit.audit_source import audit_source
from tasks.sources.decisions import admitted_columns, use
from tasks.sources.declare import add_source
from tasks.sources.tasks import TABLE
from tasks.store import tables
from tests.builders import month
from tests.sources.bureau import SAID, USED, copied, take_bureau, write_bureau


def forget_score(file: Path) -> None:
    pl.read_parquet(file).drop("score").write_parquet(file)


def name_as_ours(bureau: Path) -> None:
    """Let the bureau call its columns as some of ours are called, and as the work on them is."""
    for file in bureau.glob("*.parquet"):
        pl.read_parquet(file).rename({"score": "loan_id", "Segment": "_key"}).write_parquet(file)


def test_columns_that_have_names_of_ours_are_used_month_after_month(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    name_as_ours(bureau)
    take_bureau(settings, bureau)
    assert admitted_columns("bureau", settings) == {"their_loan_id": "number", "their__key": "word"}
    for number in (3, USED):
        run_flow(features, month(number), settings)
        said = tables.read(TABLE, settings, on=month(number))
        assert said.filter(feature="bureau__their_loan_id")["number"].count() == 120
        assert said.filter(feature="bureau__their_key")["word"].count() == 120


def test_a_column_whose_other_name_is_taken_is_refused_when_the_source_is_declared(
    book: Path, fed: Settings, tmp_path: Path
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    for file in bureau.glob("*.parquet"):
        rows = pl.read_parquet(file).rename({"score": "loan_id", "Segment": "their_loan_id"})
        rows.write_parquet(file)
    before = settings.sources.read_text(encoding="utf-8")
    with pytest.raises(BadInputError, match=r"has a column 'loan_id', which is a name of ours"):
        add_source("bureau", [str(bureau)], settings, owner="Bureau")
    assert settings.sources.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("change", [forget_score, Path.unlink], ids=["column", "files"])
def test_a_use_whose_past_months_cannot_be_taken_in_is_not_recorded(
    book: Path, fed: Settings, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    settings, bureau = copied(fed, tmp_path), write_bureau(book, tmp_path / "bureau")
    add_source("bureau", [str(bureau)], settings, owner="Bureau")
    audit_source("bureau", month(USED - 1), settings)
    for file in bureau.glob("*.parquet"):
        change(file)
    with pytest.raises(BadInputError, match=r"has no column 'score' any more|There is no parquet file"):
        use("bureau", month(USED), settings, **SAID)
    assert used_on(None, settings) == {}
    run_flow(features, month(3), settings)
