"""The service says what the batch said, of every application that was scored."""

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from serving.answers import Application, answer, decide
from serving.customer_state import features_known, features_stated, load_state
from serving.self_test import replay_month, run_self_test
from serving.snapshot import load_snapshot
from tasks.config import Settings
from tasks.lender.current import lender
from tasks.schemas.feature_store import HAS_SOURCE
from tasks.store import tables
from tests.builders import month

LAST = month(10)


def test_every_row_of_the_predictions_is_answered_again_as_it_was(store: Settings) -> None:
    days = tables.snapshot_dates("gold.predictions", store)
    found = [replay_month(day, store) for day in days]
    assert [line for one in found for line in one.wrong] == []
    assert sum(one.n for one in found) == tables.scan("gold.predictions", store).collect().height > 0


def test_the_state_of_a_customer_is_the_row_of_the_feature_store(store: Settings) -> None:
    stored = tables.read("gold.feature_store", store, on=LAST).sort("customer_id")
    state = load_state(LAST, store, customers=stored["customer_id"].to_list())
    assert_frame_equal(state.features.drop("loan_id"), stored.drop("loan_id"))
    everyone = load_state(LAST, store)
    here = everyone.features.filter(pl.col("customer_id").is_in(stored["customer_id"].to_list()))
    assert_frame_equal(here, state.features)


def test_what_an_applicant_states_counts_as_if_it_had_come_in(store: Settings) -> None:
    stored = tables.read("gold.feature_store", store, on=LAST).to_dicts()[0]
    customer = stored["customer_id"]
    nobody = load_state(month(0), store, customers=[customer])
    rows = {
        source.name: tables.scan(f"silver.{source.name}", store, on=[LAST])
        .filter(customer_id=customer)
        .collect()
        .to_dicts()[0]
        for source in lender().applications
    }
    known = features_known(nobody, customer, rows)
    history = features_known(load_state(LAST, store, customers=[customer]), customer, {})
    stated = {name for source in lender().applications for name in features_stated(source, rows[source.name])}
    assert {name: known[name] for name in stated} == {name: stored[name] for name in stated}
    assert {name: history[name] for name in stated} == {name: stored[name] for name in stated}
    assert known["n_clickstream_months"] < history["n_clickstream_months"]


def test_a_state_that_says_something_else_is_found_before_anybody_is_answered(store: Settings) -> None:
    live = load_snapshot(LAST, store)
    assert run_self_test(live, store).wrong == ()
    trees = next(iter(live.model.compiled.paths.values()))
    wrong = replace(trees, intercept=trees.intercept + 1e-9)
    paths = dict.fromkeys(live.model.compiled.paths, wrong)
    broken = replace(live, model=replace(live.model, compiled=replace(live.model.compiled, paths=paths)))
    assert run_self_test(broken, store).wrong != ()


def test_the_months_own_history_moves_grades_and_is_counted(store: Settings) -> None:
    found = replay_month(LAST, store)
    assert 0 < found.n_moved < found.n


def test_a_customer_whom_no_source_knows_is_referred(store: Settings) -> None:
    live = load_snapshot(LAST, store)
    ((said, known),) = answer(live, [Application("CUS_0xdead", None, LAST, {})])
    assert said["decision"] == "refer"
    assert said["referred_because"] == ["no attributes known"]
    assert said["score_path"] == "clickstream+financials"
    assert not any(known[name] for name in HAS_SOURCE.values())


@pytest.mark.parametrize(
    ("pd", "referred", "decision"),
    [(0.30, False, "approve"), (0.31, False, "decline"), (0.01, True, "refer"), (0.99, True, "refer")],
)
def test_a_decision_follows_the_cut_off_unless_a_person_decides(
    pd: float, referred: bool, decision: str
) -> None:
    assert decide(pd, 0.30, referred=referred) == decision
