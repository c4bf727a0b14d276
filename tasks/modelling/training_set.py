"""What a training of one day may learn from: labels, arrears of younger loans, histories up to that day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.features.application_features import keep_known, summarise_history
from tasks.labels.default_labels import count_missed
from tasks.lender.current import lender
from tasks.lender.declaration import LenderSource
from tasks.monitoring.measurement import RedFigure
from tasks.schemas.feature_store import SOURCE_OF, SUMMARY_OF, has_values, history_months
from tasks.schemas.source_features import features_in, other_features, source_of
from tasks.statistics.performance import Floats

MIN_IN_STATE = 10  # ripe loans that an expected default rate needs; a rarer arrears state is not trained on
MAX_ARREARS = 2
# How a training takes histories in: the histories as of the application; as of the training day; the same,
# and in addition the younger loans with the arrears they have so far.
HistoryView = Literal["as of application", "as of training", "with early arrears"]
HISTORY_VIEWS: tuple[HistoryView, ...] = ("as of application", "as of training", "with early arrears")


@dataclass(frozen=True)
class TrainingSet:
    """Loans to learn from: `features` as known on the training day, `targets` (n,) from 0 to 1.

    A target between 0 and 1 is the probability of default of a loan that is not ripe, given its arrears so
    far; `ripe` (n,) says whose target is a label. Rows are in order of application date and loan.
    `shortened` are the same rows with histories of `shorten_histories`; without them nothing is learned about
    shorter histories than those of the features.
    """

    features: pl.DataFrame
    targets: Floats
    ripe: NDArray[np.bool_]
    shortened: pl.DataFrame | None = None

    def take(self, rows: NDArray[np.bool_]) -> "TrainingSet":
        """The training set of some rows."""
        shortened = None if self.shortened is None else self.shortened.filter(rows)
        return TrainingSet(self.features.filter(rows), self.targets[rows], self.ripe[rows], shortened)


@dataclass(frozen=True)
class TrainingSnapshot:
    """All that a training of `as_of` rests on, loaded once; what follows is computed from it alone.

    `loans` are the rows of `add_targets`, sorted, with the features of other teams' `sources` (their columns
    by name); `past` the rows of all histories. The rest is for the gate, the card and monitoring:
    `arrears` of `keep_arrears`, the card of the `champion` of the day, `red_metrics` of the month monitored
    last, the last comparison of sources, Delta version and rows of each of the `tables`, the digest of each
    month's file of a history, and by month the features that it is `lacking`, of which none is learned from.
    Of sources that are `retired`, each from a day on, `leave_out_retired` takes the features away.
    """

    as_of: date
    loans: pl.DataFrame
    past: pl.LazyFrame
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    arrears: pl.DataFrame = field(default_factory=pl.DataFrame)
    champion: Mapping[str, Any] | None = None
    red_metrics: Mapping[str, Sequence[RedFigure]] = field(default_factory=dict[str, Sequence[RedFigure]])
    sources_compared: Mapping[str, Any] | None = None
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    history_digests: Sequence[str] = ()
    lacking: Mapping[date, Collection[str]] = field(default_factory=dict[date, Collection[str]])
    retired: Mapping[str, date] = field(default_factory=dict[str, date])

    @property
    def ripe(self) -> pl.DataFrame:
        """The loans that have a label."""
        return self.loans.filter(pl.col("ripe"))

    def of(self, cohorts: Sequence[date]) -> pl.DataFrame:
        """The ripe loans of some application months."""
        return self.ripe.filter(pl.col("snapshot_date").is_in(list(cohorts)))


def keep_features(snapshot: TrainingSnapshot, features: Collection[str]) -> TrainingSnapshot:
    """The same without the features that are not among `features`."""
    others = set(features_in(snapshot.loans.columns)) - set(features)
    return replace(snapshot, loans=snapshot.loans.drop(others))


def leave_out_retired(snapshot: TrainingSnapshot) -> TrainingSnapshot:
    """The same with the features that a training of the day learns from: of no source that is not in use.

    The champion of the day may have learned from one that is retired since.
    """
    features = features_in(snapshot.loans.columns)
    ours = [name for name in features if name in SOURCE_OF and SOURCE_OF[name] not in snapshot.retired]
    others = [name for name in other_features(features) if source_of(name) in snapshot.sources]
    return keep_features(snapshot, [*ours, *others])


def label_array(loans: pl.DataFrame) -> Floats:
    """Outcomes (n,) as 0.0 and 1.0."""
    return loans["label"].cast(pl.Float64).to_numpy()


def read_training_set(
    snapshot: TrainingSnapshot, loans: pl.DataFrame, *, day: date, view: HistoryView
) -> TrainingSet:
    """The training set of ripe `loans` on `day` with one of HISTORY_VIEWS, and with histories shortened."""
    if view == "as of application":
        return to_training_set(loans, shorten_histories(loans, snapshot.past, day=None))
    seen = see_history(loans, snapshot.past, day=day)
    shortened = shorten_histories(seen, snapshot.past, day=day)
    if view == "as of training":
        return to_training_set(seen, shortened)
    young = see_history(snapshot.loans.filter(~pl.col("ripe")), snapshot.past, day=snapshot.as_of)
    return to_training_set(pl.concat([seen, young]), pl.concat([shortened, young]))


def add_targets(
    applications: pl.LazyFrame, labels: pl.LazyFrame, loans: pl.LazyFrame, *, as_of: date
) -> pl.LazyFrame:
    """Keep the applications that can be trained on as of `as_of`; add `label`, `ripe` and `target`.

    Needs:  gold.feature_store, gold.label_store, silver.loans; rows dated after `as_of` are ignored.
    Adds:   label (0 or 1, null when not ripe), ripe, target (0 to 1): the label, or the share of defaults
            among ripe loans which had the same arrears at the same month on book (Jeffreys' prior).
    Keys:   one row per loan_id.
            A loan whose state fewer than MIN_IN_STATE ripe loans went through has no row.
    """
    known = labels.filter(pl.col("snapshot_date") <= as_of).select("loan_id", "label")
    past = loans.filter(pl.col("snapshot_date") <= as_of, pl.col("installment_num") > 0)
    expected = expect_defaults(add_arrears_state(past), known)
    applied = applications.filter(pl.col("snapshot_date") <= as_of)
    return (
        applied.join(known, on="loan_id", how="left", validate="1:1")
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
    Keys:   one row per loan_id; share is null for a state that fewer than MIN_IN_STATE ripe loans were in.
    """
    shares = (
        states.join(known, on="loan_id", how="left", validate="m:1")
        .filter(pl.col("label").is_not_null())
        .group_by("mob", "state")
        .agg(n=pl.len(), bad=pl.col("label").sum())
        .filter(pl.col("n") >= MIN_IN_STATE)
        .select("mob", "state", share=(pl.col("bad") + 0.5) / (pl.col("n") + 1))
    )
    latest = states.sort("mob").unique("loan_id", keep="last").select("loan_id", "mob", "state")
    return latest.join(shares, on=["mob", "state"], how="left", validate="m:1").select("loan_id", "share")


def add_arrears_state(past: pl.LazyFrame) -> pl.LazyFrame:
    """loan_id, mob and state of each row: the worst number of instalments overdue so far, and today's.

    Needs:  loan_id, and what `count_missed` needs, of silver.loans, from MOB 1 on.
    Keys:   one row per (loan_id, mob).
    """
    behind = count_missed().clip(0, MAX_ARREARS)
    ordered = past.sort("loan_id", "installment_num").with_columns(behind=behind)
    return ordered.select(
        "loan_id",
        mob=pl.col("installment_num"),
        state=pl.col("behind").cum_max().over("loan_id") * 10 + pl.col("behind"),
    )


def see_history(
    loans: pl.DataFrame,
    past: pl.LazyFrame,
    *,
    day: date | None,
    newest: Mapping[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """The same rows with the summary of their histories as it stood on `day` instead of on the application.

    What a customer does after applying tells the same level with more months behind it; the summary then
    also has the length that new applications of `day` have.

    Needs:  loan_id, customer_id and those of the columns SUMMARY that are to be; the histories' rows; no
            `day` for that of each application (snapshot_date); by history the number of each loan's
            `newest` months that count, for all of them none.
    Keys:   rows and their order are kept.
    """
    as_seen = loans.lazy() if day is None else loans.lazy().with_columns(snapshot_date=pl.lit(day))
    rows = past if day is None else past.filter(pl.col("snapshot_date") <= day)
    applied = as_seen.select("loan_id", "customer_id", "snapshot_date")
    seen = loans.lazy()
    for history in _histories_in(loans):
        known = keep_known(rows, applied, delay_days=history.delay_days)
        if newest is not None:
            known = _keep_newest_months(
                known, applied.select("loan_id", newest=newest[history.name]), history
            )
        summary = summarise_history(known, history.name)
        without = seen.drop(SUMMARY_OF[history.name], strict=False)
        seen = without.join(summary, on="loan_id", how="left", validate="1:1", maintain_order="left")
    return seen.select(loans.columns).collect()


def _histories_in(loans: pl.DataFrame) -> list[LenderSource]:
    """The histories of which the rows count the months."""
    return [one for one in lender().histories if history_months(one.name) in loans.columns]


def _keep_newest_months(known: pl.LazyFrame, counts: pl.LazyFrame, history: LenderSource) -> pl.LazyFrame:
    """Of the rows that say something of the history, as many of the newest as `counts` says of the loan."""
    age = pl.col("snapshot_date").rank("ordinal", descending=True).over("loan_id")
    rows = known.filter(has_values(history.name)).join(counts, on="loan_id", how="left", validate="m:1")
    return rows.filter(age <= pl.col("newest"))


def shorten_histories(loans: pl.DataFrame, past: pl.LazyFrame, *, day: date | None) -> pl.DataFrame:
    """The same rows with as many of the newest months of their history as chance leaves, 1 to all alike.

    Customers have histories of every length, and those of the training data are all about as long as the
    lender's own: what a short one is worth is learned from cutting long ones.

    Needs:  rows of `see_history` on the `day`, without one as of their applications; those without the
            number of months stay as they are. The draw depends on the order of the rows alone.
    """
    draw, newest = np.random.default_rng(0), dict[str, pl.Series]()
    for history in _histories_in(loans):
        months = loans[history_months(history.name)].fill_null(0).to_numpy().astype(int)
        newest[history.name] = pl.Series(draw.integers(1, np.maximum(months, 1), endpoint=True))
    return see_history(loans, past, day=day, newest=newest) if newest else loans


def to_training_set(loans: pl.DataFrame, shortened: pl.DataFrame | None = None) -> TrainingSet:
    """The training set from the rows that `add_targets` gives, and from the same with shortened histories."""
    targets = loans["target"].to_numpy().astype(np.float64)
    return TrainingSet(loans, targets, loans["ripe"].to_numpy(), shortened)
