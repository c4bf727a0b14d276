"""A month of a source that is too large to be worked on at once: checked by ranges of its loans or customers.

Every rule looks at rows of one loan or customer, so the pieces add up to what the month as a whole would be.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import polars as pl

from tasks.config import Settings
from tasks.ingestion import landing
from tasks.ingestion.cleaning import Fractions
from tasks.ingestion.delivery_checks import digest_of, lines_of
from tasks.ingestion.validation import CheckedRows, Unreadable, account, check_rows, say_unreadable
from tasks.schemas.catalog import TABLES, in_order
from tasks.schemas.source import LOAN, Source

Cells = TypeVar("Cells")


@dataclass(frozen=True)
class LargeMonth:
    """A month of one source after the check: as `Checked`, but its rows lie in files."""

    received: Sequence[pl.LazyFrame]
    good: Sequence[pl.LazyFrame]
    quarantined: pl.LazyFrame
    deliveries: pl.DataFrame
    unreadable: Mapping[date, Unreadable]
    lost: Mapping[date, Mapping[str, tuple[int, int]]]
    fractions: Mapping[date, Mapping[str, Fractions]]


def check_large_month(
    source: Source,
    month: date,
    settings: Settings,
    *,
    n: int,
    undated: pl.DataFrame,
    before: pl.DataFrame | None,
) -> LargeMonth:
    """As `check` of all rows of the month, in `n` pieces of which one at a time is in memory.

    Needs:  rows whose month cannot be told; for loans `before`, the rows of silver.loans of the month before.
    """
    received = landing.split_in_pieces(source, month, settings, n=n)
    key = pl.col(source.raw_key()[0])
    padded = landing.scan_pieces(received).select((key.str.strip_chars() != key).any())
    # Rows are sorted in bronze and the digest by ids as they are written, and checked by what these say.
    by_id = received
    if padded.collect(engine="streaming").item():
        by_id = landing.split_in_pieces(source, month, settings, n=n, stripped=True)
    parts = list[CheckedRows]()
    digest = digest_of(_check_each(source, by_id, undated, before, into=parts))
    if by_id is not received:
        digest = digest_of(_lines(source, received))
    found = _add_up(source, parts)
    file = landing.scan_pieces(received).select("source_file").head(1).collect().item()
    return LargeMonth(
        received=[landing.scan_pieces([path]) for path in received],
        good=[
            pl.scan_parquet(path / "good.parquet")
            for path, part in zip(by_id, parts, strict=True)
            if part.counts["n_good"]
        ],
        quarantined=pl.scan_parquet([path / "quarantined.parquet" for path in by_id]),
        deliveries=account(source, file, {month: digest}, found.counts, [month]),
        unreadable=say_unreadable(source, found.counts, found.lost, found.fractions, found.examples),
        lost=found.lost,
        fractions=found.fractions,
    )


def _check_each(
    source: Source,
    pieces: Sequence[Path],
    undated: pl.DataFrame,
    before: pl.DataFrame | None,
    *,
    into: list[CheckedRows],
) -> Iterator[pl.Series]:
    """The lines of each piece, once its good and broken rows are beside it, and its counts in `into`."""
    for number, path in enumerate(pieces):
        dated = landing.scan_pieces([path]).collect()
        known = None if before is None else _of_these(before, dated[source.in_bronze(LOAN) or LOAN])
        rows = check_rows(source, dated, undated.head(0) if number else undated, before=known)
        rows.good.write_parquet(path / "good.parquet", compression="uncompressed")
        rows.quarantined.write_parquet(path / "quarantined.parquet", compression="uncompressed")
        into.append(_without_rows(rows))
        yield lines_of(rows.received)


def _of_these(before: pl.DataFrame, loans: pl.Series) -> pl.DataFrame:
    ids = loans.str.strip_chars().unique().alias("loan_id").to_frame()
    return before.join(ids, on="loan_id", how="semi")


def _without_rows(rows: CheckedRows) -> CheckedRows:
    return replace(
        rows, received=rows.received.clear(), good=rows.good.clear(), quarantined=rows.quarantined.clear()
    )


def _lines(source: Source, pieces: Sequence[Path]) -> Iterator[pl.Series]:
    for path in pieces:
        rows = landing.scan_pieces([path]).collect()
        yield lines_of(in_order(rows, TABLES[f"bronze.{source.name}"]))


def _add_up(source: Source, parts: Sequence[CheckedRows]) -> CheckedRows:
    """What was counted of all pieces, without their rows."""
    counts = {name: Counter[date]() for name in parts[0].counts}
    for part in parts:
        for name, of_month in part.counts.items():
            counts[name].update(of_month)
    examples = {
        where: example for part in reversed(parts) for where, example in part.examples.items() if example
    }
    return replace(
        parts[0],
        counts=counts,
        lost=_add_months(source, (part.lost for part in parts), _add_lost),
        fractions=_add_months(source, (part.fractions for part in parts), _add_fractions),
        examples=examples,
    )


def _add_months(
    source: Source, parts: Iterable[Mapping[date, Mapping[str, Cells]]], add: Callable[[Cells, Cells], Cells]
) -> dict[date, dict[str, Cells]]:
    """What was counted of the cells of a column in a month, in the order of the source's columns."""
    total: dict[date, dict[str, Cells]] = {}
    for part in parts:
        for month, cells in part.items():
            known = total.setdefault(month, {})
            for name, cell in cells.items():
                known[name] = add(known[name], cell) if name in known else cell
    return {
        month: {name: cells[name] for name in source.by_bronze_name if name in cells}
        for month, cells in total.items()
    }


def _add_lost(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _add_fractions(one: Fractions, other: Fractions) -> Fractions:
    return Fractions(one.n + other.n, one.example)
