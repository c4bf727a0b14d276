"""What every raw file and every silver table has in common."""

from dataclasses import dataclass

import dataframely as dy
import polars as pl

RAW_DATE = "snapshot_date_raw"
OVERFLOW = "overflow"
FIRST_YEAR, LAST_YEAR = 1990, 2199  # a date beyond them is a typing error


MAX_ID = 128


class SilverRow(dy.Schema):
    """Rules that hold for a row of every silver table; columns in CHECK_ONLY do not outlive the check.

    Keys: declared by each table (customer or loan, and snapshot_date).
    """

    row_id = dy.UInt32(nullable=False)
    overflow = dy.String(nullable=True)
    thousands_separator = dy.Bool(nullable=False)
    customer_id = dy.String(nullable=False, primary_key=True, regex=r"^CUS_0x[0-9a-f]+$")
    snapshot_date = dy.Date(nullable=False, primary_key=True)

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


BEFORE = "_before"  # ends the name of a column that holds what the month before said
CHECK_ONLY = ("row_id", "overflow", "thousands_separator")


@dataclass(frozen=True)
class Source:
    """One of the four raw files: its columns in order, and the silver schema it must meet.

    Where it lies is declared in governance/sources.toml, as for other sources.
    """

    name: str
    columns: tuple[str, ...]
    silver: type[SilverRow]
    every_month: bool = True

    def silver_columns(self) -> dict[str, pl.DataType]:
        """Columns and dtypes of the silver table."""
        columns = self.silver.columns()
        return {
            name: column.dtype
            for name, column in columns.items()
            if name not in CHECK_ONLY and not name.endswith(BEFORE)
        }

    def date_columns(self) -> list[str]:
        """Columns of the bronze table that hold dates."""
        return [name for name in self.raw_columns() if name in (RAW_DATE, "loan_start_date")]

    def raw_columns(self) -> dict[str, pl.DataType]:
        """Columns and dtypes of the bronze table: the file's own as text, its month, where it came from."""
        names = [RAW_DATE if name == "snapshot_date" else name for name in self.columns]
        text: dict[str, pl.DataType] = dict.fromkeys([*names, OVERFLOW, "source_file"], pl.String())
        return {**text, "snapshot_date": pl.Date()}
