"""Words that are kept in a model or a reference: what a single customer wrote is personal, and is not."""

import polars as pl

MIN_SHARED = 5  # rows that a word must be in


def shared_words(values: pl.Series) -> list[str]:
    """The words that MIN_SHARED rows or more have, in order; the others count as words that nobody had."""
    counts = values.drop_nulls().value_counts(name="n_rows")
    return counts.filter(pl.col("n_rows") >= MIN_SHARED)[values.name].sort().to_list()
