"""What was answered online is an application of its month in monitoring, once."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from serving.customer_state import load_state
from tasks.config import Settings
from tasks.decisions.applications import add_known, keep_applications
from tasks.decisions.tasks import roll_decisions
from tasks.monitoring.tasks import monitor_month
from tasks.schemas.catalog import TABLES
from tasks.store import tables
from tests.builders import month
from tests.serving.client import Client, serving
from tests.serving.conftest import N_MONTHS

LAST = month(N_MONTHS - 1)


def ask(client: Client, **asked: Any) -> None:
    found = client.post("/v1/score", json=asked)
    assert found.status_code == 200, found.text


def monitored(settings: Settings) -> pl.DataFrame:
    monitor_month(LAST, settings)
    return tables.read("gold.monitoring", settings, on=LAST)


def of(figures: pl.DataFrame, metric: str, subject: str) -> dict[str, Any]:
    return figures.row(by_predicate=(pl.col("metric") == metric) & (pl.col("subject") == subject), named=True)


@pytest.fixture
def before(own: Settings) -> pl.DataFrame:
    return monitored(own)


def test_what_the_batch_scored_too_changes_no_figure(own: Settings, before: pl.DataFrame) -> None:
    rows = tables.read("gold.predictions", own, on=LAST).to_dicts()
    with serving(own) as (client, _):
        for row in rows[:3]:
            ask(client, customer_id=row["customer_id"], loan_id=row["loan_id"], application_date=str(LAST))
        ask(client, customer_id=rows[3]["customer_id"], application_date=str(LAST))  # names no loan
        ask(client, customer_id=rows[4]["customer_id"])  # in another month
    assert roll_decisions(own) == 5
    assert_frame_equal(monitored(own), before, check_exact=True)


def test_who_was_answered_and_got_no_loan_counts_once_in_the_figures_of_the_month(
    own: Settings, before: pl.DataFrame
) -> None:
    batch = tables.read("gold.predictions", own, on=LAST)
    others = sorted(load_state(LAST, own).places.keys() - set(batch["customer_id"]))[:4]
    middle = LAST + timedelta(days=14)
    with serving(own) as (client, _):
        for customer in [*others, others[0]]:
            ask(client, customer_id=customer, application_date=str(LAST))
        ask(client, customer_id=others[3], loan_id="loan_of_4", application_date=str(middle))
    roll_decisions(own)
    after = monitored(own)
    n = batch.height
    assert of(before, "psi", "score")["n"] == n
    for metric, subject in (
        ("psi", "score"),
        ("csi", "age"),
        ("coverage", "scoring"),
        ("approval_rate", "score"),
    ):
        assert of(after, metric, subject)["n"] == n + 4
    assert of(after, "coverage", "scoring")["value"] == 1.0
    assert of(after, "psi", "score")["value"] != of(before, "psi", "score")["value"]
    same = ("quarantined", "pooled_auc", "auc", "observed_to_expected")
    unchanged = [frame.filter(pl.col("metric").is_in(same)) for frame in (before, after)]
    assert_frame_equal(*unchanged, check_exact=True)


def answers(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    """Rows of gold.decisions: request, customer, loan."""
    named = [
        {"request_id": request, "customer_id": customer, "loan_id": loan, "at": str(place), "known": "{}"}
        for place, (request, customer, loan) in enumerate(rows)
    ]
    return pl.DataFrame(named, schema=TABLES["gold.decisions"].columns)


def batch(*rows: tuple[str, str]) -> pl.DataFrame:
    named = [{"customer_id": customer, "loan_id": loan} for customer, loan in rows]
    return pl.DataFrame(named, schema=TABLES["gold.predictions"].columns)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([("r1", "C1", "L1"), ("r2", "C1", "L1")], ["L1"]),  # asked again
        ([("r1", "C1", "L1"), ("r2", "C1", "L2")], ["L1", "L2"]),  # two loans of one customer
        ([("r1", "C1", None), ("r2", "C1", None)], ["r2"]),  # the newest
        ([("r1", "C1", None), ("r2", "C1", "L1")], ["L1"]),  # before it had a loan's id
        ([("r1", "C9", "L9"), ("r2", "C9", None)], []),  # in the batch
        ([("r1", "C9", "L8")], ["L8"]),  # another loan of the same customer
    ],
)
def test_an_application_is_its_loan_or_else_its_customers(
    given: list[tuple[str, str, str | None]], kept: list[str]
) -> None:
    found = keep_applications(answers(*given), batch(("C9", "L9")), date(2024, 3, 1))
    assert found["loan_id"].to_list() == kept
    assert set(found["snapshot_date"]) <= {date(2024, 3, 1)}


def test_what_a_score_rests_on_stands_below_the_features_of_the_batch() -> None:
    features = pl.DataFrame({"loan_id": ["L9"], "age": [30], "income": [1.5], "has_attributes": [True]})
    online = pl.DataFrame({"loan_id": ["L1"], "known": ['{"age": 41, "has_attributes": false, "other": 2}']})
    found = add_known(features, online)
    assert found.rows() == [("L9", 30, 1.5, True), ("L1", 41, None, False)]
    assert found.schema == features.schema
