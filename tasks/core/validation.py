"""Good rows to silver, broken rows to quarantine, and a count of every row in between."""

from dataclasses import dataclass
from datetime import date

import dataframely as dy
import polars as pl

from tasks.core.cleaning import cells_cleaned, clean
from tasks.core.intake import digest, find_unreadable
from tasks.schemas.deliveries import Deliveries
from tasks.schemas.loans import KEPT_TERMS
from tasks.schemas.source import RAW_DATE, Source


@dataclass(frozen=True)
class Checked:
    """A month of one source after the check.

    `received` has the columns of bronze.<source>, `good` those of silver.<source>, `quarantined` those of
    bronze.<source> and `rule`, `delivery`
    those of bronze.deliveries, one row; `unreadable` says which column cannot be used, if one cannot.
    """

    received: pl.DataFrame
    good: pl.DataFrame
    quarantined: pl.DataFrame
    delivery: pl.DataFrame
    unreadable: str | None = None


def check(
    source: Source,
    dated: pl.DataFrame,
    undated: pl.DataFrame,
    *,
    day: date,
    before: pl.DataFrame | None = None,
) -> Checked:
    """Split the month `day` of bronze.<source> by the rules of its silver schema.

    Needs:  all rows of bronze.<source> of the month, and those whose month cannot be told;
            for loans `before`, the rows of silver.loans of the month before, where there are any.
    Keys:   rows in = good + quarantined + exact duplicates; all copies of a key with different values are
            set aside.
    """
    raw = pl.concat([dated, undated])
    keys = [column for column in ("loan_id", "Customer_ID", RAW_DATE) if column in raw.columns]
    repeated = raw.n_unique(keys) < raw.height  # comparing keys is much cheaper than comparing rows
    unique = raw.unique(maintain_order=True) if repeated else raw
    typed = clean(source.name, unique)
    if before is not None:
        typed = add_month_before(typed, before)
    result = source.silver.filter(typed, cast=False)
    good = result.result.select(*source.silver_columns())
    quarantined = _with_rules(unique, result.failure)
    delivery = _account(source, raw, day=day, digest_of=dated).with_columns(
        n_good=pl.lit(good.height, pl.Int64),
        n_quarantined=pl.lit(quarantined.height, pl.Int64),
        n_duplicates=pl.lit(raw.height - unique.height, pl.Int64),
        n_cleaned=pl.lit(int(cells_cleaned(unique, typed).sum()), pl.Int64),
    )
    unreadable = find_unreadable(unique, typed)
    return Checked(raw, good, quarantined, Deliveries.validate(delivery), unreadable)


def add_month_before(typed: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Fill `<column>_before`: what silver.loans said of the same loan in the month before, null if nothing.

    Keys:   rows and their order are kept.
    """
    told = before.select("loan_id", *(pl.col(name).alias(f"{name}_before") for name in KEPT_TERMS))
    return typed.drop(told.columns[1:]).join(
        told, on="loan_id", how="left", validate="m:1", maintain_order="left"
    )


def _account(source: Source, raw: pl.DataFrame, *, day: date, digest_of: pl.DataFrame) -> pl.DataFrame:
    """What came in: the part of bronze.deliveries that needs no check."""
    return pl.DataFrame(
        {
            "source": [source.name],
            "snapshot_date": [day],
            "source_file": [raw["source_file"].max() if raw.height else source.files[0]],
            "digest": [digest(digest_of)],
            "n_received": [raw.height],
            "n_new": [_count_new(raw)],
        }
    )


def _count_new(raw: pl.DataFrame) -> int:
    if "installment_num" not in raw.columns:
        return raw.height
    return int((raw["installment_num"].str.strip_chars() == "0").sum())


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
