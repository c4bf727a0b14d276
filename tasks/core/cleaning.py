"""From text as received to typed values: what can be read is read, what means nothing becomes null.

A value that could be read in two ways is not guessed: its row goes to quarantine (`thousands_separator`).
"""

from collections.abc import Callable
from datetime import date

import polars as pl

from tasks.schemas.clickstream import MEASURES
from tasks.schemas.loans import LOANS
from tasks.schemas.source import BEFORE, FIRST_YEAR, LAST_YEAR, OVERFLOW, RAW_DATE

UNKNOWN = "unknown"
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


def read_number(column: str, *, dirty: bool = True) -> pl.Expr:
    """Float64 of a text column: `40_` is 40; `_`, `__10000__`, `NaN`, `inf`, words, wild values are null.

    With `dirty=False` the column holds numbers already.
    """
    text = pl.col(column).str.strip_chars()
    unmarked = pl.when(~text.str.starts_with("_")).then(text.str.strip_chars_end("_"))
    number = unmarked.cast(pl.Float64, strict=False) if dirty else pl.col(column).cast(pl.Float64)
    sane = number.is_finite() & number.is_between(*LIMITS[column]) if column in LIMITS else number.is_finite()
    return pl.when(sane).then(number).alias(column)


def read_integer(column: str, *, dirty: bool = True) -> pl.Expr:
    """Int32 of a text column, by the rules of `read_number`; a fraction is null."""
    if not dirty and column not in LIMITS:
        return pl.col(column)
    number = read_number(column, dirty=dirty)
    return pl.when(number == number.round()).then(number).cast(pl.Int32, strict=False).alias(column)


def read_word(column: str) -> pl.Expr:
    """Text of a column; blanks, underscores and strings of signs are `unknown`."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text.str.contains("[A-Za-z]{2}")).then(text).otherwise(pl.lit(UNKNOWN)).alias(column)


def read_day(column: str) -> pl.Expr:
    """Date of a text column written YYYY-MM-DD; anything else, 2023-02-30 or year 0001 too, is null."""
    text = pl.col(column).str.strip_chars()
    day = pl.when(text.str.contains(r"^\d{4}-\d{2}-\d{2}$")).then(text).str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.dt.year().is_between(FIRST_YEAR, LAST_YEAR)).then(day)


def clean(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Typed candidates for silver.<name>: all its columns and the check-only ones of `SilverRow`.

    Needs:  rows of bronze.<name>, exact duplicates removed.
    Adds:   row_id (UInt32, position in `rows`), thousands_separator (a number that reads in two ways).
    Keys:   one row per row received, in the order received.
    """
    plain = rows.select(pl.col(column).cast(kind, strict=False) for column, kind in NUMBERS[name].items())
    dirty = {column for column in plain.columns if plain[column].null_count() > rows[column].null_count()}
    columns = [expression.name.to_lowercase() for expression in CLEANERS[name](dirty)]
    ready = rows.with_columns(plain.drop(dirty)).lazy().with_row_index("row_id")
    typed = ready.select(
        "row_id",
        OVERFLOW,
        *columns,
        thousands_separator=_any_thousands_separator(dirty),
        customer_id=pl.col("Customer_ID").str.strip_chars(),
        snapshot_date=read_day(RAW_DATE),
    )
    return typed.collect(engine="in-memory")


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


def _is_lost(typed: pl.DataFrame, column: str) -> pl.Expr:
    empty = pl.col(column).is_null()
    return empty | (pl.col(column) == UNKNOWN) if typed[column].dtype == pl.String else empty


def _any_thousands_separator(columns: set[str]) -> pl.Expr:
    found = [pl.col(column).str.contains(r"\d,\d") for column in sorted(columns)]
    return pl.any_horizontal(*found, pl.lit(value=False)).fill_null(value=False)


def _clickstream(dirty: set[str]) -> list[pl.Expr]:
    return [read_integer(measure, dirty=measure in dirty) for measure in MEASURES]


def _attributes(dirty: set[str]) -> list[pl.Expr]:
    ssn = pl.col("SSN").str.strip_chars()
    return [
        pl.col("Name").str.strip_chars(),
        read_integer("Age", dirty="Age" in dirty),
        pl.when(ssn.str.contains(r"^\d{3}-\d{2}-\d{4}$")).then(ssn).alias("SSN"),
        read_word("Occupation"),
    ]


def _financials(dirty: set[str]) -> list[pl.Expr]:
    return [
        *(read_number(column, dirty=column in dirty) for column in FINANCIAL_AMOUNTS),
        *(read_integer(column, dirty=column in dirty) for column in FINANCIAL_COUNTS),
        _type_of_loan(),
        _months_of_history(),
        *(read_word(column) for column in ("Credit_Mix", "Payment_of_Min_Amount", "Payment_Behaviour")),
    ]


def _type_of_loan() -> pl.Expr:
    listed = pl.col("Type_of_Loan").str.strip_chars()
    n_loans = pl.col("Num_of_Loan").cast(pl.String).str.strip_chars("_ ").cast(pl.Float64, strict=False)
    without = pl.when(n_loans == 0).then(pl.lit("none")).otherwise(pl.lit(UNKNOWN))
    return pl.when(listed.str.len_chars() > 0).then(listed).otherwise(without).alias("Type_of_Loan")


def _months_of_history() -> pl.Expr:
    parts = pl.col("Credit_History_Age").str.extract_groups(r"^\s*(\d+) Years? and (\d+) Months?\s*$")
    years, months = (parts.struct.field(part).cast(pl.Int32, strict=False) for part in ("1", "2"))
    return pl.when(months < 12).then(years * 12 + months).alias("Credit_History_Age")


def _loans(dirty: set[str]) -> list[pl.Expr]:
    return [
        pl.col("loan_id").str.strip_chars(),
        read_day("loan_start_date"),
        *(read_integer(column, dirty=column in dirty) for column in LOAN_COUNTS),
        *(read_number(column, dirty=column in dirty) for column in LOAN_AMOUNTS),
        *(pl.lit(None, kind).alias(name) for name, kind in BEFORE_TERMS.items()),
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
NUMBERS: dict[str, dict[str, type[pl.Int32 | pl.Float64]]] = {
    "clickstream": dict.fromkeys(MEASURES, pl.Int32),
    "attributes": {"Age": pl.Int32},
    "financials": {
        **dict.fromkeys(FINANCIAL_COUNTS, pl.Int32),
        **dict.fromkeys(FINANCIAL_AMOUNTS, pl.Float64),
    },
    "loans": {**dict.fromkeys(LOAN_COUNTS, pl.Int32), **dict.fromkeys(LOAN_AMOUNTS, pl.Float64)},
}
CLEANERS: dict[str, Callable[[set[str]], list[pl.Expr]]] = {
    "clickstream": _clickstream,
    "attributes": _attributes,
    "financials": _financials,
    "loans": _loans,
}
