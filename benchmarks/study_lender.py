"""Lenders in memory for the monitoring study: their months, the models that serve them, what monitoring sees.

All by the simulator's own draws and the project's own cleaning, features, training and figures; what is left
out is files and tables, and the search for hyperparameters, which is done once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from simulator.attributes import build_attributes
from simulator.clickstream import build_clickstream
from simulator.dirt import soil
from simulator.financials import build_financials
from simulator.payments import build_loans, draw_payments, loan_ids
from simulator.population import customer_ids, draw_credit, draw_defaults
from simulator.terms import Lender, is_stopped, month_start
from simulator.truth import true_default_probability
from tasks.features.application_features import build_features
from tasks.governance.policy import Policy
from tasks.ingestion.cleaning import clean
from tasks.modelling.candidates import find_candidates, measure_paths, read_whole, refit, score_walk_forward
from tasks.modelling.challenger import build_model_reference, score_unseen
from tasks.modelling.fallbacks import FallbackEnsemble, sources_left
from tasks.modelling.families import ModelSpec
from tasks.modelling.splits import split_cohorts
from tasks.modelling.training_set import TrainingSnapshot, add_targets, label_array
from tasks.monitoring.early_arrears import keep_arrears
from tasks.monitoring.fairness import add_groups, measure_fairness
from tasks.monitoring.stability import add_month_values
from tasks.schemas.catalog import SOURCES
from tasks.schemas.source import OVERFLOW, RAW_DATE
from tasks.statistics.performance import measure_auc

START = date(2020, 1, 1)
OOT, LABEL_MOB, SEED = 3, 6, 0
LARGE = 200_000  # applicants whose true PDs tell what is so from what chance shows
VIEW = "as of training"


@dataclass(frozen=True)
class Cohort:
    """What is known of one month's applications, and what became of them."""

    features: pl.DataFrame
    watched: pl.DataFrame
    labels: pl.DataFrame
    arrears: pl.DataFrame


@dataclass(frozen=True)
class Champion:
    """A model that serves, what monitoring holds months against, and its out-of-time AUC as on a card."""

    model_id: str
    ensemble: FallbackEnsemble
    reference: Mapping[str, Any]
    card: Mapping[str, Any]


def build_cohort(lender: Lender, cohort: int, *, mob: int) -> Cohort:
    """One cohort of a lender, cleaned and with the features of its application day.

    Needs:  `mob`, the months on book at which early arrears are read.
    """
    credit = draw_credit(lender, cohort)
    defaults = draw_defaults(lender, cohort, credit)
    ids, day = customer_ids(lender, cohort), month_start(lender, cohort)
    loans = loan_ids(lender, cohort, ids)
    applied = {"loan_id": loans, "customer_id": ids, "loan_start_date": [day] * len(ids)}
    mob_0 = pl.LazyFrame({**applied, "snapshot_date": [day] * len(ids), "installment_num": [0] * len(ids)})
    clicks = pl.concat([clicks_of(lender, cohort, month, ids, defaults) for month in range(cohort + 1)])
    features = build_features(
        mob_0,
        {
            "attributes": clean_facts(
                lender, cohort, "attributes", build_attributes(lender, cohort, credit), ids
            ).lazy(),
            "financials": clean_facts(
                lender, cohort, "financials", build_financials(lender, cohort, credit), ids
            ).lazy(),
            "clickstream": clicks.lazy(),
        },
        days=[day],
    )
    known = features.sort("loan_id")
    paid = draw_payments(lender, cohort, defaults)[:, : mob + 1].sum(axis=1)
    return Cohort(
        known,
        add_month_values(known, clicks.filter(pl.col("snapshot_date") == day)),
        pl.DataFrame({"loan_id": loans, "label": defaults.astype(np.int32)}),
        pl.DataFrame({"loan_id": loans, "in_arrears": paid < 1000 * mob}),
    )


def find_unequal(lender: Lender, cohort: int, policy: Policy) -> frozenset[str]:
    """Groups whose fairness is rightly red: so it is of the true PDs of many applicants like the lender's."""
    large = replace(lender, loans_per_month=LARGE, scale=1)
    credit = draw_credit(large, cohort)
    facts = build_attributes(large, cohort, credit)
    pds = true_default_probability(large, cohort, credit, draw_defaults(large, cohort, credit))
    day = month_start(large, cohort)
    people = add_groups(facts.select(age="Age", occupation="Occupation", pd=pds, snapshot_date=pl.lit(day)))
    one_month = policy.fairness.model_copy(update={"months": 1})
    found = measure_fairness(people, limits=one_month, cutoff=policy.cutoff)
    return frozenset(one["subject"] for one in found if one["status"] == "red")


def clicks_of(lender: Lender, cohort: int, month: int, ids: pl.Series, defaults: Any) -> pl.DataFrame:
    """Rows of silver.clickstream of one cohort in one month."""
    rows = build_clickstream(lender, cohort, month, ids, defaults)
    return rows.rename({"Customer_ID": "customer_id"}).with_columns(pl.selectors.integer().cast(pl.Int32))


def clean_facts(
    lender: Lender, cohort: int, source: Any, facts: pl.DataFrame, ids: pl.Series
) -> pl.DataFrame:
    """Rows of silver.<source> of one cohort: dirtied as in the files, then cleaned; none if it stopped."""
    day = str(month_start(lender, cohort))
    raw = soil(lender, cohort, source, facts).with_columns(Customer_ID=ids)
    rows = raw.head(0) if is_stopped(lender, source, cohort, cohort) else raw
    return clean(
        SOURCES[source],
        rows.with_columns(pl.lit(day).alias(RAW_DATE), pl.lit(None, pl.String).alias(OVERFLOW)),
    )


class Book:
    """A lender whose months train the models: a challenger every third month, as the loop would."""

    def __init__(self, lender: Lender, cohorts: Sequence[Cohort], policy: Policy) -> None:
        """Keep what every training reads; `cohorts` are the lender's, from the first."""
        self.lender, self.cohorts, self.policy = lender, cohorts, policy

    @cached_property
    def loans(self) -> pl.DataFrame:
        """Rows of silver.loans."""
        frames: list[pl.DataFrame] = []
        for cohort in range(self.lender.months):
            credit = draw_credit(self.lender, cohort)
            ids, defaults = customer_ids(self.lender, cohort), draw_defaults(self.lender, cohort, credit)
            frames.append(build_loans(self.lender, cohort, ids, defaults))
        return pl.concat(frames).rename({"Customer_ID": "customer_id"})

    @cached_property
    def clickstream(self) -> pl.DataFrame:
        """Rows of silver.clickstream."""
        frames: list[pl.DataFrame] = []
        for cohort in range(self.lender.months):
            credit = draw_credit(self.lender, cohort)
            ids, defaults = customer_ids(self.lender, cohort), draw_defaults(self.lender, cohort, credit)
            frames += [
                clicks_of(self.lender, cohort, month, ids, defaults) for month in range(self.lender.months)
            ]
        return pl.concat(frames)

    def load_training_snapshot(self, month: int) -> TrainingSnapshot:
        """What a training in a month may learn from."""
        day = month_start(self.lender, month)
        applications = pl.concat([one.features for one in self.cohorts[: month + 1]])
        ripe = [
            one.labels.with_columns(snapshot_date=pl.lit(month_start(self.lender, place + LABEL_MOB)))
            for place, one in enumerate(self.cohorts[: month + 1 - LABEL_MOB])
        ]
        rows = add_targets(applications.lazy(), pl.concat(ripe).lazy(), self.loans.lazy(), as_of=day)
        clicks = self.clickstream.lazy().filter(pl.col("snapshot_date") <= day)
        return TrainingSnapshot(day, rows.sort("snapshot_date", "loan_id").collect(), clicks)

    def search(self, month: int, *, trials: int) -> ModelSpec:
        """The specification that a full search in a month finds."""
        snapshot = self.load_training_snapshot(month)
        split = split_cohorts(snapshot.ripe["snapshot_date"].to_list(), oot=OOT)
        return find_candidates(snapshot, split, trials=trials, seed=SEED, start={})[0].spec

    def champion(self, month: int, spec: ModelSpec) -> Champion:
        """The model of a month by a known specification: reference, out-of-time AUC and all."""
        snapshot = self.load_training_snapshot(month)
        split = split_cohorts(snapshot.ripe["snapshot_date"].to_list(), oot=OOT)
        oot = snapshot.of(split.oot)
        scored = score_walk_forward(spec, snapshot, split, seed=SEED, paths=tuple(sources_left(oot)))
        auc = measure_auc(label_array(oot), scored.served)
        training_set = read_whole(snapshot, VIEW)
        ensemble = refit(spec, snapshot, training_set, seed=SEED)
        figures = {"auc": auc.value, "auc_ci_90": list(auc.interval(0.90))}
        card = {
            "gate": {"figures": figures},
            "fallbacks": measure_paths(scored, oot),
            "data": {"n_loans": snapshot.ripe.height},
        }
        scores = score_unseen(spec, ensemble, snapshot, training_set, seed=SEED)
        return Champion(
            f"{snapshot.as_of:%Y-%m}", ensemble, self._reference(ensemble, snapshot, oot, scores), card
        )

    def _reference(
        self,
        ensemble: FallbackEnsemble,
        snapshot: TrainingSnapshot,
        oot: pl.DataFrame,
        scores: Mapping[str, pl.Series],
    ) -> dict[str, Any]:
        past = self.loans.lazy().filter(pl.col("snapshot_date") <= snapshot.as_of)
        arrears = keep_arrears(past, mob=self.policy.arrears.mob).collect()
        cutoff = self.policy.cutoff.approve_up_to_pd
        return build_model_reference(
            ensemble, replace(snapshot, arrears=arrears), oot, scores=scores, cutoff=cutoff
        )
