from datetime import date

import numpy as np
import polars as pl
import pytest

from tasks.monitoring.early_arrears import count_arrears, keep_arrears, measure_arrears
from tests.policies import POLICY

COUNTS = {"bad": {"n": 900, "k": 630}, "good": {"n": 2100, "k": 210}}  # 70 % and 10 %


def young(share: float, n: int = 500) -> pl.DataFrame:
    return pl.DataFrame({"pd": np.full(n, 0.3), "in_arrears": np.arange(n) < share * n})


def test_arrears_are_expected_from_the_pds_and_the_development_loans() -> None:
    found = measure_arrears(young(0.28), COUNTS, limits=POLICY.arrears)
    assert found["reference"] == pytest.approx(0.3 * 0.7 + 0.7 * 0.1, abs=0.001)
    assert found["status"] == "green"


@pytest.mark.parametrize(("share", "status"), [(0.2, "green"), (0.32, "amber"), (0.36, "red")])
def test_only_more_arrears_than_implied_are_an_alarm(share: float, status: str) -> None:
    assert measure_arrears(young(share), COUNTS, limits=POLICY.arrears)["status"] == status


def test_a_few_more_arrears_are_no_alarm_however_many_loans() -> None:
    counts = {"bad": {"n": 9 * 10**6, "k": 63 * 10**5}, "good": {"n": 21 * 10**6, "k": 21 * 10**5}}
    found = [measure_arrears(young(share, 200_000), counts, limits=POLICY.arrears) for share in (0.285, 0.30)]
    assert [figure["status"] for figure in found] == ["green", "red"]


def test_no_loans_are_no_alarm_and_not_green() -> None:
    assert measure_arrears(young(0, 0), COUNTS, limits=POLICY.arrears)["status"] == "no rows"


def test_arrears_are_counted_by_what_became_of_the_loans() -> None:
    loans = pl.LazyFrame(
        {
            "loan_id": ["a", "b", "c", "a"],
            "installment_num": [3, 3, 3, 4],
            "overdue_amt": [10.0, 0.01, 5.0, 0.0],
            "due_amt": [100.0] * 4,
            "loan_amt": [1200.0] * 4,
            "tenure": [12] * 4,
            "snapshot_date": [date(2023, 4, 1)] * 4,
        }
    )
    ripe = pl.DataFrame({"loan_id": ["a", "b"], "label": [1, 0]})
    assert count_arrears(ripe, keep_arrears(loans, mob=3).collect()) == {
        "bad": {"n": 1, "k": 1},
        "good": {"n": 1, "k": 0},
    }
