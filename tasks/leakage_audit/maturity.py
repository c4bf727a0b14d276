"""What is known of the risk of loans by their age: our PD at the application, and the arrears since."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tasks.months import month_number
from tasks.statistics.performance import Floats

KEPT = 0.8  # share of its usual coverage that a feature has in every young cohort, else it is not even


@dataclass(frozen=True)
class Maturity:
    """Cohorts (c,) by their months on book, and what is known of each loan (n,) at each of them.

    `risk` are the log-odds of our PD by the features that are known of young cohorts as of ripe ones;
    `by_mob[0]` those by all features, `by_mob[m]` those by our PD and the arrears up to MOB m, NaN for loans
    that are younger; `late[m]` is 1.0 for those in arrears by MOB m; `cohort` is the place of each loan's
    cohort in `ages`.
    """

    risk: Floats
    by_mob: list[Floats]
    late: list[Floats]
    cohort: Floats
    ages: Floats

    @classmethod
    def of(
        cls, days: pl.Series, labels: Floats, pds: Floats, even_pds: Floats, later: pl.DataFrame
    ) -> "Maturity":
        """Of loans that began on these days; `later` has columns `overdue_amt at MOB m`."""
        ages, cohort = _ages(days)
        ripens = ripens_at(days, labels)
        odds, even = (np.log(one / (1 - one)) for one in (pds, even_pds))
        known = [odds, *(_with_arrears(odds, labels, later, mob) for mob in range(1, ripens))]
        late = [np.full(len(labels), np.nan), *(_late_by(later, mob) for mob in range(1, ripens))]
        return cls(even, known, late, cohort.astype(float), ages.astype(float))


def ripens_at(days: pl.Series, labels: Floats) -> int:
    """Months on book of the youngest loans (n,) that have a label; 1 where none has."""
    ages, cohort = _ages(days)
    ripe = ~np.isnan(labels)
    return int(ages[cohort[ripe]].min()) if ripe.any() else 1


def _ages(days: pl.Series) -> tuple[Floats, NDArray[np.intp]]:
    """Months on book (c,) of each cohort, and the place (n,) of each loan's cohort among them."""
    numbers = days.to_frame("day").select(month_number(pl.col("day"))).to_series().to_numpy()
    months, cohort = np.unique(numbers, return_inverse=True)
    return months.max() - months, cohort


def _late_by(later: pl.DataFrame, mob: int) -> Floats:
    """1.0 for a loan (n,) that was in arrears at a MOB or before, else 0.0; NaN for younger loans."""
    overdue = later.select(f"overdue_amt at MOB {month}" for month in range(1, mob + 1))
    there = overdue.to_series(-1).is_not_null().to_numpy()
    return np.where(there, (overdue.fill_null(0.0).to_numpy() > 0).any(axis=1).astype(float), np.nan)


def _with_arrears(odds: Floats, labels: Floats, later: pl.DataFrame, mob: int) -> Floats:
    """Log-odds (n,) of default by `odds` and by what was overdue up to a MOB; NaN for younger loans."""
    overdue = later.select(f"overdue_amt at MOB {month}" for month in range(1, mob + 1))
    there = overdue.to_series(-1).is_not_null().to_numpy() & np.isfinite(odds)
    late = (overdue.fill_null(0.0).to_numpy() > 0).astype(float)
    known, rows = np.column_stack([odds, late]), ~np.isnan(labels) & there
    said = np.full(len(odds), np.nan)
    if len(np.unique(labels[rows])) == 2:
        said[there] = (
            LogisticRegression(max_iter=500).fit(known[rows], labels[rows]).decision_function(known[there])
        )
    return said


def without_uneven(features: pl.DataFrame, labels: Floats) -> pl.DataFrame:
    """The features, those null that are known of a young cohort far less often than of the ripe ones.

    Needs:  snapshot_date among the features, and the labels (n,), NaN where a loan is not ripe.
    """
    names = [name for name in features.columns if name != "snapshot_date"]
    young = pl.Series(np.isnan(labels))
    usual = features.filter(~young).select(pl.col(names).is_not_null().mean())
    by_cohort = features.filter(young).group_by("snapshot_date").agg(pl.col(names).is_not_null().mean())
    least = by_cohort.select(pl.col(names).min())
    uneven = [name for name in names if by_cohort.height and least[name].item() < KEPT * usual[name].item()]
    return features.with_columns(pl.lit(None, features.schema[name]).alias(name) for name in uneven)
