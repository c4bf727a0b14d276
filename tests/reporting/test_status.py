from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import Settings
from tasks.reporting.status import month_table, resting_on_old_rows
from tasks.schemas.catalog import TABLES
from tasks.store import tables
from tests.builders import month


def put_row(name: str, number: int, settings: Settings, **values: Any) -> None:
    """One row of a table, null where no value is given."""
    columns = TABLES[name].columns
    known = {"loan_id": "a", "snapshot_date": month(number), **values}
    row = pl.DataFrame({column: [known.get(column)] for column in columns}, schema=columns)
    tables.replace_partitions(name, row, days=[month(number)], settings=settings)


def test_a_month_with_labels_is_ripe_whether_or_not_it_was_measured(tmp_path: Path) -> None:
    settings = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")
    tables.create_missing(settings)
    put_row("gold.feature_store", 0, settings)
    put_row("gold.predictions", 0, settings, model_id="m")
    assert month_table(settings)["status"].item() == "not ripe"
    put_row("gold.label_store", 6, settings, loan_start_date=month(0), label=1)
    assert month_table(settings).select("status", "bad_rate", "auc").row(0) == ("ripe", 1.0, None)


@pytest.mark.parametrize(
    ("flows", "stale"),
    [
        (["features"], [1, 2]),
        (["features", "inference"], [1, 2]),
        (["features", "inference", "monitoring"], [2]),
    ],
)
def test_what_a_restatement_leaves_behind_is_what_its_flows_did_not_make_anew(
    tmp_path: Path, flows: list[str], stale: list[int]
) -> None:
    settings = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "model_store")
    tables.create_missing(settings)
    for number in range(3):
        put_row("gold.feature_store", number, settings)
    for number in (0, 1):
        put_row("gold.predictions", number, settings, model_id="m")
    assert resting_on_old_rows(month(1), month(1), flows, settings) == [month(n) for n in stale]
