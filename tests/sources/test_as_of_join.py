from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.sources.as_of_join import ROW_DAY, join_as_of

START = date(2023, 1, 1)


def asked(n: int = 200, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    days = [START + timedelta(days=int(day)) for day in rng.integers(0, 400, n)]
    ids = [f"CUS_{number}" for number in rng.integers(0, 20, n)]
    return pl.DataFrame({"loan_id": [f"L{i}" for i in range(n)], "customer_id": ids, "snapshot_date": days})


def source_rows(n: int = 300, seed: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    days = [START + timedelta(days=int(day)) for day in rng.integers(-60, 400, n)]
    ids = [f"CUS_{number}" for number in rng.integers(0, 20, n)]
    return pl.DataFrame({"k": ids, "d": days, "x": rng.normal(size=n)}).unique(["k", "d"], keep="first")


def join(applications: pl.DataFrame, rows: pl.DataFrame, *, delay: int = 0, valid: int = 62) -> pl.DataFrame:
    return join_as_of(
        applications, rows, on="customer_id", key="k", day="d", delay_days=delay, valid_days=valid
    )


@pytest.mark.parametrize(("delay", "valid"), [(0, 62), (10, 30), (45, 3660), (0, 0)])
def test_each_application_gets_the_newest_row_that_was_known_and_still_counts(delay: int, valid: int) -> None:
    """Against the definition, row by row."""
    applications, rows = asked(), source_rows()
    joined = join(applications, rows, delay=delay, valid=valid)
    pairs = applications.join(rows, left_on="customer_id", right_on="k", how="left")
    since = pl.col("snapshot_date") - pl.col("d") - timedelta(days=delay)
    known = pairs.filter(since >= timedelta(), since <= timedelta(days=valid))
    newest = known.sort("d").group_by("loan_id").agg(pl.col("x").last(), pl.col("d").last().alias(ROW_DAY))
    expected = applications.join(newest, on="loan_id", how="left", maintain_order="left")
    assert 0 < expected["x"].null_count() < expected.height
    assert_frame_equal(joined.select(expected.columns), expected)


def test_rows_from_after_the_applications_change_nothing() -> None:
    applications, rows = asked(), source_rows()
    cut = START + timedelta(days=200)
    early = applications.filter(pl.col("snapshot_date") <= cut)
    known = rows.filter(pl.col("d") <= cut)
    assert known.height < rows.height
    assert_frame_equal(join(early, known), join(early, rows))


def test_the_order_of_rows_and_applications_changes_nothing() -> None:
    applications, rows = asked(), source_rows()
    shuffled = applications.sample(fraction=1.0, shuffle=True, seed=3)
    joined = join(shuffled, rows.sample(fraction=1.0, shuffle=True, seed=4))
    assert joined["loan_id"].equals(shuffled["loan_id"])
    assert_frame_equal(joined.sort("loan_id"), join(applications, rows).sort("loan_id"))


def test_a_month_by_itself_says_what_all_months_say_together() -> None:
    applications, rows = asked(), source_rows()
    together = join(applications, rows)
    days = applications["snapshot_date"].unique().sort()
    alone = pl.concat([join(applications.filter(snapshot_date=day), rows) for day in days])
    assert_frame_equal(alone.sort("loan_id"), together.sort("loan_id"))
