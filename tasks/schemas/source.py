"""A source's tables, as its declaration makes them: bronze as received, silver as checked."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dataframely as dy
import polars as pl

from tasks.lender.columns import Column
from tasks.lender.declaration import CUSTOMER, DATE, LenderSource
from tasks.lender.expressions import BEFORE
from tasks.lender.tape import TAPE
from tasks.months import month_number

RAW_DATE = "snapshot_date_raw"
OVERFLOW = "overflow"
FIRST_YEAR, LAST_YEAR = 1990, 2199  # a date beyond them is a typing error
MAX_ID = 128
LEADS_OUT = r"(^|[/\\])\.{1,2}([/\\]|$)"  # of a loan id: a part that no file is named
CHECK_ONLY = ("row_id", OVERFLOW, "thousands_separator")
UNKNOWN = "unknown"  # a word that says nothing
LOAN = "loan_id"
# What every silver table of loans has, null where the lender does not tell it.
CORE = (
    "loan_id",
    "loan_start_date",
    "tenure",
    "installment_num",
    "loan_amt",
    "due_amt",
    "paid_amt",
    "overdue_amt",
    "balance",
)
KINDS: dict[str, pl.DataType] = {
    "number": pl.Float64(),
    "whole number": pl.Int32(),
    "duration": pl.Int32(),  # months
    "date": pl.Date(),
}
COLUMNS: dict[type[pl.DataType], Any] = {
    pl.Int32: dy.Int32,
    pl.Float64: dy.Float64,
    pl.Date: dy.Date,
    pl.String: dy.String,
}
PLAIN = re.compile(r"^\w+$", re.ASCII)  # of a column in a Delta table


class SilverRow(dy.Schema):
    """Rules that hold for a row of every silver table; columns in CHECK_ONLY do not outlive the check."""

    row_id = dy.UInt32(nullable=False)
    overflow = dy.String(nullable=True)
    thousands_separator = dy.Bool(nullable=False)

    @dy.rule()
    def customer_id_of_at_most_128_characters(cls) -> pl.Expr:
        return pl.col("customer_id").str.len_chars() <= MAX_ID

    @dy.rule()
    def as_many_fields_as_the_header(cls) -> pl.Expr:
        return pl.col("overflow").is_null()

    @dy.rule()
    def numbers_without_thousands_separator(cls) -> pl.Expr:
        return ~pl.col("thousands_separator")

    @dy.rule()
    def snapshot_on_the_first_of_a_month(cls) -> pl.Expr:
        return pl.col("snapshot_date").dt.day() == 1


class SilverTape(SilverRow):
    """Rules that hold for a row of a loan tape besides."""

    @dy.rule()
    def loan_id_of_at_most_128_letters_digits_and_signs(cls) -> pl.Expr:
        """Whatever shows, blanks and slashes inside too, but what leads out of a folder."""
        loan_id = pl.col("loan_id")
        shows = loan_id.str.contains(r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$")
        return shows & ~loan_id.str.contains(LEADS_OUT) & (loan_id.str.len_chars() <= MAX_ID)

    @dy.rule()
    def installment_num_is_months_since_start(cls) -> pl.Expr:
        months = month_number(pl.col("snapshot_date")) - month_number(pl.col("loan_start_date"))
        return pl.col("installment_num") == months


@dataclass(frozen=True)
class Source:
    """One of the lender's sources: how its rows lie in the tables. The file's names of columns are kept in
    bronze, unless a table cannot hold them; ours are those of silver.
    """

    declared: LenderSource

    @property
    def name(self) -> str:
        """Its name, which those of its tables end in."""
        return self.declared.name

    @property
    def every_month(self) -> bool:
        """Whether it must have rows of each month in which loans start."""
        return self.declared.every_month

    @property
    def is_tape(self) -> bool:
        """Whether it is the loan tape."""
        return self.declared.role == "loan tape"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The file's names of its columns, in order."""
        return tuple(self.declared.columns)

    @cached_property
    def bronze_names(self) -> dict[str, str]:
        """The name in bronze of each column of the file."""
        return {
            name: RAW_DATE if ours == DATE else name if PLAIN.match(name) else ours
            for name, ours in self.declared.ours.items()
        }

    @cached_property
    def by_bronze_name(self) -> dict[str, tuple[str, Column]]:
        """Our name of each column of bronze that the file has, and what is declared of it."""
        ours = self.declared.ours
        return {self.bronze_names[name]: (ours[name], one) for name, one in self.declared.columns.items()}

    def in_bronze(self, ours: str) -> str | None:
        """The name in bronze of a column of ours; None where the file has none."""
        theirs = self.declared.theirs.get(ours)
        return None if theirs is None else self.bronze_names[theirs]

    @cached_property
    def before(self) -> tuple[str, ...]:
        """Our columns of which the rules look at the month before."""
        found = (re.findall(rf"\b(\w+){BEFORE}\b", rule) for rule in self.declared.rules.values())
        return tuple(dict.fromkeys(name for names in found for name in names))

    @cached_property
    def silver(self) -> type[dy.Schema]:
        """The schema that a row of silver meets. Keys: customer or loan, and snapshot_date."""
        key = LOAN if self.is_tape else CUSTOMER
        given = (DATE, CUSTOMER, *CORE) if self.is_tape else (CUSTOMER, DATE)
        names = dict.fromkeys((*given, *self.declared.by_our_name))
        columns: dict[str, Any] = {name: self._silver_column(name, key=name in (key, DATE)) for name in names}
        for name in self.before:
            columns[name + BEFORE] = _typed(columns[name].dtype, nullable=True)
        rules = {name: _rule(sql) for name, sql in self.declared.rules.items()}
        base = SilverTape if self.is_tape else SilverRow
        schema: Any = type(f"Silver_{self.name}", (base,), {**columns, **rules})
        return schema

    def _silver_column(self, name: str, *, key: bool) -> dy.Column:
        declared = self.declared.by_our_name.get(name)
        known = TAPE.get(name) if self.is_tape or name in (CUSTOMER, DATE) else None
        # Of a loan tape, customer and start are always there: they are made where they are not declared.
        made = name in (CUSTOMER, DATE, "loan_start_date", "installment_num")
        needed = made or (known is not None and declared is not None)
        if declared is not None and declared.required is not None:
            needed = declared.required
        elif declared is not None and declared.type in ("word", "list of words"):
            needed = True
        more: dict[str, Any] = {"nullable": not needed, "primary_key": key}
        if known is not None and known.min is not None:
            more["min"] = known.min
        if declared is not None and declared.type == "id" and declared.pattern:
            more["regex"] = declared.pattern
        said = known.type if known else declared.type if declared else ""
        return _typed(KINDS.get(said, pl.String()), **more)

    @cached_property
    def silver_kinds(self) -> dict[str, pl.DataType]:
        """Columns and dtypes of the schema of silver, those that are for checks alone among them."""
        return {name: column.dtype for name, column in self.silver.columns().items()}

    def silver_columns(self) -> dict[str, pl.DataType]:
        """Columns and dtypes of the silver table."""
        check_only = {*CHECK_ONLY, *(name + BEFORE for name in self.before)}
        return {name: kind for name, kind in self.silver_kinds.items() if name not in check_only}

    def date_columns(self) -> list[str]:
        """Columns of the bronze table that hold dates."""
        return [name for name, (_, column) in self.by_bronze_name.items() if column.type == "date"]

    def raw_columns(self) -> dict[str, pl.DataType]:
        """Columns and dtypes of the bronze table: the file's own as text, its month, where it came from."""
        names = [*self.bronze_names.values(), OVERFLOW, "source_file"]
        text: dict[str, pl.DataType] = dict.fromkeys(names, pl.String())
        return {**text, "snapshot_date": pl.Date()}

    def raw_key(self) -> tuple[str, ...]:
        """The columns that the bronze table is sorted by."""
        key = [self.in_bronze(LOAN) if self.is_tape else None, self.in_bronze(CUSTOMER), RAW_DATE]
        return tuple(name for name in key if name)


def _typed(kind: pl.DataType, **more: Any) -> dy.Column:
    column: dy.Column = COLUMNS[type(kind)](**more)
    return column


def _rule(sql: str) -> Any:
    return dy.rule()(lambda _: pl.sql_expr(sql))
