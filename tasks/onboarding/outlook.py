"""What a lender's files promise: the label's rate by cohort, and when a first model can be trained."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.months import months_before

COHORTS = {
    "cohort": pl.Date(),
    "applications": pl.Int64(),
    "ripe": pl.Int64(),
    "bad": pl.Int64(),
    "bad_rate": pl.Float64(),
}


def measure_cohorts(applications: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """A row of COHORTS for each month in which loans start, in order.

    Needs:  `applications`, the loans' rows at MOB 0; `labels`, rows of gold.label_store.
    Adds:   applications, ripe and bad (loans), bad_rate (0 to 1, null where none is ripe).
    """
    started = applications.group_by(cohort=_month("snapshot_date")).agg(applications=pl.len())
    judged = labels.group_by(cohort=_month("loan_start_date")).agg(
        ripe=pl.col("label").count(), bad=pl.col("label").sum()
    )
    cohorts = started.join(judged, on="cohort", how="full", coalesce=True, validate="1:1").sort("cohort")
    return cohorts.select(
        "cohort",
        pl.col("applications", "ripe", "bad").fill_null(0).cast(pl.Int64),
        bad_rate=pl.when(pl.col("ripe") > 0).then(pl.col("bad") / pl.col("ripe")),
    )


def foresee_first_model(cohorts: pl.DataFrame, *, needed: int, mob: int) -> tuple[date | None, str]:
    """The date on which a first model can be trained, and that in words; no date where nothing tells it.

    Needs:  COHORTS; a first model learns from the first `needed` cohorts, each ripe `mob` months after.
    """
    known = cohorts.filter(pl.col("applications") > 0)
    started, ripe = known["cohort"].to_list(), known.filter(pl.col("ripe") > 0)["cohort"].to_list()
    if not started:
        return None, "No loan starts in these files, so there is nothing to learn from."
    if len(ripe) >= needed:
        learned = known.filter(pl.col("cohort").is_in(ripe[:needed]))
        day = months_before(ripe[needed - 1], -mob)
        if int(learned["bad"].sum()) in (0, int(learned["ripe"].sum())):
            return (
                None,
                f"The loans of the first {needed} cohorts all have the same outcome; a model needs both.",
            )
        return day, (
            f"A first model is in reach: {needed} cohorts are ripe on {day}. Train it with: "
            f"vintage backfill --start {started[0]} --end {day}"
        )
    day = months_before(_nth(started, needed), -mob)
    return day, (
        f"A first model is not in reach yet: {len(ripe)} of {needed} cohorts are ripe. If loans start every "
        f"month, it can be trained on {day}."
    )


def _nth(months: Sequence[date], n: int) -> date:
    """The n-th month, or the one that it would be if they went on."""
    return months[n - 1] if n <= len(months) else months_before(months[-1], len(months) - n)


def _month(name: str) -> pl.Expr:
    return pl.col(name).dt.truncate("1mo")
