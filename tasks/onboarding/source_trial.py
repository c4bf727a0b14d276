"""One source's file, read and checked by ingestion's own functions in a folder that is given up."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.config import Settings, held_bytes
from tasks.errors import BadInputError
from tasks.ingestion import delivery_checks, landing
from tasks.ingestion.cleaning import Fractions
from tasks.ingestion.large_months import LargeMonth, check_large_month
from tasks.ingestion.plain_copy import name_of_sender
from tasks.ingestion.raw_files import file_if_due
from tasks.ingestion.validation import Checked, Unreadable, check
from tasks.months import months_before
from tasks.onboarding.columns import describe_columns
from tasks.schemas.catalog import TABLES
from tasks.schemas.source import Source

BATCH_BYTES = 200_000_000  # of a source's months once they are read


class _Lot(NamedTuple):
    """Months of a source after the check, as in Checked, but for the rows that are received and good."""

    quarantined: pl.DataFrame
    deliveries: pl.DataFrame
    unreadable: Mapping[date, Unreadable]
    lost: Mapping[date, Mapping[str, tuple[int, int]]]
    fractions: Mapping[date, Mapping[str, Fractions]]


class Refusal(NamedTuple):
    """A month that would not come in: the cause, which other months may share, and a sentence about it.

    The sentence is `what` of the month `words`.
    """

    cause: str
    month: date
    what: str
    words: str


@dataclass(frozen=True)
class SourceTrial:
    """What would become of one source's file.

    `deliveries` are as in bronze.deliveries; `rules` say how many rows broke which; `undated` rows are those
    whose month cannot be told; `refusals` say why the file or a month would not come in; `good` are the rows
    of silver.<source>, for as long as the trial's folder is there.
    """

    name: str
    file: str
    deliveries: pl.DataFrame
    rules: Mapping[str, int]
    columns: pl.DataFrame
    undated: int
    refusals: Sequence[str]
    good: pl.LazyFrame


def try_source(
    source: Source, settings: Settings, folder: Path, *, words: Collection[str] = ()
) -> SourceTrial:
    """Read and check all months of a source's file; the settings name a datamart that is given up.

    Needs:  the columns of `words`, of which those that are new are named.
    """
    lots, refusals = list[_Lot](), list[str]()
    file, undated = source.name, 0
    try:
        path = file_if_due(source, settings)
        file = name_of_sender(path) if path else f"{source.name}: retired"
        months = list(landing.count_rows(source, settings))
        undated = landing.read_months(source, months[:1], settings, dated=False).height
        for lot in _check_in_lots(source, months, settings, folder):
            lots.append(lot)
    except BadInputError as error:
        refusals.append(str(error))
    good = _scan_good(source, folder)
    deliveries = pl.concat([TABLES["bronze.deliveries"].empty, *(lot.deliveries for lot in lots)])
    n_rows = int((deliveries["n_received"] - deliveries["n_duplicates"]).sum())
    return SourceTrial(
        name=source.name,
        file=file,
        deliveries=deliveries,
        rules=_count_rules(lots),
        columns=describe_columns(
            source.name,
            good,
            _count_lost(source, lots),
            _count_fractions(source, lots),
            n_rows=n_rows,
            words=words,
        ),
        undated=undated,
        refusals=[*refusals, *say_once([one for lot in lots for one in _refusals(file, lot)])],
        good=good,
    )


def _count_rules(lots: Sequence[_Lot]) -> dict[str, int]:
    """How many rows broke which rules, most often first."""
    rules = Counter[str]()
    for lot in lots:
        rules.update(dict(lot.quarantined["rule"].value_counts().iter_rows()))
    return dict(rules.most_common())


def _count_lost(source: Source, lots: Sequence[_Lot]) -> dict[str, tuple[int, int]]:
    """By our name of a column, how many cells mean nothing, and how many of these held text."""
    lost, held = Counter[str](), Counter[str]()
    ours = {name: known for name, (known, _) in source.by_bronze_name.items()}
    for cells in (cells for lot in lots for cells in lot.lost.values()):
        lost.update({ours[column]: n for column, (n, _) in cells.items()})
        held.update({ours[column]: n for column, (_, n) in cells.items()})
    return {column: (n, held[column]) for column, n in lost.items()}


def _count_fractions(source: Source, lots: Sequence[_Lot]) -> dict[str, int]:
    """By our name of a column of whole numbers, how many cells say another number."""
    found = Counter[str]()
    for of_month in (of_month for lot in lots for of_month in lot.fractions.values()):
        found.update({source.by_bronze_name[column][0]: cells.n for column, cells in of_month.items()})
    return dict(found)


def _check_in_lots(
    source: Source, months: Sequence[date], settings: Settings, folder: Path
) -> Iterator[_Lot]:
    """The months checked, as many at a time as fit into memory; one that does not in pieces.

    Their good rows go to the folder. Each loan is held against its month before.
    """
    sizes, held = landing.weigh_months(source, settings), held_bytes(settings.memory_gb)
    for number, lot in enumerate(_lots(months, sizes, limit=min(BATCH_BYTES, held))):
        before = None
        if source.is_tape:
            last = pl.col("snapshot_date") == months_before(lot[0], 1)
            before = _scan_good(source, folder).filter(last).collect()
        n_pieces = ceil(sizes[lot[0]] / held) if len(lot) == 1 else 1
        checked = _check(source, lot, settings, n_pieces=n_pieces, before=before)
        good = [checked.good.lazy()] if isinstance(checked, Checked) else checked.good
        pl.concat([_no_rows(source), *good]).sink_parquet(folder / f"{source.name}-{number:06}.parquet")
        set_aside = checked.quarantined.lazy().collect()
        yield _Lot(set_aside, checked.deliveries, checked.unreadable, checked.lost, checked.fractions)


def _check(
    source: Source, lot: Sequence[date], settings: Settings, *, n_pieces: int, before: pl.DataFrame | None
) -> Checked | LargeMonth:
    undated = TABLES[f"bronze.{source.name}"].empty
    if n_pieces > 1:
        return check_large_month(source, lot[0], settings, n=n_pieces, undated=undated, before=before)
    dated = landing.read_months(source, lot, settings)
    return check(source, dated, undated, days=lot, before=before)


def _scan_good(source: Source, folder: Path) -> pl.LazyFrame:
    """The good rows of the months that were checked."""
    parts = sorted(folder.glob(f"{source.name}-*.parquet"))
    return pl.scan_parquet(parts) if parts else _no_rows(source)


def _no_rows(source: Source) -> pl.LazyFrame:
    return TABLES[f"silver.{source.name}"].empty.lazy()


def _lots(months: Sequence[date], sizes: Mapping[date, int], *, limit: int) -> Iterator[list[date]]:
    lot, size = list[date](), 0
    for month in months:
        if lot and size + sizes[month] > limit:
            yield lot
            lot, size = [], 0
        lot.append(month)
        size += sizes[month]
    if lot:
        yield lot


def _refusals(file: str, checked: _Lot) -> list[Refusal]:
    """Months that would not come in: a column that cannot be read, or too many rows that break a rule."""
    found: list[Refusal] = []
    for delivery in checked.deliveries.iter_rows(named=True):
        month = delivery["snapshot_date"]
        unreadable, odd = checked.unreadable.get(month), delivery_checks.find_mostly_broken(delivery)
        if unreadable:
            column = unreadable.words.partition(":")[0]
            found.append(Refusal(column, month, f"{file}, rows", f": {unreadable.words}."))
        elif odd:
            set_aside = checked.quarantined.filter(pl.col("snapshot_date") == month)
            rule = delivery_checks.name_rule(set_aside)
            found.append(Refusal(rule, month, f"{file}, rows", f": {odd}{rule}."))
    return found


def say_once(refusals: Sequence[Refusal]) -> list[str]:
    """A sentence for each cause, with its first month and how many more there are of it."""
    by_cause: dict[str, list[Refusal]] = {}
    for one in refusals:
        by_cause.setdefault(one.cause, []).append(one)
    said: list[str] = []
    for first, *others in by_cause.values():
        more = f" and {len(others)} other months until {others[-1].month}" if others else ""
        said.append(f"{first.what} of {first.month}{more}{first.words}")
    return said
