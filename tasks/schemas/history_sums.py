"""state.<history>: what a customer's months of a history add up to, up to a day; a row per customer.

Key: customer_id. `digest` tells which files of the silver table were added up. The sums of whole numbers are
exact, in whatever order the months are added; a history with other numbers has no such table.
"""

import polars as pl

from tasks.lender.declaration import Lender
from tasks.schemas.feature_store import measures_of

MONTHS_SUMMED = "n_months"  # months of which any measure is known
# Of a measure: in how many months it is known, its sum, the sum of its squares.
PARTS = ("n", "sum", "squares")


def parts_of(measures: tuple[str, ...]) -> list[str]:
    """The columns of the sums of the measures."""
    return [f"{measure}_{part}" for measure in measures for part in PARTS]


def sums_of(declared: Lender) -> dict[str, dict[str, pl.DataType]]:
    """Columns and dtypes of the table of each history whose measures are all whole numbers."""
    histories = {one.name: one for one in declared.histories}
    return {
        name: {
            "customer_id": pl.String(),
            "snapshot_date": pl.Date(),
            **dict.fromkeys(("digest", MONTHS_SUMMED, *parts_of(measures)), pl.Int64()),
        }
        for name, measures in measures_of(declared).items()
        if all(histories[name].by_our_name[measure].type != "number" for measure in measures)
    }
