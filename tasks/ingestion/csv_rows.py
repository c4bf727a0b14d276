"""The rows of a CSV file as text, and what is said of one that cannot be read as such."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tasks.errors import BadInputError, PassingError, may_pass
from tasks.ingestion.plain_copy import sender_of
from tasks.ingestion.raw_files import holds_quotes, read_header
from tasks.schemas.source import OVERFLOW, Source

MAX_NAMED = 3


def columns_in(path: Path, source: Source) -> list[str]:
    """Our names of the file's columns in their order, `extra N` for those that we do not take in."""
    header = read_header(path, source)
    return [*(source.bronze_names.get(name, f"extra {place}") for place, name in enumerate(header)), OVERFLOW]


def scan_rows(path: Path, source: Source) -> pl.LazyFrame:
    """The file's rows, those alone for which the declaration says `only`."""
    rows = pl.scan_csv(
        path,
        has_header=False,
        skip_rows=1,
        schema=dict.fromkeys(columns_in(path, source), pl.String()),
        missing_columns="insert",
        null_values="",  # also where the sender puts quotes around nothing
        truncate_ragged_lines=True,
        glob=False,
    )
    if not source.declared.only:
        return rows
    ours = {name: ours for name, (ours, _) in source.by_bronze_name.items()}
    theirs = {ours: name for name, ours in ours.items()}
    return rows.rename(ours).filter(pl.sql_expr(source.declared.only)).rename(theirs)


@contextmanager
def as_bad_input(path: Path) -> Generator[None]:
    try:
        yield
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
        if may_pass(error) or "os error" in str(error):  # of the disk, on which the months are kept apart
            raise
        reason = str(error).partition("\n")[0]
        if reason.startswith("parquet:"):  # the file is CSV: it is the writing of its months that failed
            raise PassingError(
                f"The months of {sender_of(path)} could not be kept apart ({reason}). See that the disk has "
                "room, then run the same command again."
            ) from error
        fix = (
            "Look for a quote that is never closed." if holds_quotes(path) else "Ask the sender for it again."
        )
        raise BadInputError(f"{sender_of(path)} cannot be read as a CSV file ({reason}). {fix}") from error


def require_paired_quotes(path: Path) -> None:
    """Do nothing if each quote is around a whole field, or doubled within one.

    Raises: BadInputError that names the first lines where one is not, and how it is written.
    """
    lines = pl.scan_csv(
        path,
        has_header=False,
        separator="\x1f",
        quote_char=None,
        new_columns=["line"],
        infer_schema=False,
        glob=False,
    )
    inside = lines.with_row_index("number", 1).filter(pl.col("line").str.contains(r'[^,"\r]"[^,"\r]'))
    found = inside.select(pl.col("number")).head(MAX_NAMED + 1).collect()["number"].to_list()
    if found:
        more = " and more" if len(found) > MAX_NAMED else ""
        named = f"line{'s' if len(found) > 1 else ''} {', '.join(map(str, found[:MAX_NAMED]))}{more}"
        raise BadInputError(
            f"{sender_of(path)} has a quote inside a field ({named}). A field that holds one is written in "
            'quotes, and each quote in it twice: "Anna ""Ann"" Lee". Ask the sender to export it again.'
        )


def require_closed_quotes(path: Path, source: Source, rows: pl.LazyFrame) -> None:
    """A quote that is never closed makes one field of the lines after it: rows would vanish in it."""
    ids = [column.pattern.strip("^$") for _, column in source.by_bronze_name.values() if column.type == "id"]
    lines = "|".join(dict.fromkeys([*(pattern for pattern in ids if pattern), ",.*,.*,"]))
    swallowed = pl.col(pl.String).str.contains(rf"(?s)\n.*({lines})")
    if rows.select(pl.any_horizontal(swallowed.any())).collect().item():
        raise BadInputError(
            f"{sender_of(path)} has a quote that is never closed, so that a field swallows whole lines. "
            "Ask the sender to export it again with its quotes in pairs."
        )
