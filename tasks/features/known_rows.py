"""Which rows of the sources are read for applications, and for which of them the sums of a history stand."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from math import ceil

import polars as pl

from tasks.config import Settings, held_bytes
from tasks.features.history_sums import add_sums, divide_customers, sum_months
from tasks.lender.current import lender
from tasks.schemas.catalog import TABLES
from tasks.schemas.feature_store import MEASURES_OF
from tasks.schemas.history_sums import parts_of
from tasks.store import tables
from tasks.store.handles import files_of

# A history is added up when so many months' rows wait: to write the sums of all customers costs as much as to
# read the rows of forty months, so the mean cost of a month is least near the square root of twice that.
MONTHS = 9
MANY = 300_000  # rows; fewer are read again within a tenth of a second
Rows = dict[str, pl.LazyFrame]


def scan_known(days: Sequence[date], settings: Settings, *, before: bool = False) -> tuple[Rows, Rows]:
    """By source the rows that may be known on the days, and by history the sums of those left out.

    Needs:  `before`, to leave out a history's rows of the days themselves.
    """
    sources, sums = Rows(), Rows()
    for one in lender().of_applicants:
        table = f"silver.{one.name}"
        until = max(days) - timedelta(days=1) if before and one.role == "history" else max(days)
        last = newest_sums(one.name, min(days) - timedelta(days=one.delay_days + int(before)), settings)
        if last is None:
            sources[one.name] = tables.scan(table, settings, until=until)
        else:
            later = [day for day in tables.snapshot_dates(table, settings) if last < day <= until]
            sources[one.name] = tables.scan(table, settings, on=later)
            sums[one.name] = _stored(one.name, last, settings)
    return sources, sums


def keep_customers(sources: Rows, customers: pl.Series) -> Rows:
    """The rows of these customers: of the others a filter reads the ids, where a join reads all columns."""
    of_these = pl.col("customer_id").is_in(customers.implode())
    return {name: rows.filter(of_these) for name, rows in sources.items()}


def newest_sums(history: str, until: date, settings: Settings) -> date | None:
    """The newest day up to `until` whose sums are of the rows that are there now; else None."""
    days = tables.snapshot_dates(f"state.{history}", settings) if history in _summed() else []
    for day in reversed([day for day in days if day <= until]):
        digest = tables.scan(f"state.{history}", settings, on=[day]).select("digest").head(1).collect()
        if digest.item() == _digest(history, day, settings):
            return day
    return None


def waiting_histories(
    until: date, settings: Settings, *, months: int = MONTHS, many: int = MANY
) -> list[str]:
    """The histories of which `many` rows, as many as `months` have, wait to be added up."""
    waiting = {history: _wait_for_sums(history, until, settings)[1]["n"] for history in _summed()}
    return [name for name, n in waiting.items() if len(n) and n.sum() >= max(many, months * n[-1])]


def sum_histories(
    histories: Sequence[str], until: date, settings: Settings
) -> Iterator[tuple[str, date, list[pl.LazyFrame]]]:
    """Each history, its newest month up to a day, and what its months add up to: rows of its table.

    The rows come in buckets of customers, in their order, of which one at a time fits into memory.
    """
    for history in histories:
        last, waiting = _wait_for_sums(history, until, settings)
        day = waiting["snapshot_date"][-1]
        rows = tables.scan(f"silver.{history}", settings, on=waiting["snapshot_date"].to_list())
        stored = _stored(history, last, settings)
        n_buckets = _count_buckets(history, int(waiting["n"].sum()), stored, settings)
        made = [pl.lit(_digest(history, day, settings)).alias("digest"), pl.lit(day).alias("snapshot_date")]
        buckets: list[pl.LazyFrame] = []
        for of_bucket in divide_customers([rows, stored], n_buckets):
            parts = [sum_months(rows.filter(of_bucket), history, by="customer_id"), stored.filter(of_bucket)]
            buckets.append(add_sums(parts, by="customer_id").with_columns(made).sort("customer_id"))
        yield history, day, buckets


def _count_buckets(history: str, n_rows: int, stored: pl.LazyFrame, settings: Settings) -> int:
    """How many buckets of customers it takes for rows and stored sums of one to fit into memory."""
    measures, n_stored = MEASURES_OF[history], int(stored.select(pl.len()).collect().item())
    weight = 8 * (len(measures) * n_rows + len(parts_of(measures)) * n_stored)
    return ceil(weight / held_bytes(settings.memory_gb))


def _wait_for_sums(history: str, until: date, settings: Settings) -> tuple[date | None, pl.DataFrame]:
    """The day of the newest sums, and the later months up to a day: snapshot_date, n."""
    last = newest_sums(history, until, settings)
    files = files_of(f"silver.{history}", settings).filter(pl.col("snapshot_date") <= until)
    later = files if last is None else files.filter(pl.col("snapshot_date") > last)
    return last, later.group_by("snapshot_date").agg(pl.col("n").sum()).sort("snapshot_date")


def _stored(history: str, day: date | None, settings: Settings) -> pl.LazyFrame:
    """The sums of a day; none of no day."""
    days = [] if day is None else [day]
    return tables.scan(f"state.{history}", settings, on=days).drop("snapshot_date", "digest")


def _summed() -> list[str]:
    return [name for name in MEASURES_OF if f"state.{name}" in TABLES]


def _digest(history: str, day: date, settings: Settings) -> int:
    """Of the files that hold the history up to the day, and of its measures: what sums rest on."""
    files = files_of(f"silver.{history}", settings).filter(pl.col("snapshot_date") <= day)
    said = "\n".join([*files["file"], *MEASURES_OF[history]])
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:7])
