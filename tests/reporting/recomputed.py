"""Figures of a month read anew from the tables by plain Polars, without a line of the code that made them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

COHORTS = 3  # that are judged together
MARGIN, CUTOFF, TERM, LGD_MONTHS = 0.15, 0.30, 10, 12
GRADES = ((0.03, "A"), (0.08, "B"), (0.16, "C"), (0.30, "D"), (0.50, "E"), (0.75, "F"), (1.0, "G"))


@dataclass(frozen=True)
class Month:
    """A monitored day of a datamart whose loans are ripe after six months."""

    datamart: Path
    day: date

    def table(self, name: str) -> pl.DataFrame:
        """The rows of a table up to the day."""
        rows = pl.read_delta(str(self.datamart / name))
        return rows.filter(pl.col("snapshot_date") <= self.day)

    def of_month(self, name: str) -> pl.DataFrame:
        return self.table(name).filter(snapshot_date=self.day)

    @cached_property
    def scored(self) -> pl.DataFrame:
        return self.of_month("gold/predictions")

    @property
    def scored_loans(self) -> pl.DataFrame:
        """PD and amount of the day's scored applications."""
        asked = self.of_month("silver/loans").filter(installment_num=0).select("loan_id", amount="loan_amt")
        return self.scored.select("loan_id", "pd").join(asked, on="loan_id")

    @cached_property
    def ripe(self) -> pl.DataFrame:
        """pd, bad (0 or 1), month, grade of the scored loans that have six months behind them."""
        tape = self.table("silver/loans").filter(installment_num=6)
        bad = tape.select("loan_id", bad=(pl.col("overdue_amt") > 0.005).cast(pl.Int64))
        scored = self.table("gold/predictions").select("loan_id", "pd", month="snapshot_date")
        graded = scored.with_columns(grade=grade(pl.col("pd")))
        return graded.join(bad, on="loan_id")

    @cached_property
    def cohort(self) -> pl.DataFrame:
        ripe = self.ripe
        return ripe.filter(month=ripe["month"].max())

    @cached_property
    def cohorts(self) -> pl.DataFrame:
        ripe = self.ripe
        newest = ripe["month"].unique().sort()[-COHORTS:]
        return ripe.filter(pl.col("month").is_in(newest.implode()))

    @cached_property
    def lgd(self) -> float:
        """What bad loans leave unpaid at their end, as a share of the amount, in the newest twelve months."""
        tape = self.table("silver/loans")
        first = pl.lit(self.day).dt.offset_by(f"-{LGD_MONTHS}mo")
        bad = tape.filter(pl.col("installment_num") == 6, pl.col("overdue_amt") > 0.005)["loan_id"]
        ended = tape.filter(pl.col("installment_num") == TERM, pl.col("snapshot_date") > first)
        ended = ended.filter(pl.col("loan_id").is_in(bad.implode()))
        return ended["balance"].sum() / ended["loan_amt"].sum()

    def profit(self, loans: pl.DataFrame, chance: str, cutoff: float = CUTOFF) -> float:
        """Margin of the good less loss of the bad, on loans of 10,000 approved up to the cut-off."""
        bad = pl.col(chance)
        earned = (1 - bad) * MARGIN - bad * self.lgd
        return 10_000 * loans.filter(pl.col("pd") <= cutoff).select(earned.sum()).item()


def grade(pd: pl.Expr) -> pl.Expr:
    named = pl.lit("G")
    for limit, name in GRADES[::-1]:
        named = pl.when(pd <= limit).then(pl.lit(name)).otherwise(named)
    return named


def auc(loans: pl.DataFrame) -> float:
    """Share of pairs of a bad and a good loan in which the bad one has the higher PD; a tie is half."""
    bad, good = (loans.filter(bad=label).select("pd") for label in (1, 0))
    pairs = bad.join(good, how="cross", suffix="_good")
    higher = (pl.col("pd") > pl.col("pd_good")) + 0.5 * (pl.col("pd") == pl.col("pd_good"))
    return pairs.select(higher.mean()).item()


def expected_auc(loans: pl.DataFrame) -> float:
    """The same over all pairs, each weighed by the chance that one is bad and the other good.

    A loan is a pair with itself too: a tie, as in the area under the expected curve.
    """
    one = loans.select("pd")
    pairs = one.join(one, how="cross", suffix="_good")
    chance = pl.col("pd") * (1 - pl.col("pd_good"))
    higher = (pl.col("pd") > pl.col("pd_good")) + 0.5 * (pl.col("pd") == pl.col("pd_good"))
    return pairs.select((chance * higher).sum() / chance.sum()).item()


def ks(loans: pl.DataFrame) -> float:
    """Largest distance between the shares of bad and good loans up to a PD."""
    up_to = [
        abs(loans.filter(pl.col("pd") <= pd).select(share(1, loans) - share(0, loans)).item())
        for pd in loans["pd"].unique()
    ]
    return max(up_to)


def share(label: int, loans: pl.DataFrame) -> pl.Expr:
    return (pl.col("bad") == label).sum() / loans.filter(bad=label).height


def slope(loans: pl.DataFrame) -> float:
    """Slope of a logistic regression of the outcome on the log-odds of the PD, by Newton's method."""
    pd, bad = loans["pd"].to_numpy(), loans["bad"].to_numpy()
    x = np.column_stack([np.ones_like(pd), np.log(pd / (1 - pd))])
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        beta = beta + np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]), x.T @ (bad - p))
    return float(beta[1])


def spiegelhalter(loans: pl.DataFrame) -> float:
    pd, bad = pl.col("pd"), pl.col("bad")
    above = ((bad - pd) * (1 - 2 * pd)).sum()
    return loans.select(above / ((1 - 2 * pd) ** 2 * pd * (1 - pd)).sum().sqrt()).item()


def covered(month: Month, source: str) -> float:
    """Share of the month's applicants of whom the source has a row of that month with a value."""
    rows = month.of_month(f"silver/{source}")
    known = rows.filter(pl.any_horizontal(pl.exclude("customer_id", "snapshot_date").is_not_null()))
    return month.scored.join(known, on="customer_id", how="semi").height / month.scored.height


def in_arrears(month: Month) -> float:
    """Share of the loans at three months on book that owe an instalment."""
    young = month.of_month("silver/loans").filter(installment_num=3)
    return young.select((pl.col("overdue_amt") > 0.005).mean()).item()


def mean_bad(rows: pl.DataFrame) -> float:
    return rows.select(pl.mean("bad")).item()


METRICS: dict[tuple[str, str], Callable[[Month], float]] = {
    ("auc", "score"): lambda m: auc(m.cohort),
    ("gini", "score"): lambda m: 2 * auc(m.cohort) - 1,
    ("ks", "score"): lambda m: ks(m.cohort),
    ("brier", "score"): lambda m: m.cohort.select(((pl.col("pd") - pl.col("bad")) ** 2).mean()).item(),
    ("log_loss", "score"): lambda m: m.cohort.select(
        -(pl.when(pl.col("bad") == 1).then(pl.col("pd")).otherwise(1 - pl.col("pd"))).log().mean()
    ).item(),
    ("bad_rate_observed", "score"): lambda m: mean_bad(m.cohort),
    ("bad_rate_expected", "score"): lambda m: m.cohort.select(pl.mean("pd")).item(),
    ("observed_to_expected", "score"): lambda m: m.cohort["bad"].sum() / m.cohort["pd"].sum(),
    ("pooled_auc", "score"): lambda m: auc(m.cohorts),
    ("calibration_in_the_large", "score"): lambda m: m.cohorts["bad"].sum() / m.cohorts["pd"].sum(),
    ("calibration_slope", "score"): lambda m: slope(m.cohorts),
    ("spiegelhalter_z_raw", "score"): lambda m: spiegelhalter(m.cohorts),
    ("grade_bad_rate", "A"): lambda m: mean_bad(m.cohorts.filter(grade="A")),
    ("grade_bad_rate", "G"): lambda m: mean_bad(m.cohorts.filter(grade="G")),
    ("expected_auc", "score"): lambda m: expected_auc(m.scored),
    ("expected_bad_rate", "score"): lambda m: m.scored.select(pl.mean("pd")).item(),
    ("expected_bad_rate_approved", "score"): lambda m: (
        m.scored.filter(pl.col("pd") <= CUTOFF).select(pl.mean("pd")).item()
    ),
    ("approval_rate", "score"): lambda m: m.scored.select((pl.col("pd") <= CUTOFF).mean()).item(),
    ("grade_share", "A"): lambda m: m.scored.select((pl.col("pd") <= GRADES[0][0]).mean()).item(),
    ("path_mix", "with all sources"): lambda m: m.scored.select((pl.col("fallback") == "none").mean()).item(),
    ("coverage", "clickstream"): lambda m: covered(m, "clickstream"),
    ("coverage", "financials"): lambda m: covered(m, "financials"),
    ("quarantined", "attributes"): lambda m: (
        m.of_month("quarantine/attributes").height / m.of_month("bronze/attributes").height
    ),
    ("early_arrears", "MOB 3"): in_arrears,
}

MONEY: dict[tuple[str, str], Callable[[Month], float]] = {
    ("lgd", "measurement"): lambda m: m.lgd,
    ("profit", "expected"): lambda m: m.profit(m.scored, "pd"),
    ("profit", "realised"): lambda m: m.profit(m.cohort, "bad"),
    ("loss", "expected"): lambda m: 10_000 * m.lgd * m.scored.filter(pl.col("pd") <= CUTOFF)["pd"].sum(),
    ("loss", "realised"): lambda m: 10_000 * m.lgd * m.cohort.filter(pl.col("pd") <= CUTOFF)["bad"].sum(),
    ("approval_rate", "realised"): lambda m: m.cohort.select((pl.col("pd") <= CUTOFF).mean()).item(),
    ("bad_rate_approved", "realised"): lambda m: mean_bad(m.cohort.filter(pl.col("pd") <= CUTOFF)),
    ("value_over_all", "realised"): lambda m: m.profit(m.cohorts, "bad") - m.profit(m.cohorts, "bad", 1.0),
    ("best_profit", "realised"): lambda m: max(
        m.profit(m.cohorts, "bad", one / 100) for one in range(1, 101)
    ),
}
