"""Good rows to silver, broken rows to quarantine, and a count of every row in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import dataframely as dy
import polars as pl

from tasks.ingestion.cleaning import (
    Fractions,
    clean,
    count_lost,
    find_fractions,
    first_lost_date,
    is_application,
)
from tasks.ingestion.date_spelling import read_iso
from tasks.ingestion.delivery_checks import digests, find_unreadable
from tasks.lender.current import lender
from tasks.lender.declaration import CUSTOMER
from tasks.schemas.catalog import TABLES, in_order, is_ordered
from tasks.schemas.source import BEFORE, LOAN, RAW_DATE, Source

NO_ROWS = "no rows"  # the digest of a month that the file does not have


class Unreadable(NamedTuple):
    """Why a column cannot be used, in words, and the first date that cannot be read, if it holds dates."""

    words: str
    example: str | None


@dataclass(frozen=True)
class CheckedRows:
    """Rows of months of one source, split by the rules of its silver schema, and what was counted of them.

    `received` has the columns of bronze.<source>, `good` those of silver.<source>, `quarantined` those of
    bronze.<source> and `rule`. `counts` holds the counts of bronze.deliveries by month; `lost` counts cells
    as `count_lost` does, `fractions` those of `find_fractions`, and `examples` has the first date of a month
    and column that cannot be read.
    """

    received: pl.DataFrame
    good: pl.DataFrame
    quarantined: pl.DataFrame
    counts: Mapping[str, Mapping[date, int]]
    lost: Mapping[date, Mapping[str, tuple[int, int]]]
    fractions: Mapping[date, Mapping[str, Fractions]]
    examples: Mapping[tuple[date, str], str | None]


@dataclass(frozen=True)
class Checked:
    """Months of one source after the check.

    `received`, `good`, `quarantined`, `lost` and `fractions` are those of CheckedRows, `deliveries` has the
    columns of bronze.deliveries, one row a month; `unreadable` says of months with a column that cannot be
    used, why.
    """

    received: pl.DataFrame
    good: pl.DataFrame
    quarantined: pl.DataFrame
    deliveries: pl.DataFrame
    unreadable: Mapping[date, Unreadable]
    lost: Mapping[date, Mapping[str, tuple[int, int]]]
    fractions: Mapping[date, Mapping[str, Fractions]]

    def until(self, day: date) -> "Checked":
        """The rows of the months up to `day`."""
        parts = {name: vars(self)[name] for name in ("received", "good", "quarantined", "deliveries")}
        on_or_before = pl.col("snapshot_date") <= day
        fractions = {month: found for month, found in self.fractions.items() if month <= day}
        rows = {name: rows.filter(on_or_before) for name, rows in parts.items()}
        return replace(self, **rows, fractions=fractions)


def check(
    source: Source,
    dated: pl.DataFrame,
    undated: pl.DataFrame,
    *,
    days: Sequence[date],
    before: pl.DataFrame | None = None,
) -> Checked:
    """Split the months `days` of bronze.<source> by the rules of its silver schema, and account for each row.

    Needs:  what `check_rows` needs.
    """
    rows = check_rows(source, dated, undated, before=before)
    file = rows.received["source_file"][0] if rows.received.height else source.name
    deliveries = account(source, file, digests(rows.received), rows.counts, days)
    unreadable = say_unreadable(source, rows.counts, rows.lost, rows.fractions, rows.examples)
    return Checked(
        *(rows.received, rows.good, rows.quarantined, deliveries, unreadable, rows.lost, rows.fractions)
    )


def check_rows(
    source: Source, dated: pl.DataFrame, undated: pl.DataFrame, *, before: pl.DataFrame | None = None
) -> CheckedRows:
    """Split rows of bronze.<source> by the rules of its silver schema.

    Needs:  all rows of bronze.<source> of the months, or of some customers or loans, and those whose month
            cannot be told, once a month; for loans `before`, the rows of silver.loans of the months before,
            where there are any.
    Keys:   per month, rows in = good + quarantined + duplicates, which are exact ones and, where a tape has
            rows of any day, those before a loan's newest of the month; all copies of a key with different
            values are set aside. Rows without a month are in the quarantine of each, and counted in none.
    """
    table = TABLES[f"bronze.{source.name}"]
    raw = in_order(dated, table)
    unique = _keep_newest(source, raw if is_ordered(raw, table) else raw.unique(maintain_order=True))
    undated = undated.unique(maintain_order=True)
    both = pl.concat([unique, undated])
    typed = clean(source, both)
    good, failures = _filter_rows(source, typed, both["snapshot_date"], before)
    dated_rows = typed.head(unique.height)
    quarantined, lost = _with_rules(both, failures), count_lost(source, unique, dated_rows)
    kinds = {"received": raw, "new": raw.filter(is_application(source)), "good": good}
    kinds |= {"quarantined": quarantined, "unique": unique, "undated": undated}
    dates = [
        (month, name) for month, lost_of in lost.items() for name in lost_of.keys() & source.date_columns()
    ]
    return CheckedRows(
        *(raw, good, quarantined, _count(kinds, lost), lost),
        fractions=find_fractions(source, unique, dated_rows),
        examples={
            (month, name): first_lost_date(source, unique, dated_rows, month=month, column=name)
            for month, name in dates
        },
    )


def _count(
    kinds: Mapping[str, pl.DataFrame], lost: Mapping[date, Mapping[str, tuple[int, int]]]
) -> dict[str, dict[date, int]]:
    """The counts of bronze.deliveries by month, of the rows of each kind."""
    n = {name: _count_by_month(rows) for name, rows in kinds.items()}
    return {
        **{f"n_{name}": n[name] for name in ("received", "new", "good")},
        # All undated rows are among those in quarantine.
        "n_quarantined": {month: k - n["undated"].get(month, 0) for month, k in n["quarantined"].items()},
        "n_duplicates": {month: k - n["unique"][month] for month, k in n["received"].items()},
        "n_cleaned": {month: sum(held for _, held in cells.values()) for month, cells in lost.items()},
    }


def say_unreadable(
    source: Source,
    counts: Mapping[str, Mapping[date, int]],
    lost: Mapping[date, Mapping[str, tuple[int, int]]],
    fractions: Mapping[date, Mapping[str, Fractions]],
    examples: Mapping[tuple[date, str], str | None],
) -> dict[date, Unreadable]:
    """Of months with a column that cannot be used, why; from what was counted of their rows."""
    n_unique = {month: n - counts["n_duplicates"][month] for month, n in counts["n_received"].items()}
    return {
        month: Unreadable(
            _and_fractions(words, fractions.get(month, {}).get(column)), examples.get((month, column))
        )
        for month, (column, words) in find_unreadable(source, lost, n_unique).items()
    }


def _and_fractions(words: str, fractions: Fractions | None) -> str:
    """What is unreadable in words, and what of it would be read by another type."""
    return words if fractions is None else f"{words}; {fractions} (type = 'number' in lender.toml reads it)"


def _keep_newest(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Where rows may be of any day: of several of a loan (a customer) and month those of the newest day."""
    whose = source.in_bronze(LOAN if source.is_tape else CUSTOMER)
    if whose is None or lender().lender.calendar != "any day":
        return rows
    day = read_iso(RAW_DATE)
    return rows.filter((day == day.max().over(whose, "snapshot_date")).fill_null(value=True))


def _filter_rows(
    source: Source, typed: pl.DataFrame, month: pl.Series, before: pl.DataFrame | None
) -> tuple[pl.DataFrame, list[dy.FailureInfo]]:
    """The good rows, and what became of the others."""
    columns = list(source.silver_columns())
    if before is not None:
        return _filter_in_order(source, typed.with_columns(_month=month), before.select(columns))
    good, failure = _filter(source, typed)
    return good.select(columns), [failure]


def _filter_in_order(
    source: Source, typed: pl.DataFrame, before: pl.DataFrame
) -> tuple[pl.DataFrame, list[dy.FailureInfo]]:
    """As `_filter_rows`, where a row is held against the good row of the same loan in the month before."""
    columns, in_hand = before.columns, typed["_month"].unique()
    stored = before.filter(~pl.col("snapshot_date").is_in(in_hand.implode()))
    known = pl.concat([stored, typed.select(columns)])
    good, failure = _filter(source, add_month_before(source, typed, known))
    if not len(failure):  # so that every row of a month before was a good one
        return good.select(columns), [failure]
    goods, failures = [stored.clear()], list[dy.FailureInfo]()
    for _, rows in sorted(typed.partition_by("_month", as_dict=True).items()):
        known = pl.concat([stored, goods[-1]])
        good, failure = _filter(source, add_month_before(source, rows, known))
        goods.append(good.select(columns))
        failures.append(failure)
    return pl.concat(goods), failures


def _filter(source: Source, rows: pl.DataFrame) -> tuple[pl.DataFrame, dy.FailureInfo]:
    """Good rows and failures by the silver schema; streaming what is in memory already takes longer."""
    return source.silver.filter(rows.lazy(), cast=False).collect_all(engine="in-memory")


def add_month_before(source: Source, typed: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Fill `<column>_before`: what `known` says of the same loan in the month before, null if nothing.

    Needs:  loan_id, snapshot_date and what the rules of the loan tape look at, in both.
    Keys:   rows and their order are kept.
    """
    terms = [pl.col(name).alias(f"{name}{BEFORE}") for name in source.before]
    before = known.select("loan_id", pl.col("snapshot_date").dt.offset_by("1mo"), *terms)
    once = before.unique(["loan_id", "snapshot_date"], keep="any")
    return typed.drop(name for name in before.columns if name.endswith(BEFORE)).join(
        once, on=["loan_id", "snapshot_date"], how="left", validate="m:1", maintain_order="left"
    )


def _count_by_month(rows: pl.DataFrame) -> dict[date, int]:
    return dict(rows["snapshot_date"].value_counts().iter_rows())


def account(
    source: Source,
    file: str,
    digests: Mapping[date, str],
    counts: Mapping[str, Mapping[date, int]],
    days: Sequence[date],
) -> pl.DataFrame:
    """Rows of bronze.deliveries, one a month, from the `counts` by month of what each is named after."""
    months = [
        {
            "source": source.name,
            "snapshot_date": day,
            "source_file": file if day in counts["n_received"] else source.name,
            "digest": digests.get(day, NO_ROWS),
            **{name: count.get(day, 0) for name, count in counts.items()},
        }
        for day in sorted(days)
    ]
    return pl.DataFrame(months, schema=TABLES["bronze.deliveries"].columns)


def _with_rules(rows: pl.DataFrame, failures: Sequence[dy.FailureInfo]) -> pl.DataFrame:
    """The rows that failed, as received, and `rule`: the names of the rules they broke, joined by `; `."""
    broken = [_rules_broken(failure) for failure in failures if len(failure)]
    if not broken:
        return rows.clear().with_columns(rule=pl.lit(None, pl.String))
    indexed = rows.with_row_index("row_id")
    return indexed.join(pl.concat(broken), on="row_id", how="inner", validate="1:1").drop("row_id")


def _rules_broken(failure: dy.FailureInfo) -> pl.DataFrame:
    details = failure.details()
    verdicts = [
        name for name in details.columns if details[name].dtype == pl.Enum(["valid", "invalid", "unknown"])
    ]
    named = [pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in verdicts]
    return details.select("row_id", rule=pl.concat_str(named, separator="; ", ignore_nulls=True))
