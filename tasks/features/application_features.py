"""Features of applications, each from what was known on the day it came in.

A history is heavy noise around a level of the customer's own: one month is weak evidence, the mean of k
months has a k-th of the variance. So the store keeps the mean, the spread and the number of months behind
them; how much a mean of so many months is worth is the model's to learn. The months are alike: neither their
trend nor a heavier weight on recent ones adds to the AUC out of time (+0.0002 at most), so neither is kept.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from tasks.features.history_sums import add_sums, sum_months, sums_of_applicants
from tasks.lender.current import lender
from tasks.lender.declaration import LenderSource
from tasks.schemas.feature_store import (
    FEATURE_STORE,
    HAS_SOURCE,
    KEYS,
    MEASURES_OF,
    history_months,
    numbers_of,
    watched_of,
    word_counts,
    words_of,
)
from tasks.schemas.history_sums import MONTHS_SUMMED
from tasks.schemas.source import UNKNOWN


def keep_applications(loans: pl.LazyFrame, *, days: Sequence[date]) -> pl.LazyFrame:
    """The applications of `days`: loan_id, customer_id, snapshot_date of each loan at MOB 0.

    On whichever day of the month it starts: every good row at MOB 0 is an application.
    Needs:  the columns of silver.loans.
    Keys:   one row per loan_id.
    """
    on_days = pl.col("snapshot_date").is_in(list(days))
    return loans.filter(on_days, pl.col("installment_num") == 0).select(KEYS)


def keep_known(rows: pl.LazyFrame, applications: pl.LazyFrame, *, delay_days: int = 0) -> pl.LazyFrame:
    """The rows of each applicant that were known, `delay_days` after their date, at the application.

    Needs:  rows with customer_id and snapshot_date; applications with loan_id, customer_id, snapshot_date.
    Keys:   one row per (loan_id, row of the customer).
    """
    applied = applications.select("loan_id", "customer_id", applied=pl.col("snapshot_date"))
    known = rows.join(applied, on="customer_id", how="inner")
    since = pl.col("snapshot_date").dt.offset_by(f"{delay_days}d") if delay_days else pl.col("snapshot_date")
    return known.filter(since <= pl.col("applied"))


def summarise_history(known: pl.LazyFrame, history: str, earlier: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Level and spread of each measure of a history over the months known at the application.

    Needs:  loan_id, the measures and snapshot_date as `keep_known` gives them; of months that are not among
            them the `earlier` sums, as `sum_months` gives them.
    Adds:   the columns of SUMMARY_OF: number of months, means, standard deviations (null for a single month).
    Keys:   one row per loan_id of which a month has any value.
    Source: the silver table of the history.
    """
    measures, months = MEASURES_OF[history], history_months(history)
    sums = sum_months(known, history, by="loan_id")
    if earlier is not None:
        sums = add_sums([earlier, sums], by="loan_id")
    return sums.select(
        "loan_id",
        pl.col(MONTHS_SUMMED).cast(pl.Float64).alias(months),
        *(_mean(m).alias(f"{m}_mean") for m in measures),
        *(_sd(m).alias(f"{m}_sd") for m in measures),
    )


def _mean(measure: str) -> pl.Expr:
    n = pl.col(f"{measure}_n")
    return pl.when(n > 0).then(pl.col(f"{measure}_sum") / n)


def _sd(measure: str) -> pl.Expr:
    n, total, squares = (pl.col(f"{measure}_{part}") for part in ("n", "sum", "squares"))
    return pl.when(n > 1).then(((squares - total * total / n) / (n - 1)).sqrt())


def keep_latest(known: pl.LazyFrame) -> pl.LazyFrame:
    """Of the rows that `keep_known` gives, the newest of each loan_id."""
    return known.sort("snapshot_date").unique("loan_id", keep="last", maintain_order=True)


def add_derived(rows: pl.LazyFrame, source: LenderSource) -> pl.LazyFrame:
    """Add the features that the source declares of its columns, and those that count the words of its lists.

    Needs:  the columns of the source's silver table.
    """
    derived = [pl.sql_expr(one.sql).alias(name) for name, one in source.features.items()]
    return rows.with_columns(*derived, *_count_words(source))


def _count_words(source: LenderSource) -> list[pl.Expr]:
    """Of each word of a list, how often it is listed; null where the list is unknown.

    Needs:  lists such as `Auto Loan, Payday Loan, and Auto Loan`.
    """
    counts: list[pl.Expr] = []
    for name, listed in word_counts(source).items():
        words = pl.col(listed).str.to_lowercase().str.replace_all("[ -]", "_")
        n = words.str.count_matches(name[2:-1], literal=True)
        counts.append(pl.when(pl.col(listed) != UNKNOWN).then(n).alias(name))
    return counts


def build_features(
    loans: pl.LazyFrame,
    sources: Mapping[str, pl.LazyFrame],
    *,
    days: Sequence[date],
    sums: Mapping[str, pl.LazyFrame] | None = None,
) -> pl.DataFrame:
    """Rows of gold.feature_store for the applications of `days`.

    Needs:  silver.loans; the rest as for `describe_applications`.
    """
    return describe_applications(keep_applications(loans, days=days).collect(), sources, sums=sums)


def describe_applications(
    applications: pl.DataFrame,
    sources: Mapping[str, pl.LazyFrame],
    *,
    sums: Mapping[str, pl.LazyFrame] | None = None,
) -> pl.DataFrame:
    """Rows of gold.feature_store for these applications.

    Needs:  by name the silver tables of all sources but the loans; rows that were not known when an
            application came in are not used for it. `sums`, by the name of a history the sums by customer of
            those of its months that `sources` leaves out, all of them known at each of the applications.
    Keys:   one row per loan_id, every application; nulls where a source does not know the customer.
    """
    declared = [source for source in lender().of_applicants if source.name in sources]
    known = [
        keep_known(sources[one.name], applications.lazy(), delay_days=one.delay_days) for one in declared
    ]
    summed = [sums_of_applicants(rows, applications.lazy()) for rows in (sums or {}).values()]
    # Read first: that is where the time goes, and what is left is small and quicker without streaming.
    read = pl.collect_all([*known, *summed])
    earlier = dict(zip(sums or {}, read[len(known) :], strict=True))
    wide = applications.lazy()
    for source, rows in zip(declared, read, strict=False):
        before = earlier.get(source.name)
        features = features_of(source, rows.lazy(), None if before is None else before.lazy())
        wide = wide.join(features, on="loan_id", how="left", validate="1:1")
    wide = wide.with_columns(pl.col(list(HAS_SOURCE.values())).fill_null(value=False))
    typed = [pl.col(name).cast(kind) for name, kind in FEATURE_STORE.items()]
    return wide.select(typed).collect(engine="in-memory")


def features_of(
    source: LenderSource, known: pl.LazyFrame, earlier: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """The features that a source gives of the rows known, and what is watched: a row per loan_id it knows.

    Needs:  loan_id, and the columns of the source's silver table; of a history, the sums of `earlier` months.
    """
    knows = pl.lit(value=True).alias(HAS_SOURCE[source.name])
    if source.role == "history":
        return summarise_history(known, source.name, earlier).with_columns(knows)
    row = add_derived(keep_latest(known), source)
    return row.select("loan_id", *numbers_of(source), *words_of(source), *watched_of(source), knows)
