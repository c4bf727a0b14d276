"""Good rows to silver, broken rows to quarantine, and a count of every row in between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import dataframely as dy
import polars as pl

from tasks.core.cleaning import cells_cleaned, clean
from tasks.core.intake import digests, find_unreadable
from tasks.schemas.catalog import TABLES, in_order, is_ordered
from tasks.schemas.deliveries import Deliveries
from tasks.schemas.loans import KEPT_TERMS
from tasks.schemas.source import BEFORE, Source

NO_ROWS = "no rows"  # the digest of a month that the file does not have


@dataclass(frozen=True)
class Checked:
    """Months of one source after the check.

    `received` has the columns of bronze.<source>, `good` those of silver.<source>, `quarantined` those of
    bronze.<source> and `rule`, `deliveries` those of bronze.deliveries, one row a month; `unreadable` has
    the months with a column that cannot be used: snapshot_date, reason.
    """

    received: pl.DataFrame
    good: pl.DataFrame
    quarantined: pl.DataFrame
    deliveries: pl.DataFrame
    unreadable: pl.DataFrame

    def until(self, day: date) -> "Checked":
        """What concerns the months up to `day`."""
        asked = pl.col("snapshot_date") <= day
        parts = (self.received, self.good, self.quarantined, self.deliveries, self.unreadable)
        return Checked(*(part.filter(asked) for part in parts))


def check(
    source: Source,
    dated: pl.DataFrame,
    undated: pl.DataFrame,
    *,
    days: Sequence[date],
    before: pl.DataFrame | None = None,
) -> Checked:
    """Split the months `days` of bronze.<source> by the rules of its silver schema.

    Needs:  all rows of bronze.<source> of the months, and those whose month cannot be told, once a month;
            for loans `before`, the rows of silver.loans of the months before, where there are any.
    Keys:   per month, rows in = good + quarantined + exact duplicates; all copies of a key with different
            values are set aside.
    """
    table = TABLES[f"bronze.{source.name}"]
    ordered = in_order(dated, table)
    raw = pl.concat([ordered, undated])
    unique = raw if is_ordered(raw, table) else raw.unique(maintain_order=True)
    typed = clean(source.name, unique)
    month = unique["snapshot_date"]
    good, failures = _filter_rows(source, typed, month, before)
    quarantined = _with_rules(unique, failures)
    cleaned = pl.DataFrame([month, cells_cleaned(unique, typed)])
    told = [_came(raw, source), digests(ordered).lazy(), cleaned.lazy().group_by("snapshot_date").sum()]
    for name, rows in {"n_unique": unique, "n_good": good, "n_quarantined": quarantined}.items():
        told.append(rows.lazy().group_by("snapshot_date").agg(pl.len().cast(pl.Int64).alias(name)))
    return Checked(raw, good, quarantined, _account(source, told, days), find_unreadable(unique, typed))


def _filter_rows(
    source: Source, typed: pl.DataFrame, month: pl.Series, before: pl.DataFrame | None
) -> tuple[pl.DataFrame, list[dy.FailureInfo]]:
    """The good rows, and what became of the others."""
    columns = list(source.silver_columns())
    if before is not None:
        return _filter_in_order(source, typed.with_columns(_month=month), before.select(columns))
    good, failure = source.silver.filter(typed, cast=False)
    return good.select(columns), [failure]


def _filter_in_order(
    source: Source, typed: pl.DataFrame, before: pl.DataFrame
) -> tuple[pl.DataFrame, list[dy.FailureInfo]]:
    """As `_filter_rows`, where a row is held against the good row of the same loan in the month before."""
    columns, in_hand = before.columns, typed["_month"].unique()
    stored = before.filter(~pl.col("snapshot_date").is_in(in_hand.implode()))
    told = pl.concat([stored, typed.select(columns)])
    good, failure = source.silver.filter(add_month_before(typed, told), cast=False)
    if not len(failure):  # so that every row of a month before was a good one
        return good.select(columns), [failure]
    goods, failures = [stored.clear()], list[dy.FailureInfo]()
    for _, rows in sorted(typed.partition_by("_month", as_dict=True).items()):
        told = pl.concat([stored, goods[-1]])
        good, failure = source.silver.filter(add_month_before(rows, told), cast=False)
        goods.append(good.select(columns))
        failures.append(failure)
    return pl.concat(goods), failures


def add_month_before(typed: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Fill `<column>_before`: what `told` says of the same loan in the month before, null if nothing.

    Needs:  loan_id, snapshot_date and the terms of silver.loans in both.
    Keys:   rows and their order are kept.
    """
    terms = [pl.col(name).alias(f"{name}{BEFORE}") for name in KEPT_TERMS]
    before = told.select("loan_id", pl.col("snapshot_date").dt.offset_by("1mo"), *terms)
    once = before.unique(["loan_id", "snapshot_date"], keep="any")
    return typed.drop(name for name in before.columns if name.endswith(BEFORE)).join(
        once, on=["loan_id", "snapshot_date"], how="left", validate="m:1", maintain_order="left"
    )


def _came(raw: pl.DataFrame, source: Source) -> pl.LazyFrame:
    at_start = pl.col("installment_num").str.strip_chars() == "0"
    new = at_start.sum() if "installment_num" in source.columns else pl.len()
    months = raw.lazy().group_by("snapshot_date")
    return months.agg(
        pl.col("source_file").max(), n_received=pl.len().cast(pl.Int64), n_new=new.cast(pl.Int64)
    )


def _account(source: Source, told: Iterable[pl.LazyFrame], days: Sequence[date]) -> pl.DataFrame:
    """Rows of bronze.deliveries, one a month, from what each frame tells of some of the months."""
    months = pl.LazyFrame({"snapshot_date": sorted(days)})
    for counts in told:
        months = months.join(counts, on="snapshot_date", how="left", validate="1:1")
    filled = months.with_columns(
        pl.col("^n_.*$").fill_null(0),
        pl.col("source_file").fill_null(source.name),
        pl.col("digest").fill_null(NO_ROWS),
        source=pl.lit(source.name),
    )
    n_duplicates = pl.col("n_received") - pl.col("n_unique")
    return filled.with_columns(n_duplicates=n_duplicates).select(Deliveries.column_names()).collect()


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
