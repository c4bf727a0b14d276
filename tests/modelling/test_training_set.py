from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.features.application_features import summarise_history
from tasks.modelling.training_set import MIN_IN_STATE, add_arrears_state, add_targets, see_history
from tests.builders import clickstream_rows, loan_rows, month
from tests.reference import CLICKSTREAM_LEVELS, CLICKSTREAM_MONTHS

AS_OF = month(8)
DUE = 100.0


def book(
    *, ripe_bad: int, ripe_good: int, young_overdue: float
) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    """Applications, labels and loans: ripe loans seen at MOB 3, the bad ones behind, and a young one."""
    ripe = [(f"bad_{i}", 1) for i in range(ripe_bad)] + [(f"good_{i}", 0) for i in range(ripe_good)]
    everyone = [(loan, month(2)) for loan, _ in ripe] + [("young", month(5))]
    overdue = {**{loan: DUE * bad for loan, bad in ripe}, "young": young_overdue}
    later = [
        loan_rows(
            loan_id=loan,
            loan_start_date=start,
            snapshot_date=month(start.month - 1 + 3),
            installment_num=3,
            overdue_amt=overdue[loan],
        )
        for loan, start in everyone
    ]
    applications = pl.LazyFrame(everyone, schema=["loan_id", "snapshot_date"], orient="row")
    labels = pl.LazyFrame(
        [(loan, bad, AS_OF) for loan, bad in ripe], ["loan_id", "label", "snapshot_date"], orient="row"
    )
    return applications, labels, pl.concat(later)


def target_of(
    loan: str, *, as_of: date = AS_OF, ripe_bad: int = 12, ripe_good: int = 30, overdue: float = 0.0
) -> float | None:
    applications, labels, loans = book(ripe_bad=ripe_bad, ripe_good=ripe_good, young_overdue=overdue)
    rows = add_targets(applications, labels, loans, as_of=as_of).collect()
    found = rows.filter(pl.col("loan_id") == loan)["target"].to_list()
    return found[0] if found else None


def test_the_target_of_a_ripe_loan_is_its_label() -> None:
    assert (target_of("bad_0"), target_of("good_0")) == (1.0, 0.0)


def test_the_target_of_a_young_loan_is_the_share_of_defaults_among_ripe_loans_in_its_state() -> None:
    assert target_of("young", overdue=DUE) == pytest.approx(12.5 / 13)
    for rounding in (0.0, 0.02):
        assert target_of("young", overdue=rounding) == pytest.approx(0.5 / 31)


def test_a_loan_of_nothing_has_missed_nothing() -> None:
    nothing = loan_rows(snapshot_date=AS_OF, installment_num=3, due_amt=0.0, overdue_amt=0.0)
    assert add_arrears_state(nothing).collect()["state"].to_list() == [0]


def test_a_state_that_few_ripe_loans_went_through_teaches_nothing() -> None:
    assert target_of("young", ripe_bad=MIN_IN_STATE - 1, overdue=DUE) is None


def test_before_any_label_there_is_no_target() -> None:
    assert target_of("young", as_of=month(7)) is None


def test_targets_never_use_rows_after_as_of() -> None:
    applications, labels, loans = book(ripe_bad=12, ripe_good=30, young_overdue=0.0)
    later = loan_rows(
        loan_id="young",
        loan_start_date=month(5),
        snapshot_date=month(9),
        installment_num=4,
        overdue_amt=2 * DUE,
    )
    label = pl.LazyFrame([("young", 1, month(11))], ["loan_id", "label", "snapshot_date"], orient="row")
    now = add_targets(applications, labels, loans, as_of=AS_OF).collect().sort("loan_id")
    then = add_targets(applications, pl.concat([labels, label]), pl.concat([loans, later]), as_of=AS_OF)
    assert_frame_equal(now, then.collect().sort("loan_id"))


def test_the_clickstream_is_seen_up_to_the_day_and_no_further() -> None:
    rows = clickstream_rows("CUS_1", [10, 20, 60, 1000])
    asked = pl.LazyFrame({"loan_id": ["a"], "customer_id": ["CUS_1"], "snapshot_date": [month(0)]})
    loan = asked.join(
        summarise_history(
            rows.filter(pl.col("snapshot_date") <= month(0)).with_columns(loan_id=pl.lit("a")), "clickstream"
        ),
        on="loan_id",
    ).collect()
    seen = see_history(loan, rows, day=month(2))
    assert loan.select(CLICKSTREAM_MONTHS, CLICKSTREAM_LEVELS[0]).row(0) == (1.0, 10.0)
    assert seen.select(CLICKSTREAM_MONTHS, CLICKSTREAM_LEVELS[0]).row(0) == (3.0, 30.0)
