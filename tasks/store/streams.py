"""Rows that do not fit into memory: compared with those of a table, and written to it, batch by batch."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial

import polars as pl
from arro3.core import RecordBatchReader, Table
from deltalake import DeltaTable

from tasks.config import Settings
from tasks.errors import PassingError
from tasks.schemas.catalog import TABLES
from tasks.store import tables
from tasks.store.commits import commit_days
from tasks.store.handles import files_of, open_table
from tasks.store.table_columns import require_same_types
from tasks.store.turns import take_turns


def replace_by_stream(name: str, pieces: Sequence[pl.LazyFrame], *, day: date, settings: Settings) -> None:
    """As `replace_partitions` of one day, of rows in any order of which a piece at a time is in memory.

    Needs:  the columns of the table, and at least one row in each piece.
    Raises: PassingError when another run wrote rows of the day meanwhile.
    """
    columns, found = TABLES[name].columns.keys(), None
    for delta in take_turns(partial(open_table, name, settings), DeltaTable.version):
        require_same_types(name, delta)
        files = files_of(name, settings).filter(pl.col("snapshot_date") == day)
        is_new, stored = files.is_empty(), tables.scan(name, settings, on=[day])
        whole = is_new or not tables.missing_columns(name, settings, on=[day])
        if not is_new and whole and are_same_rows(pl.concat(pieces), stored):
            return
        if found is not None and not files.equals(found):
            break
        found = files
        if commit_days(delta, _in_turn(pieces, columns), {day}, columns=columns, is_new=is_new, notes={}):
            return
    raise PassingError(
        f"Another run wrote to {name} meanwhile, and the rows of {day} were not written. Run it again."
    )


def _in_turn(pieces: Sequence[pl.LazyFrame], columns: Iterable[str]) -> RecordBatchReader:
    """The pieces, each read when the one before was taken; a Polars stream would read on meanwhile."""
    tables_in_turn = (Table(piece.select(columns).collect()) for piece in pieces)
    schema = Table(pieces[0].select(columns).head(0).collect()).schema
    return RecordBatchReader.from_batches(
        schema, (batch for table in tables_in_turn for batch in table.to_batches())
    )


def are_same_rows(one: pl.LazyFrame, other: pl.LazyFrame) -> bool:
    """Whether two frames of the same columns hold the same rows in whatever order, by their hashes."""
    hashes = pl.struct(sorted(one.collect_schema().names())).hash().sum()
    sums = [
        rows.select(pl.len(), hashes.alias("sum")).collect(engine="streaming").row(0) for rows in (one, other)
    ]
    return sums[0] == sums[1]
