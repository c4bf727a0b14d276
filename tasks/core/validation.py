"""Good rows to silver, broken rows to quarantine, and a count of every row in between."""

from dataclasses import dataclass

import dataframely as dy
import polars as pl

from tasks.core.cleaning import cells_cleaned, clean
from tasks.schemas.deliveries import Deliveries
from tasks.schemas.source import CHECK_ONLY, RAW_DATE, Source


@dataclass(frozen=True)
class Checked:
    """Months of one source after the check.

    `good` has the columns of silver.<source>, `quarantined` those of bronze.<source> and `rule`, `delivery`
    those of bronze.deliveries, a row per month.
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    delivery: pl.DataFrame


def check(source: Source, raw: pl.DataFrame) -> Checked:
    """Split months of bronze.<source> by the rules of its silver schema.

    Needs:  all rows of bronze.<source> for each month that is in `raw`.
    Keys:   rows in = good + quarantined + exact duplicates; all copies of a key with different values are
            set aside.
    """
    keys = [column for column in ("loan_id", "Customer_ID", RAW_DATE) if column in raw.columns]
    repeated = raw.n_unique(keys) < raw.height  # comparing keys is much cheaper than comparing rows
    unique = raw.unique(maintain_order=True) if repeated else raw
    typed = clean(source.name, unique)
    result = source.silver.filter(typed, cast=False)
    good = result.result.drop(*CHECK_ONLY)
    quarantined = _with_rules(unique, result.failure)
    received = raw.group_by("snapshot_date").agg(pl.col("source_file").max(), n_received=pl.len())
    counts = [
        _count(unique.select("snapshot_date"), "n_unique"),
        _count(good.select("snapshot_date"), "n_good"),
        _count(quarantined.select("snapshot_date"), "n_quarantined"),
        unique.select("snapshot_date", n_cleaned=cells_cleaned(unique, typed))
        .group_by("snapshot_date")
        .sum(),
    ]
    for count in counts:
        received = received.join(count, on="snapshot_date", how="left", validate="1:1")
    numbers = pl.col("^n_.*$").fill_null(0).cast(pl.Int64)
    delivery = received.with_columns(numbers, source=pl.lit(source.name)).with_columns(
        n_duplicates=pl.col("n_received") - pl.col("n_unique")
    )
    return Checked(good, quarantined, Deliveries.validate(delivery.select(Deliveries.column_names())))


def _count(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return rows.group_by("snapshot_date").agg(pl.len().alias(name))


def _with_rules(rows: pl.DataFrame, failure: dy.FailureInfo) -> pl.DataFrame:
    """The rows that failed, as received, and `rule`: the names of the rules they broke, joined by `; `."""
    if not len(failure):
        return rows.clear().with_columns(rule=pl.lit(None, pl.String))
    details = failure.details()
    verdicts = [
        name for name in details.columns if details[name].dtype == pl.Enum(["valid", "invalid", "unknown"])
    ]
    named = [pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in verdicts]
    broken = details.select("row_id", rule=pl.concat_str(named, separator="; ", ignore_nulls=True))
    return rows.with_row_index("row_id").join(broken, on="row_id", how="inner", validate="1:1").drop("row_id")
