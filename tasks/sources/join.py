"""What a source said of applications, as it could be known on the day of each."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import polars as pl

from tasks.config import Settings
from tasks.governance.sources import Declared
from tasks.sources.as_of_join import join_as_of
from tasks.sources.files import DAY, KEY, read_rows


def join_source(
    applications: pl.DataFrame,
    declared: Declared,
    settings: Settings,
    *,
    where: Sequence[str] | None = None,
    needs: Collection[str] = (),
) -> pl.DataFrame:
    """The applications with the source's columns as they could be known, and ROW_DAY.

    Needs:  loan_id, customer_id, snapshot_date; `where`, to read another delivery; `needs`, columns that it
            may not have lost.
    Raises: those of `read_rows`.
    """
    last = applications.select(pl.max("snapshot_date")).item()
    known = last - timedelta(days=declared.delay_days)
    rows = read_rows(declared, settings, until=known, where=where, needs=needs)
    return join_as_of(
        applications,
        rows,
        on=declared.matches,
        key=KEY,
        day=DAY,
        delay_days=declared.delay_days,
        valid_days=declared.valid_days,
    )
