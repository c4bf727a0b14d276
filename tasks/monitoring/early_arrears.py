"""Early arrears: what a cohort shows of its defaults while it is young."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtri

from tasks.governance.policy import Arrears
from tasks.labels.default_labels import count_missed
from tasks.monitoring.measurement import Measurement, measurement
from tasks.schemas.monitoring import CONFIDENCE
from tasks.statistics.performance import find_z


def keep_arrears(loans: pl.LazyFrame, *, mob: int) -> pl.LazyFrame:
    """loan_id, in_arrears (Boolean: more is overdue than rounding) of the loans at `mob` months on book.

    Needs:  the columns of silver.loans.
    Keys:   one row per loan_id.
    """
    young = loans.filter(pl.col("installment_num") == mob)
    return young.select("loan_id", in_arrears=count_missed() > 0)


def count_arrears(ripe: pl.DataFrame, arrears: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Of the loans that defaulted later, and of the others, how many were in arrears while young.

    Needs:  loan_id, label of ripe loans; what `keep_arrears` gives.
    Shapes: {"bad": {"n", "k"}, "good": {"n", "k"}}.
    """
    both = ripe.select("loan_id", "label").join(arrears, on="loan_id", how="inner", validate="1:1")
    counts: dict[str, dict[str, int]] = {}
    for name, label in (("bad", 1), ("good", 0)):
        rows = both.filter(pl.col("label") == label)
        counts[name] = {"n": rows.height, "k": int(rows["in_arrears"].sum())}
    return counts


def measure_arrears(
    young: pl.DataFrame, counts: Mapping[str, Mapping[str, Any]], *, limits: Arrears, path: str = ""
) -> Measurement:
    """Share of a cohort in arrears against what its PDs imply: each loan is bad with its PD, and the bad and
    the good are in arrears as often as they were in development. One-sided, normal, with the uncertainty of
    those two shares.

    Needs:  pd and in_arrears of the cohort's loans, of one score path where `path` names it; what
            `count_arrears` gave for development.
    """
    n, subject = young.height, f"MOB {limits.mob}{path}"
    if n == 0:
        return measurement("early_arrears", subject, 0, None, status="no rows")
    if min(count["n"] for count in counts.values()) == 0:
        return measurement("early_arrears", subject, n, None, status="no reference")
    (of_bad, v_bad), (of_good, v_good) = (_share(counts[name]) for name in ("bad", "good"))
    pds = young["pd"].to_numpy()
    each = pds * of_bad + (1 - pds) * of_good
    expected, seen = float(each.mean()), young.select(pl.mean("in_arrears")).item()
    variance = (
        float((each * (1 - each)).sum()) / n**2 + pds.mean() ** 2 * v_bad + (1 - pds.mean()) ** 2 * v_good
    )
    spread = float(np.sqrt(variance))
    half = find_z(CONFIDENCE) * float(np.sqrt(seen * (1 - seen) / n))
    reached = [
        expected + max(limits.min_excess * expected, -float(ndtri(level)) * spread)
        for level in (limits.amber_p, limits.red_p)
    ]
    ci = (max(0.0, seen - half), min(1.0, seen + half))
    return measurement(
        "early_arrears",
        subject,
        n,
        seen,
        ci=ci,
        reference=expected,
        limits=(reached[0], reached[1]),
    )


def _share(count: Mapping[str, Any]) -> tuple[float, float]:
    """A share with half a loan added on either side, and its variance."""
    share = (count["k"] + 0.5) / (count["n"] + 1)
    return share, share * (1 - share) / (count["n"] + 1)
