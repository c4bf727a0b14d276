"""Edit a CSV file as text: every column a string, and what is not touched keeps its bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from tasks.errors import UsageError

FEW_ROWS = 5


def read_text(path: Path) -> pl.DataFrame:
    """Return the file with all columns String, null where a cell is empty.

    Raises: UsageError when the file is not there or has no columns any more.
    """
    try:
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.NoDataError) as error:
        raise UsageError(
            f"No rows to plant a fault in: {path} ({error}); simulate a lender there first."
        ) from error


def write_text(frame: pl.DataFrame, path: Path) -> None:
    """Put `frame` in the place of the file, whole or not at all."""
    write_whole(path, frame.write_csv().encode())


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file, whole or not at all."""
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def in_last_month(frame: pl.DataFrame) -> pl.Series:
    """Return which rows (Boolean) have the latest well-formed snapshot_date of the file."""
    days = frame["snapshot_date"]
    sound = days.filter(days.str.contains(r"^\d{4}-\d{2}-01$") & (days < "2090"))
    return (days == sound.max()).fill_null(value=False)


def pick_rows(mask: pl.Series, chance: np.random.Generator, few: int = FEW_ROWS) -> list[int]:
    """Return the places of a few rows where `mask` holds, in order.

    Raises: UsageError when it holds nowhere.
    """
    places = np.flatnonzero(mask.to_numpy())
    if not len(places):
        raise UsageError(
            "The last month has no row of the kind this fault needs; simulate more months or loans."
        )
    return sorted(int(place) for place in chance.choice(places, min(few, len(places)), replace=False))


def put(frame: pl.DataFrame, column: str, rows: list[int], values: Sequence[str | None]) -> pl.DataFrame:
    """Return `frame` with `values`, over and over, in those rows of a column."""
    filled = [values[turn % len(values)] for turn in range(len(rows))]
    return frame.with_columns(frame[column].clone().scatter(rows, filled))
