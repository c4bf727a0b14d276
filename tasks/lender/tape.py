"""The columns of a loan tape that the loop knows by name; `as` gives a column that name."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import polars as pl

ArrearsBy = Literal["amounts", "days past due", "instalments behind", "status"]
# The columns that tell arrears, by how they are told.
ARREARS_COLUMNS: dict[ArrearsBy, tuple[str, ...]] = {
    "amounts": ("overdue_amt", "due_amt"),
    "days past due": ("days_past_due",),
    "instalments behind": ("instalments_behind",),
    "status": ("status",),
}


@dataclass(frozen=True)
class TapeColumn:
    """A column's type in silver, the least value that a row may have, and what it means."""

    kind: pl.DataType
    min: int | None
    meaning: str


TAPE: dict[str, TapeColumn] = {
    "loan_id": TapeColumn(pl.String(), None, "id of the loan"),
    "customer_id": TapeColumn(pl.String(), None, "id of the customer; the loan's where it is not declared"),
    "snapshot_date": TapeColumn(pl.Date(), None, "day that the row describes"),
    "loan_start_date": TapeColumn(
        pl.Date(), None, "day of the application; by months on book if not declared"
    ),
    "tenure": TapeColumn(pl.Int32(), 1, "instalments agreed"),
    "installment_num": TapeColumn(
        pl.Int32(), 0, "months on book, 0 at the application; by the dates if not declared"
    ),
    "loan_amt": TapeColumn(pl.Float64(), 0, "amount granted"),
    "due_amt": TapeColumn(pl.Float64(), 0, "instalment due"),
    "paid_amt": TapeColumn(pl.Float64(), 0, "paid since the month before"),
    "overdue_amt": TapeColumn(pl.Float64(), 0, "due by now and not paid"),
    "balance": TapeColumn(pl.Float64(), 0, "amount still to be paid back"),
    "days_past_due": TapeColumn(pl.Int32(), 0, "days since the oldest unpaid instalment fell due"),
    "instalments_behind": TapeColumn(pl.Int32(), 0, "instalments that are due and not paid"),
    "status": TapeColumn(pl.String(), None, "code of the state of arrears"),
}


def require_tape_columns(names: Collection[str]) -> None:
    """Do nothing if a loan tape of these columns says which loan, and when it began.

    Raises: ValueError.
    """
    if "loan_id" not in names:
        raise ValueError("no column is called 'loan_id': give it that name with as = 'loan_id'")
    if not {"loan_start_date", "installment_num"} & set(names):
        raise ValueError("neither loan_start_date nor installment_num is declared: when does a loan begin?")
