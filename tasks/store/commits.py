"""How rows are committed to a Delta table: days replaced in a single commit on the version that was read."""

from collections.abc import Mapping, Set
from datetime import date
from functools import partial
from typing import Any

from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from tasks.store.table_columns import columns_of

# A month's columns are too short for dictionaries to pay, and nothing reads their statistics.
PLAIN = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
WRITER = WriterProperties(compression="SNAPPY", default_column_properties=PLAIN)


def commit_days(
    delta: DeltaTable,
    rows: Any,
    days: Set[date],
    *,
    columns: Set[str],
    is_new: bool,
    notes: Mapping[str, str],
) -> bool:
    """Whether the commit went through; False when another writer committed first, whatever it wrote.

    A table with other columns gets those of the rows; its older files stay as they are.
    Needs:  a frame or a stream of batches with these `columns`; whether the table `is_new` to all the days.
    """
    # It goes on the version that was read, or not at all.
    commit = CommitProperties(custom_metadata=dict(notes), max_commit_retries=0)
    write = partial(write_deltalake, delta, rows, writer_properties=WRITER, commit_properties=commit)
    listed = ", ".join(f"'{day}'" for day in sorted(days))
    schema_mode = None if set(columns_of(delta)) == columns else "overwrite"
    try:
        if schema_mode or not is_new:
            write(mode="overwrite", predicate=f"snapshot_date in ({listed})", schema_mode=schema_mode)
        else:  # nothing to look for: a quarter cheaper
            write(mode="append")
    except CommitFailedError:
        return False
    return True
