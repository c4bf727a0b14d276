"""What was delivered before tells: whether later months changed values, or filled in what was not there."""

from datetime import date

import polars as pl

from tasks.governance.policy import Audit
from tasks.leakage_audit.checks import Verdict
from tasks.months import month_number

RESTATED = "values of old months change"
FILLED = "filled in later"
MAX_FILLED = 0.02  # share of the applications of which it said nothing when it was captured
HALF = 0.5  # of a month's rows, by which an earlier delivery is said to have the month
WHOLE_PERIOD = "whole-period statistics"


def find_restated(verdict: Verdict, now: pl.DataFrame, before: pl.DataFrame) -> Verdict:
    """The verdict, knowing what the column said in an earlier delivery of the same applications.

    A value that changed when later months came was not known at the application. Values that all stayed the
    same cannot rest on the whole period, whatever they look like.

    Needs:  both deliveries with a row per application in one order.
    """
    if verdict.column not in before.columns:
        return verdict
    pair = pl.DataFrame({"now": now[verdict.column], "before": before[verdict.column]}, strict=False)
    delivered_before = pair.filter(pl.col("before").is_not_null())
    if delivered_before.is_empty():
        return verdict
    if delivered_before.schema["now"].is_numeric() and delivered_before.schema["before"].is_numeric():
        away = (pl.col("now") - pl.col("before")).abs() > 1e-6 * pl.col("before").abs()
    else:
        away = pl.col("now").cast(pl.String) != pl.col("before").cast(pl.String)
    n = delivered_before.filter(away.fill_null(value=True)).height
    if n:
        evidence = f"{n} of {delivered_before.height} values are not those of the earlier delivery"
        return Verdict(verdict.column, RESTATED, evidence) if verdict.admitted else verdict
    return Verdict(verdict.column) if verdict.check == WHOLE_PERIOD else verdict


def find_other_than_captured(verdict: Verdict, now: pl.DataFrame, captured: pl.DataFrame) -> Verdict:
    """The verdict, knowing what the column said when nobody could know yet how the loans go.

    Needs:  a row per loan_id in both; `captured` may lack the column.
    """
    name = verdict.column
    if name not in captured.columns or name not in now.columns:
        return verdict
    both = captured.select("loan_id", before=name).join(
        now.select("loan_id", now=name), on="loan_id", maintain_order="left"
    )
    found = find_restated(
        verdict, both.select(pl.col("now").alias(name)), both.select(pl.col("before").alias(name))
    )
    n_filled = both.filter(pl.col("before").is_null() & pl.col("now").is_not_null()).height
    if found.admitted and n_filled > MAX_FILLED * both.height:
        evidence = f"it has a value for {n_filled} of {both.height} applications that had none when captured"
        return Verdict(name, FILLED, evidence)
    return found


def delivered_before_ripe(rows: pl.DataFrame) -> set[date]:
    """The ripe months of which an earlier delivery was made before their outcomes were known.

    It was made when the newest month began of whose rows it has at least half: what it says of months that
    were not ripe then, no outcome could have changed. A delivery that is as new as today's proves nothing.

    Needs:  snapshot_date, and booleans: ripe, same (both deliveries have the same row), known (today's has
            one), a row per application.
    """
    number, have = month_number(pl.col("snapshot_date")), pl.col("same") >= HALF
    months = rows.filter("known").group_by("snapshot_date").agg(pl.col("same").mean(), pl.col("ripe").any())
    ages = rows.select(newest=number.max(), ripe=number.filter("ripe").max())
    made = months.select(number.filter(have).max()).item()
    if made is None or ages["ripe"].item() is None:
        return set()
    ripens = ages["newest"].item() - ages["ripe"].item()
    return set(months.filter("ripe", have, made - number < ripens)["snapshot_date"])


def on_probation(n_proven: int, limits: Audit) -> str:
    """Why a source is on probation: nothing proves yet that its old rows are as they were; else "".

    Needs:  of how many months with ripe loans what it says was captured, or delivered, before they were ripe:
            from then on, an outcome could have changed it.
    """
    if n_proven >= limits.live_months:
        return ""
    return (
        f"{n_proven} of {limits.live_months} months were captured live, or delivered before, and have ripe "
        "loans since. Capture each month with: vintage sources capture NAME, or hold against it, with "
        f"--earlier, a delivery that is at least {limits.live_months} months older."
    )
