"""What a second, earlier delivery of the same source tells: whether later months changed its values."""

import polars as pl

from tasks.leakage_audit.checks import Verdict

RESTATED = "values of old months change"
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
