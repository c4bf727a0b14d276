"""Columns of the lender that seem to know how its loans went, before a model learns from them."""

import warnings
from collections.abc import Mapping

import polars as pl

from tasks.config import Settings
from tasks.features.application_features import build_features
from tasks.governance.policy import Audit
from tasks.leakage_audit.own_columns import audit_own
from tasks.months import month_range
from tasks.schemas.feature_store import SOURCE_OF, join_histories

MIN_RIPE = 2  # cohorts that an audit needs
SUSPECTS = {"source": pl.String(), "column": pl.String(), "check": pl.String(), "evidence": pl.String()}


def find_suspects(
    good: Mapping[str, pl.LazyFrame], labels: pl.DataFrame, limits: Audit, settings: Settings
) -> pl.DataFrame:
    """A row of SUSPECTS for each feature that fails a check of the audit, best ranking first.

    Needs:  the rows of all silver tables by source, and rows of gold.label_store. None before two cohorts are
            ripe.
    """
    if labels.drop_nulls("label")["loan_start_date"].dt.truncate("1mo").n_unique() < MIN_RIPE:
        return pl.DataFrame(schema=SUSPECTS)
    loans = good["loans"]
    days = loans.select(first=pl.col("snapshot_date").min(), last=pl.col("snapshot_date").max()).collect()
    of_applicants = {name: rows for name, rows in good.items() if name != "loans"}
    features = build_features(loans, of_applicants, days=month_range(*days.row(0)))
    features = features.sort("snapshot_date", "loan_id")
    known = labels.lazy().select("loan_id", pl.col("label").cast(pl.Float64))
    outcomes = features.lazy().select("loan_id").join(known, on="loan_id", how="left", maintain_order="left")
    with warnings.catch_warnings(action="ignore"):  # of features that a lender lacks altogether
        verdicts = audit_own(
            features,
            outcomes.collect()["label"].fill_null(float("nan")).to_numpy(),
            join_histories(good),
            loans,
            limits,
            seed=settings.seed,
        )
    rows = [(SOURCE_OF[one.column], one.column, one.check, one.evidence) for one in verdicts]
    return pl.DataFrame(rows, schema=SUSPECTS, orient="row")
