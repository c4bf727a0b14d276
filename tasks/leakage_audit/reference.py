"""What the columns of another source are audited against, and how a column is looked at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.leakage_audit.by_age import Share
from tasks.leakage_audit.fading import find_fading
from tasks.leakage_audit.maturity import Maturity, without_uneven
from tasks.schemas.source_features import MAX_WORDS
from tasks.statistics.performance import Floats, measure_auc

Mask = NDArray[np.bool_]
MIN_ROWS = 30
STRATA = 10
SIGMAS = 3.0


@dataclass(frozen=True)
class Ranked:
    """Columns side by side: their names, ranks from 0 to 1 (0 for nulls), and 1.0 where there is a value."""

    names: list[str]
    ranks: Floats
    there: Floats

    @classmethod
    def of(cls, columns: pl.DataFrame) -> "Ranked":
        """The ranks of numeric columns."""
        values = columns.select(pl.all().cast(pl.Float64).fill_nan(None))
        ranks = values.select(pl.all().rank() / max(1, columns.height)).fill_null(0.0).to_numpy()
        there = values.select(pl.all().is_not_null().cast(pl.Float64)).to_numpy()
        return cls(columns.columns, np.ascontiguousarray(ranks), np.ascontiguousarray(there))


@dataclass(frozen=True)
class Book:
    """A row per application in one order.

    `labels` (n,) are 0.0 and 1.0, NaN where the loan is not ripe; `pds` (n,) what our own features say, by
    fits that did not see the loan's cohort, and `even_pds` (n,) the same by those features alone that are
    known of young cohorts as of ripe ones; `own` are our features, `known` and `later` the facts of
    `tasks.leakage_audit.known_values`.
    """

    days: pl.Series
    labels: Floats
    pds: Floats
    even_pds: Floats
    own: pl.DataFrame
    known: pl.DataFrame
    later: pl.DataFrame

    @cached_property
    def ripe(self) -> Mask:
        """Mask (n,) of the loans that have a label."""
        return ~np.isnan(self.labels)

    @cached_property
    def risk(self) -> Floats:
        """Decile (n,) of each loan's risk by our own features."""
        known = self.pds[np.isfinite(self.pds)]
        edges = np.quantile(known, np.linspace(0, 1, STRATA + 1)[1:-1]) if len(known) else np.array([])
        return np.searchsorted(np.unique(edges), self.pds).astype(float)

    @cached_property
    def maturity(self) -> Maturity:
        """What is known of the loans' risk by their age."""
        return Maturity.of(self.days, self.labels, self.pds, self.even_pds, self.later)

    @cached_property
    def fading(self) -> Share:
        """The share of its relation with arrears that each source of ours keeps at least in young cohorts."""
        even = without_uneven(self.own.with_columns(snapshot_date=self.days), self.labels)
        return find_fading(even.drop("snapshot_date"), self.labels, self.maturity)

    @cached_property
    def months(self) -> Floats:
        """Application day (n,) as a number."""
        return self.days.to_physical().cast(pl.Float64).to_numpy()

    @cached_property
    def ours(self) -> pl.DataFrame:
        """Every number that we hold of the application's own day."""
        numbers = self.own.select(pl.selectors.numeric())
        return numbers.hstack(
            [self.known[name] for name in self.known.columns if name not in numbers.columns]
        )

    @cached_property
    def ranked_ours(self) -> Ranked:
        """Ranks of `ours`."""
        return Ranked.of(self.ours)

    @cached_property
    def ranked_later(self) -> Ranked:
        """Ranks of `later`."""
        return Ranked.of(self.later)


@dataclass(frozen=True)
class Column:
    """A column of a source, with a row per application (null where the source has none)."""

    values: pl.Series

    @cached_property
    def numbers(self) -> Floats:
        """Its values as numbers (n,), NaN for nulls: dates as days, words by the digits that they end in."""
        if self.values.dtype.is_temporal():
            return self.values.cast(pl.Date).to_physical().cast(pl.Float64).to_numpy()
        if self.values.dtype.is_numeric() or self.values.dtype == pl.Boolean:
            numbers = self.values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            return np.where(np.isfinite(numbers), numbers, np.nan)
        return self.values.cast(pl.String).str.extract(r"(\d{1,15})\D*$").cast(pl.Float64).to_numpy()

    @cached_property
    def there(self) -> Mask:
        """Where (n,) it has a value."""
        if self.values.dtype.is_float():
            return np.isfinite(self.numbers)
        return self.values.is_not_null().to_numpy()

    @cached_property
    def ranked(self) -> Ranked:
        """Its ranks."""
        return Ranked.of(pl.DataFrame({self.values.name: self.numbers}))

    @cached_property
    def bins(self) -> Floats:
        """A number (n,) for each value of few, or for each twentieth of many; -1 where there is none."""
        if self.values.n_unique() <= MAX_WORDS or not np.isfinite(self.numbers).any():
            codes = self.values.cast(pl.String).rank("dense").cast(pl.Float64)
            return codes.fill_null(-1.0).to_numpy()
        edges = np.unique(np.nanquantile(self.numbers, np.linspace(0, 1, 21)[1:-1]))
        return np.where(np.isfinite(self.numbers), np.searchsorted(edges, self.numbers), -1.0)

    def encode(self, book: Book) -> Floats:
        """Default rate (n,) of its bin in the older half of the ripe cohorts, for the newer half only."""
        cohorts = np.unique(book.months[book.ripe])
        encoded = np.full(len(self.values), np.nan)
        if len(cohorts) < 2:
            return encoded
        newer = book.months >= cohorts[len(cohorts) // 2]
        older = book.ripe & ~newer
        _, code = np.unique(self.bins, return_inverse=True)
        n = np.bincount(code[older], minlength=code.max() + 1)
        bad = np.bincount(code[older], weights=book.labels[older], minlength=code.max() + 1)
        encoded[newer] = ((bad + 2 * book.labels[older].mean()) / (n + 2))[code[newer]]
        return encoded


def stratified_auc(values: Floats, labels: Floats, strata: Floats) -> tuple[float, float]:
    """AUC within strata, in whichever direction is better, and its lower bound of SIGMAS standard errors.

    Strata are weighed by their pairs of a good and a bad loan; 0.5 and 0.0 where no stratum has two of each.
    """
    total, weighed, variance = 0.0, 0.0, 0.0
    for stratum in np.unique(strata):
        here = strata == stratum
        bad = labels[here].sum()
        pairs = bad * (here.sum() - bad)
        if min(bad, here.sum() - bad) < 2:
            continue
        auc = measure_auc(labels[here], values[here])
        total, weighed = total + pairs, weighed + pairs * auc.value
        variance += pairs**2 * max(auc.variance, 1e-12)
    if total == 0:
        return 0.5, 0.0
    value, spread = weighed / total, variance**0.5 / total
    value = max(value, 1 - value)
    return float(value), float(value - SIGMAS * spread)


def correlate(column: Ranked, facts: Ranked) -> Floats:
    """Size (facts,) of a column's rank correlation with each fact, on rows that have both (Spearman 1904).

    0 where fewer than MIN_ROWS, or a fifth of the column's, have both.
    """
    x, has = column.ranks[:, :1], column.there[:, :1]
    n = (has.T @ facts.there)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = (x.T @ facts.there)[0] / n, (has.T @ facts.ranks)[0] / n
        covariance = (x.T @ facts.ranks)[0] / n - mean_x * mean_y
        spread_x = ((x**2).T @ facts.there)[0] / n - mean_x**2
        spread_y = (has.T @ facts.ranks**2)[0] / n - mean_y**2
        r = np.abs(covariance) / np.sqrt(spread_x * spread_y)
    enough = (n >= MIN_ROWS) & (n >= 0.2 * has.sum()) & np.isfinite(r)
    return np.where(enough, r, 0.0)
