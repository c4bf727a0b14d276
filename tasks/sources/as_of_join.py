"""The rows of a source as they could be known on the day of each application."""

from datetime import timedelta

import polars as pl

ROW_DAY = "row_day"
WORKING = (ROW_DAY, "_known", "_place")  # names that no column of the rows may have


def join_as_of(
    applications: pl.DataFrame,
    rows: pl.DataFrame,
    *,
    on: str,
    key: str,
    day: str,
    delay_days: int,
    valid_days: int,
) -> pl.DataFrame:
    """Each application with the newest row of its key that was known: dated `delay_days` before it or more.

    A row that was known for more than `valid_days` says nothing, so a source that stops is seen to stop.

    Needs:  snapshot_date and the column `on` of applications; `key` (text) and `day` (Date) of the rows, one
            row of each pair.
    Adds:   the other columns of the rows, and ROW_DAY, the day of the row; null where none was known.
    Keys:   a row per application, in their order.
    """
    ordered = applications.with_row_index("_place").sort("snapshot_date")
    known = rows.with_columns(
        (pl.col(day) + timedelta(days=delay_days)).alias("_known"), pl.col(day).alias(ROW_DAY)
    ).drop(day)
    joined = ordered.join_asof(
        known.sort("_known"),
        left_on="snapshot_date",
        right_on="_known",
        by_left=on,
        by_right=key,
        strategy="backward",
        tolerance=timedelta(days=valid_days),
        check_sortedness=False,
    )
    return joined.sort("_place").drop("_place", "_known", strict=False)
