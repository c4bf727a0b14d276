"""A month's review list over HTTP, and what people decide of it by name."""

from datetime import date

import pytest

from tasks.config import Settings
from tasks.decisions.log import read_log
from tasks.decisions.reviews import reviews_path
from tasks.reporting.review_list import applications_to_review
from tasks.store import tables
from tests.builders import month
from tests.serving.client import serving
from tests.serving.conftest import N_MONTHS

DAY = month(N_MONTHS - 1)


def leave_unscored(settings: Settings, day: date) -> None:
    """Two applications of the day have no score, so a person has to decide."""
    rows = tables.read("gold.predictions", settings, on=day)
    tables.replace_partitions("gold.predictions", rows.head(rows.height - 2), days=[day], settings=settings)


def test_a_decision_on_a_listed_application_is_recorded_by_name(own: Settings) -> None:
    leave_unscored(own, DAY)
    rows = applications_to_review(DAY, own)
    with serving(own) as (client, _):
        listed = client.get(f"/v1/review/{DAY}").json()["applications"]
        assert sum(len(one["reasons"]) for one in listed) == rows.height > 0
        first = {"customer_id": listed[0]["customer_id"], "loan_id": listed[0]["loan_id"]}
        asked = {**first, "month": str(DAY), "decision": "approve", "by": "Ann Lee", "why": "a payslip"}
        assert client.post("/v1/review", json=asked).status_code == 200
        assert client.post("/v1/review", json={**asked, "decision": "decline"}).status_code == 200
        again = client.get(f"/v1/review/{DAY}").json()["applications"]
        decided = [one["decided"] for one in again if one["decided"]]
        assert [(one["decision"], one["by"], one["why"]) for one in decided] == [
            ("decline", "Ann Lee", "a payslip")
        ]
        assert client.post("/v1/review", json={**asked, "customer_id": "CUS_0xfff"}).status_code == 404
        path = reviews_path(own)
        path.write_text(path.read_text().replace("Ann Lee", "Bob Ray"))
        assert "edited" in client.get(f"/v1/review/{DAY}").text
    assert read_log(own) == []


@pytest.mark.parametrize(
    "change", [{"by": " "}, {"decision": "refer"}, {"ssn": "123-45-6789"}, {"month": "x"}]
)
def test_a_decision_that_says_too_little_or_too_much_is_refused(
    store: Settings, change: dict[str, str]
) -> None:
    asked = {"month": str(DAY), "customer_id": "CUS_0x1", "decision": "approve", "by": "Ann Lee", **change}
    with serving(store) as (client, _):
        refused = client.post("/v1/review", json=asked)
        assert refused.status_code == 422
        assert "123-45" not in refused.text
        assert client.get("/v1/review/soon").status_code == 422
        assert client.get("/v1/review/1999-01-01").status_code == 404
