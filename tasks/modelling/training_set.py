"""What a training on one day may learn from: labels, arrears of younger loans, clickstream up to that day."""

from datetime import date

import numpy as np
import polars as pl

from tasks.features.application_features import keep_known, summarise_clickstream
from tasks.labels.default_labels import count_missed
from tasks.modelling.history_transformers import SUMMARY
from tasks.modelling.stacking import TrainingSet

SEEN_BEFORE = (
    10  # ripe loans of the same state that an estimate needs; a state rarer than that teaches nothing
)
MOST_ARREARS = 2


def add_targets(
    applications: pl.LazyFrame, labels: pl.LazyFrame, loans: pl.LazyFrame, *, as_of: date
) -> pl.LazyFrame:
    """Keep the applications that teach something on `as_of`; add `label`, `ripe` and `target`.

    Needs:  gold.feature_store, gold.label_store, silver.loans; rows dated after `as_of` are ignored.
    Adds:   label (0 or 1, null when not ripe), ripe, target (0 to 1): the label, or the share of defaults
            among ripe loans which had the same arrears at the same month on book (Jeffreys' prior).
    Keys:   one row per loan_id.
    Errors: none; a state that fewer than SEEN_BEFORE ripe loans went through gives no row.
    """
    known = labels.filter(pl.col("snapshot_date") <= as_of).select("loan_id", "label")
    past = loans.filter(pl.col("snapshot_date") <= as_of, pl.col("installment_num") > 0)
    expected = expect_defaults(add_arrears_state(past), known)
    asked = applications.filter(pl.col("snapshot_date") <= as_of)
    return (
        asked.join(known, on="loan_id", how="left", validate="1:1")
        .join(expected, on="loan_id", how="left", validate="1:1")
        .with_columns(
            ripe=pl.col("label").is_not_null(), target=pl.coalesce("label", "share").cast(pl.Float64)
        )
        .filter(pl.col("target").is_not_null())
        .drop("share")
    )


def expect_defaults(states: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
    """loan_id and share: of ripe loans once in a loan's newest state at its month, those that defaulted.

    Needs:  loan_id, mob, state of `add_arrears_state`; loan_id, label of ripe loans.
    Keys:   one row per loan_id; share is null for a state that fewer than SEEN_BEFORE ripe loans were in.
    """
    shares = (
        states.join(known, on="loan_id", how="left", validate="m:1")
        .filter(pl.col("label").is_not_null())
        .group_by("mob", "state")
        .agg(n=pl.len(), bad=pl.col("label").sum())
        .filter(pl.col("n") >= SEEN_BEFORE)
        .select("mob", "state", share=(pl.col("bad") + 0.5) / (pl.col("n") + 1))
    )
    latest = states.sort("mob").unique("loan_id", keep="last").select("loan_id", "mob", "state")
    return latest.join(shares, on=["mob", "state"], how="left", validate="m:1").select("loan_id", "share")


def add_arrears_state(past: pl.LazyFrame) -> pl.LazyFrame:
    """loan_id, mob and state of each row: the worst number of instalments overdue so far, and today's.

    Needs:  loan_id, installment_num, overdue_amt, due_amt (account currency) of silver.loans, from MOB 1 on.
    Keys:   one row per (loan_id, mob).
    """
    behind = count_missed().clip(0, MOST_ARREARS)
    ordered = past.sort("loan_id", "installment_num").with_columns(behind=behind)
    return ordered.select(
        "loan_id",
        mob=pl.col("installment_num"),
        state=pl.col("behind").cum_max().over("loan_id") * 10 + pl.col("behind"),
    )


def see_clickstream(loans: pl.DataFrame, clickstream: pl.LazyFrame, *, day: date) -> pl.DataFrame:
    """The same rows with their clickstream summary as it stood on `day` instead of on the application.

    What a customer does after applying tells the same level with more months behind it; the summary then
    also has the length that new applications of `day` have.

    Needs:  loan_id, customer_id and those of the columns SUMMARY that are to be; silver.clickstream.
    Keys:   rows and their order are kept.
    """
    asked = loans.lazy().select("loan_id", "customer_id", snapshot_date=pl.lit(day))
    rows = clickstream.filter(pl.col("snapshot_date") <= day)
    summary = summarise_clickstream(keep_known(rows, asked))
    seen = (
        loans.lazy()
        .drop(SUMMARY, strict=False)
        .join(summary, on="loan_id", how="left", validate="1:1", maintain_order="left")
    )
    return seen.select(loans.columns).collect()


def to_training_set(loans: pl.DataFrame) -> TrainingSet:
    """The training set from the rows that `add_targets` gives."""
    return TrainingSet(loans, loans["target"].to_numpy().astype(np.float64), loans["ripe"].to_numpy())
