"""From text as received to typed values: what can be read is read, what means nothing becomes null.

A value that could be read in two ways is not guessed: its row goes to quarantine (`thousands_separator`).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from tasks.ingestion.date_spelling import read_iso
from tasks.schemas.clickstream import MEASURES
from tasks.schemas.loans import LOANS
from tasks.schemas.source import BEFORE, OVERFLOW, RAW_DATE

Number = type[pl.Int32 | pl.Float64]

UNKNOWN = "unknown"
# What means nothing in any column; in one of numbers no word means more.
NULL_WORDS = (
    "",
    "-",
    "NULL",
    "null",
    "None",
    "none",
    "N/A",
    "n/a",
    "#N/A",
    "NA",
    "NaN",
    "nan",
    "NaT",
    "<NA>",
)
HELD = ", held text"
# Outside these limits a value is a typing error, not an extreme: null. Years, counts, percent, amounts.
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


def read_numbers(rows: pl.DataFrame, kinds: Mapping[str, Number]) -> pl.DataFrame:
    """Text columns as numbers: `40_` is 40; `_`, `__10000__`, `NaN`, `inf`, words, wild values are null.

    Needs:  `kinds`, the columns to read, each as Int32 or Float64; a fraction is no Int32 and null.
    """
    numbers = rows.select(pl.col(column).cast(kind, strict=False) for column, kind in kinds.items())
    marked = _partly_read(rows, numbers)
    if marked:
        read = rows.select(_read_marked(column) for column in marked)
        numbers = numbers.with_columns(
            read.with_columns(_read_whole(column) for column in marked if kinds[column] is pl.Int32)
        )
    limited = [
        _within_limits(column) for column, kind in kinds.items() if column in LIMITS or kind is pl.Float64
    ]
    return numbers.with_columns(limited)


def _partly_read(rows: pl.DataFrame, numbers: pl.DataFrame) -> list[str]:
    """Columns of which not every text is among the numbers."""
    return [column for column in numbers.columns if numbers[column].null_count() > rows[column].null_count()]


def _read_marked(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    number = text.str.strip_chars_end("_").cast(pl.Float64, strict=False)
    return pl.when(~text.str.starts_with("_")).then(number)


def _read_whole(column: str) -> pl.Expr:
    number = pl.col(column)
    return pl.when(number == number.round()).then(number).cast(pl.Int32, strict=False)


def _within_limits(column: str) -> pl.Expr:
    number = pl.col(column)
    sane = number.is_between(*LIMITS[column]) if column in LIMITS else number.is_finite()
    return pl.when(sane).then(number)


def read_word(column: str) -> pl.Expr:
    """Text of a column; blanks, underscores and strings of signs are `unknown`."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text.str.contains("[A-Za-z]{2}")).then(text).otherwise(pl.lit(UNKNOWN)).alias(column)


def is_application() -> pl.Expr:
    """Whether a raw loan row is at MOB 0, written `0` or `0.0`."""
    return pl.col("installment_num").str.contains(r"^\s*0+(\.0*)?\s*$").fill_null(value=False)


def clean(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Typed candidates for silver.<name>: all its columns and the check-only ones of `SilverRow`.

    Needs:  rows of bronze.<name>, exact duplicates removed.
    Adds:   row_id (UInt32, position in `rows`), thousands_separator (a number that reads in two ways).
    Keys:   one row per row received, in the order received.
    """
    texts = pl.col(
        column for column in rows.columns if column not in (*NUMBERS[name], OVERFLOW, "snapshot_date")
    )
    rows = rows.with_columns(pl.when(~texts.str.strip_chars().is_in(NULL_WORDS)).then(texts))
    numbers = read_numbers(rows, NUMBERS[name])
    separators = [pl.col(column).str.contains(r"\d,\d") for column in _partly_read(rows, numbers)]
    in_two_ways = pl.any_horizontal(*separators, pl.lit(value=False)).fill_null(value=False)
    ready = rows.with_columns(thousands_separator=in_two_ways).with_columns(numbers).with_row_index("row_id")
    return ready.select(
        "row_id",
        OVERFLOW,
        "thousands_separator",
        *(cleaner.name.to_lowercase() for cleaner in CLEANERS[name]),
        customer_id=pl.col("Customer_ID").str.strip_chars(),
        snapshot_date=read_iso(RAW_DATE),
    )


def count_lost(raw: pl.DataFrame, typed: pl.DataFrame) -> dict[date, dict[str, tuple[int, int]]]:
    """Per month and column, how many cells are null or `unknown` in `typed`, and how many of these held text.

    Needs:  the same rows as received, with their month, and typed. A column that lost nothing is left out.
    """
    names = {c: c.lower() for c in raw.columns if c != "snapshot_date"} | {RAW_DATE: "snapshot_date"}
    lost = typed.select(_is_lost(typed, n).alias(c) for c, n in names.items() if n in typed.columns)
    columns = [column for column, some in lost.select(pl.all().any()).row(0, named=True).items() if some]
    held = [(lost[column] & raw[column].is_not_null()).alias(column + HELD) for column in columns]
    sums = lost.select(raw["snapshot_date"], *columns, *held).group_by("snapshot_date").sum()
    return {
        row["snapshot_date"]: {column: (row[column], row[column + HELD]) for column in columns if row[column]}
        for row in sums.iter_rows(named=True)
    }


def first_lost_date(raw: pl.DataFrame, typed: pl.DataFrame, *, month: date, column: str) -> str | None:
    """The first text of a month in a raw date column that could not be read; None for other columns, whose
    texts may be personal, and where all cells hold none.

    Needs:  the same rows as received, with their month, and typed.
    """
    name = column.removesuffix("_raw")
    if not name.endswith("_date"):
        return None
    texts = raw.filter(typed[name].is_null() & (raw["snapshot_date"] == month))[column].drop_nulls()
    return str(texts[0]) if len(texts) else None


def _is_lost(typed: pl.DataFrame, column: str) -> pl.Expr:
    empty = pl.col(column).is_null()
    return empty | (pl.col(column) == UNKNOWN) if typed[column].dtype == pl.String else empty


def _read_ssn() -> pl.Expr:
    ssn = pl.col("SSN").str.strip_chars()
    return pl.when(ssn.str.contains(r"^\d{3}-\d{2}-\d{4}$")).then(ssn).alias("SSN")


def _type_of_loan() -> pl.Expr:
    listed = pl.col("Type_of_Loan").str.strip_chars()
    without = pl.when(pl.col("Num_of_Loan") == 0).then(pl.lit("none")).otherwise(pl.lit(UNKNOWN))
    return pl.when(listed.str.len_chars() > 0).then(listed).otherwise(without).alias("Type_of_Loan")


def _months_of_history() -> pl.Expr:
    parts = pl.col("Credit_History_Age").str.extract_groups(r"^\s*(\d+) Years? and (\d+) Months?\s*$")
    years, months = (parts.struct.field(part).cast(pl.Int32, strict=False) for part in ("1", "2"))
    return pl.when(months < 12).then(years * 12 + months).alias("Credit_History_Age")


FINANCIAL_COUNTS = (
    "Num_Bank_Accounts",
    "Num_Credit_Card",
    "Interest_Rate",
    "Num_of_Loan",
    "Delay_from_due_date",
    "Num_of_Delayed_Payment",
    "Num_Credit_Inquiries",
)
FINANCIAL_AMOUNTS = (
    "Annual_Income",
    "Monthly_Inhand_Salary",
    "Changed_Credit_Limit",
    "Outstanding_Debt",
    "Credit_Utilization_Ratio",
    "Total_EMI_per_month",
    "Amount_invested_monthly",
    "Monthly_Balance",
)
BEFORE_TERMS = {n: c.dtype for n, c in LOANS.silver.columns().items() if n.endswith(BEFORE)}
LOAN_COUNTS = ("tenure", "installment_num")
LOAN_AMOUNTS = ("loan_amt", "due_amt", "paid_amt", "overdue_amt", "balance")
NUMBERS: dict[str, dict[str, Number]] = {
    "clickstream": dict.fromkeys(MEASURES, pl.Int32),
    "attributes": {"Age": pl.Int32},
    "financials": {
        **dict.fromkeys(FINANCIAL_COUNTS, pl.Int32),
        **dict.fromkeys(FINANCIAL_AMOUNTS, pl.Float64),
    },
    "loans": {**dict.fromkeys(LOAN_COUNTS, pl.Int32), **dict.fromkeys(LOAN_AMOUNTS, pl.Float64)},
}
CLEANERS: dict[str, list[pl.Expr]] = {
    "clickstream": [pl.col(MEASURES)],
    "attributes": [
        pl.col("Name").str.strip_chars(),
        pl.col("Age"),
        _read_ssn(),
        read_word("Occupation"),
    ],
    "financials": [
        pl.col(FINANCIAL_AMOUNTS + FINANCIAL_COUNTS),
        _type_of_loan(),
        _months_of_history(),
        *(read_word(column) for column in ("Credit_Mix", "Payment_of_Min_Amount", "Payment_Behaviour")),
    ],
    "loans": [
        pl.col("loan_id").str.strip_chars(),
        read_iso("loan_start_date"),
        pl.col(LOAN_COUNTS + LOAN_AMOUNTS),
        *(pl.lit(None, kind).alias(name) for name, kind in BEFORE_TERMS.items()),
    ],
}
