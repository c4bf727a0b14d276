"""From text as received to typed values: what can be read is read, what means nothing becomes null.

A value that could be read in two ways is not guessed: its row goes to quarantine (`thousands_separator`).
"""

from collections.abc import Callable

import polars as pl

from tasks.schemas.clickstream import MEASURES
from tasks.schemas.source import OVERFLOW, RAW_DATE

UNKNOWN = "unknown"
# Values outside these limits are typing errors, not extremes: they become null. Counts, percent, years, amounts.
LIMITS = {
    "Age": (14, 100),
    "Num_Bank_Accounts": (0, 20),
    "Num_Credit_Card": (0, 20),
    "Interest_Rate": (0, 100),
    "Num_of_Loan": (0, 20),
    "Num_of_Delayed_Payment": (0, 60),
    "Num_Credit_Inquiries": (0, 60),
    "Total_EMI_per_month": (0, 5000),
    "Monthly_Balance": (-1e6, 1e6),
}


def read_number(column: str) -> pl.Expr:
    """Float64 of a text column: `40_` is 40; `_`, `__10000__`, `NaN`, `inf`, words and wild values are null."""
    text = pl.col(column).str.strip_chars()
    number = (
        pl.when(~text.str.starts_with("_")).then(text.str.strip_chars_end("_")).cast(pl.Float64, strict=False)
    )
    number = pl.when(number.is_finite()).then(number)
    if column in LIMITS:
        number = pl.when(number.is_between(*LIMITS[column])).then(number)
    return number.alias(column)


def read_integer(column: str) -> pl.Expr:
    """Int32 of a text column, by the rules of `read_number`; a fraction is null."""
    number = read_number(column)
    whole = pl.when(number == number.round()).then(number)
    return whole.cast(pl.Int32, strict=False).alias(column)


def read_word(column: str) -> pl.Expr:
    """Text of a column; blanks, underscores and strings of signs are `unknown`."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text.str.contains("[A-Za-z]{2}")).then(text).otherwise(pl.lit(UNKNOWN)).alias(column)


def read_day(column: str) -> pl.Expr:
    """Date of a text column written YYYY-MM-DD; anything else, 2023-02-30 too, is null."""
    return pl.col(column).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)


def clean(name: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Typed candidates for silver.<name>: all its columns and the check-only ones of `SilverRow`.

    Needs:  rows of bronze.<name>, exact duplicates removed.
    Adds:   row_id (UInt32, position in `rows`), thousands_separator (a number that could be read in two ways).
    Keys:   one row per row received, in the order received.
    """
    columns = [expression.name.to_lowercase() for expression in CLEANERS[name]()]
    typed = rows.with_row_index("row_id").select(
        "row_id",
        OVERFLOW,
        *columns,
        thousands_separator=_any_thousands_separator(AMOUNTS[name]),
        customer_id=pl.col("Customer_ID").str.strip_chars(),
        snapshot_date=read_day(RAW_DATE),
    )
    return typed


def count_cleaned(raw: pl.DataFrame, typed: pl.DataFrame) -> int:
    """Number of cells that held text in `raw` and are null or `unknown` in `typed` (same rows, same order)."""
    pairs = [(column, column.lower()) for column in raw.columns if column.lower() in typed.columns]
    held = raw.select(pl.col(old).is_not_null().alias(new) for old, new in pairs if new != "customer_id")
    gone = typed.select(
        (pl.col(new).is_null() | (pl.col(new).cast(pl.String) == UNKNOWN)) for new in held.columns
    )
    both = [(held[column] & gone[column]).sum() for column in held.columns]
    return int(sum(both))


def _any_thousands_separator(columns: tuple[str, ...]) -> pl.Expr:
    found = [pl.col(column).str.contains(r"\d,\d") for column in columns]
    return pl.any_horizontal(*found, pl.lit(False)).fill_null(False)


def _clickstream() -> list[pl.Expr]:
    return [read_integer(measure) for measure in MEASURES]


def _attributes() -> list[pl.Expr]:
    ssn = pl.col("SSN").str.strip_chars()
    return [
        pl.col("Name").str.strip_chars(),
        read_integer("Age"),
        pl.when(ssn.str.contains(r"^\d{3}-\d{2}-\d{4}$")).then(ssn).alias("SSN"),
        read_word("Occupation"),
    ]


def _financials() -> list[pl.Expr]:
    return [
        *(read_number(column) for column in AMOUNTS["financials"] if column not in FINANCIAL_COUNTS),
        *(read_integer(column) for column in FINANCIAL_COUNTS),
        _type_of_loan(),
        _months_of_history(),
        *(read_word(column) for column in ("Credit_Mix", "Payment_of_Min_Amount", "Payment_Behaviour")),
    ]


def _type_of_loan() -> pl.Expr:
    listed = pl.col("Type_of_Loan").str.strip_chars()
    without = pl.when(read_integer("Num_of_Loan") == 0).then(pl.lit("none")).otherwise(pl.lit(UNKNOWN))
    return pl.when(listed.str.len_chars() > 0).then(listed).otherwise(without).alias("Type_of_Loan")


def _months_of_history() -> pl.Expr:
    parts = pl.col("Credit_History_Age").str.extract_groups(r"^\s*(\d+) Years? and (\d+) Months?\s*$")
    years, months = (parts.struct.field(part).cast(pl.Int32, strict=False) for part in ("1", "2"))
    return pl.when(months < 12).then(years * 12 + months).alias("Credit_History_Age")


def _loans() -> list[pl.Expr]:
    return [
        pl.col("loan_id").str.strip_chars(),
        read_day("loan_start_date"),
        *(read_integer(column) for column in ("tenure", "installment_num")),
        *(read_number(column) for column in ("loan_amt", "due_amt", "paid_amt", "overdue_amt", "balance")),
    ]


FINANCIAL_COUNTS = (
    "Num_Bank_Accounts",
    "Num_Credit_Card",
    "Interest_Rate",
    "Num_of_Loan",
    "Delay_from_due_date",
    "Num_of_Delayed_Payment",
    "Num_Credit_Inquiries",
)
AMOUNTS: dict[str, tuple[str, ...]] = {
    "clickstream": MEASURES,
    "attributes": ("Age",),
    "financials": (
        "Annual_Income",
        "Monthly_Inhand_Salary",
        *FINANCIAL_COUNTS,
        "Changed_Credit_Limit",
        "Outstanding_Debt",
        "Credit_Utilization_Ratio",
        "Total_EMI_per_month",
        "Amount_invested_monthly",
        "Monthly_Balance",
    ),
    "loans": ("tenure", "installment_num", "loan_amt", "due_amt", "paid_amt", "overdue_amt", "balance"),
}
CLEANERS: dict[str, Callable[[], list[pl.Expr]]] = {
    "clickstream": _clickstream,
    "attributes": _attributes,
    "financials": _financials,
    "loans": _loans,
}
