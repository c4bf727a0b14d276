"""What would have to change for a better grade: one feature alone, that an applicant can change."""

import pytest

from serving.answers import Application
from serving.next_grade import find_changes
from serving.snapshot import load_snapshot
from tasks.config import Settings
from tasks.decisions.log import read_log
from tasks.scoring.compiled_model import score_rows
from tasks.store import tables
from tests.builders import month
from tests.serving.client import serving
from tests.serving.conftest import N_MONTHS

LAST = month(N_MONTHS - 1)


def test_each_change_alone_gives_the_better_grade_and_records_nothing(store: Settings) -> None:
    rows = tables.read("gold.predictions", store, on=LAST).sort("pd", descending=True)
    n_before = len(read_log(store))
    snapshot = load_snapshot(LAST, store)
    found = []
    with serving(store) as (client, _):
        for customer in rows["customer_id"].head(10):
            asked = {"customer_id": customer, "application_date": str(LAST)}
            said = client.post("/v1/next-grade", json=asked).json()
            score, changes = client.portal.call(find_changes, snapshot, Application(customer, None, LAST, {}))
            assert (said["grade"], said["pd"], len(said["changes"])) == (score.grade, score.pd, len(changes))
            known = {**snapshot.state.features.row(snapshot.state.places[customer], named=True)}
            for one in changes:
                (again,) = score_rows(snapshot.model.compiled, [{**known, one.feature: one.then}])
                assert (again.grade, again.pd) == (one.grade, pytest.approx(one.pd, abs=1e-12))
                assert one.grade < score.grade
                assert one.now == known[one.feature] != one.then
            found += [one.feature for one in changes]
    assert found
    assert not {"age", "is_minor", "occupation"} & set(found)
    assert len(read_log(store)) == n_before


def test_a_wrong_field_is_refused_there_too(store: Settings) -> None:
    with serving(store) as (client, _):
        refused = client.post("/v1/next-grade", json={"customer_id": "somebody"})
    assert refused.status_code == 422
