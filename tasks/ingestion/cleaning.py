"""From text as received to typed values: what can be read is read, what means nothing becomes null.

A value that could be read in two ways is not guessed: its row goes to quarantine (`thousands_separator`).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from tasks.ingestion.date_spelling import read_iso
from tasks.lender.columns import Column
from tasks.lender.current import lender
from tasks.months import month_number
from tasks.schemas.source import KINDS, OVERFLOW, RAW_DATE, UNKNOWN, Source

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
ENDS, BEGINS = "_% €", "$€£ "  # what stands around a number and does not change it
GAP = "[ \u00a0\u202f'\u2019]"  # blanks of three kinds, apostrophes of two
# By the decimal sign that is declared: numbers such as 1.234,50 or 1,234.50, and what parts their thousands.
GROUPED = {
    ",": (
        rf"^[^\d,]*([-+]?\d*,\d+|[-+]?[1-9]\d{{0,2}}((\.\d{{3}})+|({GAP}\d{{3}})+)(,\d+)?)\D*$",
        rf"\.|{GAP}",
    ),
    ".": (rf"^[^\d.]*[-+]?[1-9]\d{{0,2}}((,\d{{3}})+|({GAP}\d{{3}})+)(\.\d*)?\D*$", rf",|{GAP}"),
}
SAYS_SOMETHING = (
    r"\p{L}{2}|^[<>]?=? ?[\p{L}\p{N}]"  # of a word: two letters, or it begins with a letter or digit
)
FRACTION = re.compile(r"[.,]\d*[1-9]|\de")
NOT_WHOLE = r"[.,]\d*[1-9]|\d[eE]|\d{10}"  # in every number that is no whole one, or too large for one
COUNTED = ("number", "whole number")  # types whose cells are read as numbers


def read_numbers(rows: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    """Text columns as numbers: `40_` is 40, `4.5 %` is 4.5, `$40` is 40; `_`, `__10000__`, words are null.

    So are `NaN`, `inf` and what is beyond the limits.

    Needs:  `columns`, those to read with what is declared of each; a fraction is no whole number and null.
    """
    kinds = {name: KINDS[column.type] for name, column in columns.items()}
    of_kind = {kind: [name for name in kinds if kinds[name] == kind] for kind in kinds.values()}
    numbers = rows.select(pl.col(names).cast(kind, strict=False) for kind, names in of_kind.items())
    marked = _partly_read(rows, numbers)
    if marked:
        read = rows.select(_read_marked(pl.col(marked)))
        whole = [name for name in marked if kinds[name] == pl.Int32]
        numbers = numbers.with_columns(read.with_columns(_read_whole(pl.col(whole))))
    limited = [
        _within_limits(pl.col(name), column.limits)
        for name, column in columns.items()
        if column.limits or kinds[name] == pl.Float64
    ]
    return numbers.with_columns(limited)


def _partly_read(rows: pl.DataFrame, numbers: pl.DataFrame) -> list[str]:
    """Columns of which not every text is among the numbers."""
    return [column for column in numbers.columns if numbers[column].null_count() > rows[column].null_count()]


def _read_marked(cells: pl.Expr) -> pl.Expr:
    text = cells.str.strip_chars()
    number = text.str.strip_chars_end(ENDS).str.strip_chars_start(BEGINS).cast(pl.Float64, strict=False)
    return pl.when(~text.str.starts_with("_")).then(number)


def _read_whole(number: pl.Expr) -> pl.Expr:
    return pl.when(number == number.round()).then(number).cast(pl.Int32, strict=False)


def _within_limits(number: pl.Expr, limits: tuple[float, float] | None) -> pl.Expr:
    sane = number.is_between(*limits) if limits else number.is_finite()
    return pl.when(sane).then(number)


def read_word(column: str) -> pl.Expr:
    """Text of a column, codes such as `B+` and `<25` too; blanks and strings of signs are `unknown`."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text.str.contains(SAYS_SOMETHING)).then(text).otherwise(pl.lit(UNKNOWN)).alias(column)


def is_application(source: Source) -> pl.Expr:
    """Whether a row of bronze is at MOB 0, written `0` or `0.0`; of a source of applicants, each is new.

    Without months on book, a loan is new in the month in which it starts (dates written YYYY-MM-DD).
    """
    mob, start = source.in_bronze("installment_num"), source.in_bronze("loan_start_date")
    if not source.is_tape:
        return pl.lit(value=True)
    if mob is None:
        month = [pl.col(name).str.strip_chars().str.head(7) for name in (str(start), RAW_DATE)]
        return (month[0] == month[1]).fill_null(value=False)
    return pl.col(mob).str.contains(r"^\s*0+(\.0*)?\s*$").fill_null(value=False)


def clean(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Typed candidates for silver.<name>: all its columns and the check-only ones of `SilverRow`.

    Needs:  rows of bronze.<name>, exact duplicates removed.
    Adds:   row_id (UInt32, position in `rows`), thousands_separator (a number that reads in two ways).
    Keys:   one row per row received, in the order received.
    """
    declared = source.by_bronze_name
    counted = {name: column for name, (_, column) in declared.items() if column.type in COUNTED}
    # A date and a number are null anyway where what is written cannot be read.
    worded = [name for name, (_, column) in declared.items() if column.type not in (*COUNTED, "date")]
    texts = pl.col(worded)
    own_nulls = {name: column.nulls for name, (_, column) in declared.items() if column.nulls}
    rows = rows.with_columns(pl.when(~texts.str.strip_chars().is_in(NULL_WORDS)).then(texts))
    if own_nulls:
        rows = rows.with_columns(
            pl.when(~pl.col(name).str.strip_chars().is_in(nulls)).then(pl.col(name)).alias(name)
            for name, nulls in own_nulls.items()
        )
    numbers = read_numbers(rows, counted)
    separators = [pl.col(column).str.contains(r"\d,\d") for column in _partly_read(rows, numbers)]
    in_two_ways = pl.any_horizontal(*separators, pl.lit(value=False)).fill_null(value=False)
    ready = rows.with_columns(numbers, thousands_separator=in_two_ways).with_row_index("row_id")
    read = [
        _read_code(name) if ours == "status" and source.is_tape else _read(name, column).alias(ours)
        for name, (ours, column) in declared.items()
    ]
    typed = ready.select("row_id", OVERFLOW, "thousands_separator", *read)
    lists = _empty_lists(source)
    return _complete(source, typed.with_columns(lists) if lists else typed)


def _read_code(name: str) -> pl.Expr:
    """`status`, of which each code that is declared to mean days past due is a word, whatever its signs."""
    code = pl.col(name).str.strip_chars()
    known = code.is_in(list(lender().arrears.status))
    return pl.when(known).then(code).otherwise(read_word(name)).alias("status")


def _read(name: str, column: Column) -> pl.Expr:
    """The cells of a column by its type; those of numbers are read already."""
    text = pl.col(name).str.strip_chars()
    if column.type in COUNTED:
        return pl.col(name)
    if column.type == "date":
        return read_iso(name)
    if column.type == "duration":
        return _months_of(name)
    if column.type == "word":
        return read_word(name)
    return (
        pl.when(text.str.contains(column.pattern)).then(text)
        if column.type == "text" and column.pattern
        else text
    )


def _empty_lists(source: Source) -> list[pl.Expr]:
    """Lists of words, of which an empty one says that there is none, or nothing."""
    lists = {n: c for n, c in source.declared.by_our_name.items() if c.type == "list of words"}
    return [
        pl.when(pl.col(name).str.len_chars() > 0)
        .then(pl.col(name))
        .when(pl.sql_expr(column.none_when) if column.none_when else pl.lit(value=False))
        .then(pl.lit("none"))
        .otherwise(pl.lit(UNKNOWN))
        .alias(name)
        for name, column in lists.items()
    ]


def _complete(source: Source, typed: pl.DataFrame) -> pl.DataFrame:
    """The columns of silver, those that the lender does not tell made of the others, or null."""
    there = set(typed.columns)
    made: dict[str, pl.Expr] = {}
    if source.is_tape and "customer_id" not in there:
        made["customer_id"] = pl.col("loan_id")
    if source.is_tape and "installment_num" not in there:
        since = month_number(pl.col("snapshot_date")) - month_number(pl.col("loan_start_date"))
        made["installment_num"] = since.cast(pl.Int32)
    if source.is_tape and "loan_start_date" not in there:
        back = pl.format("{}mo", -pl.col("installment_num"))
        made["loan_start_date"] = pl.col("snapshot_date").dt.offset_by(back)
    kinds = source.silver_kinds
    if lender().lender.calendar != "month start":
        made["snapshot_date"] = pl.col("snapshot_date").dt.truncate("1mo")
    nulls = {
        name: pl.lit(None, kind) for name, kind in kinds.items() if name not in there and name not in made
    }
    return (typed.with_columns(**made, **nulls) if made or nulls else typed).select(list(kinds))


def count_lost(
    source: Source, raw: pl.DataFrame, typed: pl.DataFrame
) -> dict[date, dict[str, tuple[int, int]]]:
    """Per month and column, how many cells are null or `unknown` in `typed`, and how many of these held text.

    Needs:  the same rows as received, with their month, and typed. A column that lost nothing is left out.
    """
    names = {name: ours for name, (ours, _) in source.by_bronze_name.items()}
    lost = typed.select(_is_lost(typed, ours).alias(name) for name, ours in names.items())
    columns = [column for column, some in lost.select(pl.all().any()).row(0, named=True).items() if some]
    held = [(lost[column] & raw[column].is_not_null()).alias(column + HELD) for column in columns]
    sums = lost.select(raw["snapshot_date"], *columns, *held).group_by("snapshot_date").sum()
    return {
        row["snapshot_date"]: {column: (row[column], row[column + HELD]) for column in columns if row[column]}
        for row in sums.iter_rows(named=True)
    }


class Fractions(NamedTuple):
    """How many cells of a column of whole numbers say a number that is none, such as `12.5`; one of them."""

    n: int
    example: str

    def __str__(self) -> str:
        """In words."""
        what = "that is no whole one" if FRACTION.search(self.example) else "too large for a whole one"
        return f"{self.n} say a number {what}, such as {self.example!r}"


def find_fractions(
    source: Source, raw: pl.DataFrame, typed: pl.DataFrame
) -> dict[date, dict[str, Fractions]]:
    """Per month and column of whole numbers, the cells that say a number within its limits, but no whole one.

    Needs:  the same rows as received, with their month, and typed, in which these cells are null.
    """
    lost = {
        name: column.limits
        for name, (ours, column) in source.by_bronze_name.items()
        if column.type == "whole number" and typed[ours].null_count() != raw[name].null_count()
    }
    nothing = pl.Series([None], dtype=pl.String)
    nulls = typed.select(pl.col(source.by_bronze_name[name][0]).is_null().alias(name) for name in lost)
    cells = raw.select("snapshot_date", *(raw[name].zip_with(nulls[name], nothing) for name in lost))
    some = cells.select(pl.col(list(lost)).str.contains(NOT_WHOLE).any())
    found: dict[date, dict[str, Fractions]] = {}
    for name in [name for name in some.columns if some[name][0]]:
        said = _within_limits(_read_marked(pl.col(name)), lost[name]).is_not_null()
        by_month = cells.filter(said).group_by("snapshot_date").agg(n=pl.len(), example=pl.col(name).first())
        for month, n, example in by_month.iter_rows():
            found.setdefault(month, {})[name] = Fractions(n, example)
    return found


def first_lost_date(
    source: Source, raw: pl.DataFrame, typed: pl.DataFrame, *, month: date, column: str
) -> str | None:
    """The first text of a month in a raw date column that could not be read; None for other columns, whose
    texts may be personal, and where all cells hold none.

    Needs:  the same rows as received, with their month, and typed.
    """
    if column not in source.date_columns():
        return None
    ours = source.by_bronze_name[column][0]
    texts = raw.filter(typed[ours].is_null() & (raw["snapshot_date"] == month))[column].drop_nulls()
    return str(texts[0]) if len(texts) else None


def _is_lost(typed: pl.DataFrame, column: str) -> pl.Expr:
    empty = pl.col(column).is_null()
    return empty | (pl.col(column) == UNKNOWN) if typed[column].dtype == pl.String else empty


def _months_of(column: str) -> pl.Expr:
    """Months of a duration written such as `10 Years and 9 Months`."""
    parts = pl.col(column).str.extract_groups(r"^\s*(\d+) Years? and (\d+) Months?\s*$")
    years, months = (parts.struct.field(part).cast(pl.Int32, strict=False) for part in ("1", "2"))
    return pl.when(months < 12).then(years * 12 + months)
