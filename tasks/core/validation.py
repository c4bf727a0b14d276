"""Good rows to silver, broken rows to quarantine, and a count of every row in between."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.core.cleaning import clean, count_cleaned
from tasks.schemas.source import CHECK_ONLY, Source


@dataclass(frozen=True)
class Checked:
    """One month of one source after the check.

    `good` has the columns of silver.<source>, `quarantined` those of bronze.<source> and `rule`.
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    delivery: pl.DataFrame


def check(source: Source, raw: pl.DataFrame, month: date) -> Checked:
    """Split one month of bronze.<source> by the rules of its silver schema.

    Needs:  all rows of bronze.<source> for `month`.
    Keys:   rows in = good + quarantined + exact duplicates; all copies of a key with different values are set aside.
    """
    unique = raw.unique(maintain_order=True)
    typed = clean(source.name, unique.lazy()).collect()
    result = source.silver.filter(typed, cast=True)
    good = result.result.lazy().drop(*CHECK_ONLY).collect()
    broken = _broken_rules(result.failure.details())
    quarantined = (
        unique.with_row_index("row_id").join(broken, on="row_id", how="inner", validate="1:1").drop("row_id")
    )
    delivery = pl.DataFrame(
        {
            "source": source.name,
            "snapshot_date": month,
            "source_file": raw["source_file"].max() or "",
            "n_received": raw.height,
            "n_good": good.height,
            "n_quarantined": quarantined.height,
            "n_duplicates": raw.height - unique.height,
            "n_cleaned": count_cleaned(unique, typed),
        }
    )
    return Checked(good, quarantined, delivery)


def _broken_rules(details: pl.DataFrame) -> pl.DataFrame:
    """`row_id` and `rule`: the names of the rules that the row broke, joined by `; `."""
    verdicts = [
        name for name in details.columns if details[name].dtype == pl.Enum(["valid", "invalid", "unknown"])
    ]
    named = [pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in verdicts]
    return details.select("row_id", rule=pl.concat_str(named, separator="; ", ignore_nulls=True))
