"""What the columns of a source hold: nulls, cells that were lost, their range, their words."""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

MAX_SHOWN = 5
Lost = Mapping[str, tuple[int, int]]
COLUMNS = {
    "source": pl.String(),
    "column": pl.String(),
    "type": pl.String(),
    "null_share": pl.Float64(),
    "lost_share": pl.Float64(),
    "fractions": pl.Int64(),
    "least": pl.String(),
    "greatest": pl.String(),
    "words": pl.Int64(),
    "new_words": pl.String(),
}


def describe_columns(
    source: str,
    good: pl.LazyFrame,
    lost: Lost,
    fractions: Mapping[str, int],
    *,
    n_rows: int,
    words: Collection[str],
) -> pl.DataFrame:
    """A row of COLUMNS for each column of a source.

    Needs:  the rows of silver.<source>; of `n_rows` rows received how many cells of each column are null or
            `unknown`, and how many of these held text, and a number that is no whole one although the column
            is of such (`fractions`); the columns of `words`, alone of which some are shown.
    Adds:   shares (0 to 1) of the rows received; the range of numbers and dates; how many different words a
            column of them has, and those that the newest month is the first to have.
    """
    schema = good.collect_schema()
    ranged = [name for name, kind in schema.items() if kind.is_numeric() or kind.is_temporal()]
    least, greatest = (
        good.select(pl.col(ranged).min()).collect().row(0, named=True),
        good.select(pl.col(ranged).max()).collect().row(0, named=True),
    )
    rows: list[dict[str, Any]] = []
    for name, kind in schema.items():
        n_null, n_lost = lost.get(name, (0, 0))
        rows.append(
            {
                "source": source,
                "column": name,
                "type": str(kind),
                "null_share": n_null / n_rows if n_rows else None,
                "lost_share": n_lost / n_rows if n_rows else None,
                "fractions": fractions.get(name),
                "least": _as_text(least.get(name)),
                "greatest": _as_text(greatest.get(name)),
                **(_describe_words(good, name) if name in words else {}),
            }
        )
    return pl.DataFrame(rows, schema=COLUMNS)


def _describe_words(good: pl.LazyFrame, name: str) -> dict[str, Any]:
    """How many words a column has, and its new ones."""
    first_met = good.drop_nulls(name).group_by(name).agg(first=pl.col("snapshot_date").min()).collect()
    newest = good.select(pl.col("snapshot_date").max()).collect().item()
    oldest = first_met.select(pl.col("first").min()).item()
    new = first_met.filter(pl.col("first") == newest)[name].sort().to_list() if oldest != newest else []
    return {"words": first_met.height, "new_words": ", ".join(new[:MAX_SHOWN]) or None}


def _as_text(value: object) -> str | None:
    return None if value is None else f"{value:,.10g}" if isinstance(value, float) else str(value)
