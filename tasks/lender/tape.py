"""The columns of a loan tape that the loop knows by name; `as` gives a column that name."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

TapeType = Literal["word", "date", "number", "whole number"]
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

    type: TapeType
    min: int | None
    meaning: str


TAPE: dict[str, TapeColumn] = {
    "loan_id": TapeColumn("word", None, "id of the loan"),
    "customer_id": TapeColumn("word", None, "id of the customer; the loan's where it is not declared"),
    "snapshot_date": TapeColumn("date", None, "day that the row describes"),
    "loan_start_date": TapeColumn("date", None, "day of the application; by months on book if not declared"),
    "tenure": TapeColumn("whole number", 1, "instalments agreed"),
    "installment_num": TapeColumn(
        "whole number", 0, "months on book, 0 at the application; by the dates if not declared"
    ),
    "loan_amt": TapeColumn("number", 0, "amount granted"),
    "due_amt": TapeColumn("number", 0, "instalment due"),
    "paid_amt": TapeColumn("number", 0, "paid since the month before"),
    "overdue_amt": TapeColumn("number", 0, "due by now and not paid"),
    "balance": TapeColumn("number", 0, "amount still to be paid back"),
    "days_past_due": TapeColumn("whole number", 0, "days since the oldest unpaid instalment fell due"),
    "instalments_behind": TapeColumn("whole number", 0, "instalments that are due and not paid"),
    "status": TapeColumn("word", None, "code of the state of arrears"),
}


def require_tape_columns(names: Collection[str]) -> None:
    """Do nothing if a loan tape of these columns says which loan, and when it began.

    Raises: ValueError.
    """
    if "loan_id" not in names:
        raise ValueError("no column is called 'loan_id': give it that name with as = 'loan_id'")
    if not {"loan_start_date", "installment_num"} & set(names):
        raise ValueError(
            "neither loan_start_date nor installment_num is declared: give the column that says when a loan "
            "began, or how many months it is on book, that name with `as`"
        )
