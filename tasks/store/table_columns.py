"""The columns that a Delta table and its files have, against those that the catalog gives it."""

from functools import cache
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, Schema

from tasks.errors import StorageError
from tasks.schemas.catalog import TABLES, Table


def columns_of(delta: DeltaTable) -> pl.Schema:
    """Columns and types of the table as its newest commit has them; single files may lack some."""
    return _read_columns(delta.schema().to_json())


@cache
def _read_columns(schema: str) -> pl.Schema:
    return pl.Schema(Schema.from_json(schema).to_arrow())


def require_same_types(name: str, delta: DeltaTable) -> None:
    """Do nothing if no column has another type than in the catalog.

    Raises: StorageError.
    """
    columns = TABLES[name].columns
    for column, stored in columns_of(delta).items():
        if columns.get(column, stored) != stored:
            raise StorageError(
                f"{name} holds {column} as {stored}, and this code makes it as {columns[column]}. Nothing "
                "was read or written; give the new column a name of its own."
            )


def missing_in(file: str, table: Table) -> set[str]:
    """Columns of the catalog that one of the table's files lacks, as it was written by code without them."""
    columns = table.columns.keys() - {"snapshot_date"}  # the name of the folder tells the day
    return columns - pl.read_parquet_schema(unquote(file)).keys()
