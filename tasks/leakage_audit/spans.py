"""Rows of another team that are dated a fixed time after the loans that they are of."""

from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.governance.sources import Declared
from tasks.months import month_number
from tasks.sources.files import DAY, KEY, read_rows

SHARE = 0.9  # of the rows that are of an application


def find_span(applications: pl.DataFrame, declared: Declared, settings: Settings) -> str:
    """A sentence that says so where nearly all rows are dated as many months after the loan; else ""."""
    rows = read_rows(declared, settings, until=date.max)
    of_loans = applications.join(rows.select(KEY, DAY), left_on=declared.matches, right_on=KEY)
    later = month_number(pl.col(DAY)) - month_number(pl.col("snapshot_date"))
    spans = of_loans.select(later=later)["later"].value_counts(sort=True)
    if spans.is_empty() or spans["later"][0] <= 0 or spans["count"][0] < SHARE * of_loans.height:
        return ""
    return (
        f"{declared.name} knows none of the applications on their day: {spans['count'][0]} of its "
        f"{of_loans.height} rows are dated {spans['later'][0]} months after the loan. What they say was not "
        "known at the application: dating them back would be a leak. Ask its owner for what was known before."
    )
