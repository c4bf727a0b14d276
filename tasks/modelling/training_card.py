"""The card of a training: what it learned from, how its candidates did, and the gate's verdict."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl

from tasks.lender.current import lender
from tasks.modelling.candidates import Candidate, measure_by_history
from tasks.modelling.challenger import Challenger, TrainingConfig
from tasks.modelling.splits import Split
from tasks.modelling.training_set import TrainingSnapshot, label_array
from tasks.monitoring.fairness import KINDS, add_groups
from tasks.months import months_before
from tasks.schemas.feature_store import MONTHS, longest_history
from tasks.schemas.predictions import GRADE_LIMITS
from tasks.schemas.source_features import features_in
from tasks.statistics.performance import Floats, measure_performance

NAMES = ("gini", "ks", "brier", "spiegelhalter_z", "observed_to_expected")  # of a candidate, out of time
REVIEW_MONTHS = 12  # after its training a model is reviewed at the latest
MIN_GROUP = 30  # loans of a group; smaller ones say nothing


def build_card(
    challenger: Challenger,
    snapshot: TrainingSnapshot,
    config: TrainingConfig,
    *,
    gate: Mapping[str, Any],
    gate_cohorts: int,
    default: str,
    trained_by: str,
    code: Mapping[str, str],
) -> dict[str, Any]:
    """The record of a training for machines, but for the model's id and the digest of its file.

    Needs:  the verdict of the `gate` and the number of cohorts that it should see; in words, what counts as
    `default`; versions of the `code`.
    """
    split, oot = challenger.split, snapshot.of(challenger.split.oot)
    return {
        "as_of": str(snapshot.as_of),
        "trained_by": trained_by,
        "purpose": f"probability of default ({default}) at application",
        "data": _describe_data(snapshot, split),
        "sources_compared": snapshot.sources_compared,
        "family": challenger.candidates[0].spec.family,
        "candidates": [_describe_candidate(candidate, oot) for candidate in challenger.candidates],
        "reading": challenger.view,
        "readings": challenger.views,
        "use": describe_use(snapshot.as_of),
        "subgroups": _measure_subgroups(oot, challenger.candidates[0].oot_pds),
        "fallbacks": challenger.paths,
        "by_history": measure_by_history(challenger.walk_forward.shortened),
        "ablations": challenger.ablations,
        "gate": gate,
        "grade_limits": GRADE_LIMITS,
        "setup": asdict(config),
        "limits": list_limits(default, len(split.oot), gate_cohorts=gate_cohorts),
        "code": code,
    }


def list_limits(default: str, n_oot_cohorts: int, *, gate_cohorts: int) -> list[str]:
    """The limitations of the model; `default` says in words what counts as one."""
    limits = [
        "Trained on granted loans only: it has not seen applicants who were declined (no reject inference).",
        f"Default means {default}; what happens to a loan later is not predicted.",
        "One lender's portfolio: not for another lender, product or country without a new training.",
        *_limits_of_the_lender(),
    ]
    if n_oot_cohorts < gate_cohorts:
        limits.append(
            f"The gate saw {n_oot_cohorts} cohorts out of time instead of {gate_cohorts}: no more were ripe."
        )
    return limits


def _limits_of_the_lender() -> list[str]:
    """What follows from the features that are protected, and the sources that every score rests on."""
    columns = (pair for source in lender().applications for pair in source.feature_columns().items())
    names = [name.replace("_", " ") for name, column in columns if column.protected]
    protected, verb = " and ".join(names), "is" if len(names) == 1 else "are"
    needed = " or ".join(source.name for source in lender().applications if not source.may_be_missing)
    among = f"{protected.capitalize()} {verb} among the features: check that local law allows it."
    alone = f"There is no fallback for missing {needed}: they are scored as nulls."
    return [text for named, text in ((protected, among), (needed, alone)) if named]


def describe_use(as_of: date) -> dict[str, Any]:
    """Who owns a model trained on a day, who may use it for what, and by when it is reviewed."""
    return {
        "owner": "Data science",
        "approver": "Model risk",
        "users": "Credit risk and underwriters, for applications of the lender's own customers",
        "out_of_scope": [
            "pricing, limits of existing customers, collections",
            "provisions and capital: it says default within the label's months, not over a lifetime",
            "a decision by itself where no score path was validated: see the review list",
        ],
        "review_by": str(months_before(as_of, -REVIEW_MONTHS)),
        "monitoring": "monthly: gold.monitoring, gold.actions, `vintage report`, `vintage deck`",
    }


def _describe_candidate(candidate: Candidate, oot: pl.DataFrame) -> dict[str, Any]:
    """Specification and out-of-time figures of a candidate, for the card."""
    labels, pds, auc = label_array(oot), candidate.oot_pds, candidate.oot_auc
    low, high = auc.interval()
    return {
        **asdict(candidate.spec),
        "tuning_log_loss": candidate.tuning_log_loss,
        "oot": {
            "n": len(labels),
            "bad_rate": float(labels.mean()),
            "auc": auc.value,
            "auc_ci_95": [low, high],
            **{name: one.value for name, one in measure_performance(labels, pds, *NAMES).items()},
        },
    }


def _measure_subgroups(oot: pl.DataFrame, pds: Floats) -> list[dict[str, Any]]:
    """Loans, bad rate, mean PD and AUC of each protected group of MIN_GROUP loans or more."""
    people = add_groups(oot).with_columns(pd=pl.Series(pds))
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        for (group,), rows in sorted(people.drop_nulls(kind).group_by(kind), key=lambda one: str(one[0])):
            if rows.height >= MIN_GROUP:
                found.append({"group": f"{kind.replace('_', ' ')} {group}", **_measure_group(rows)})
    return found


def _measure_group(rows: pl.DataFrame) -> dict[str, Any]:
    labels, pds = label_array(rows), rows["pd"].to_numpy()
    rare = min(labels.sum(), len(labels) - labels.sum())
    auc = measure_performance(labels, pds, "auc")["auc"].value if rare > 1 else None
    return {"n": len(labels), "bad_rate": float(labels.mean()), "mean_pd": float(pds.mean()), "auc": auc}


def _describe_data(snapshot: TrainingSnapshot, split: Split) -> dict[str, Any]:
    """Loans, cohorts and features that a model learned from, for the card."""
    by_cohort = (
        snapshot.ripe.group_by("snapshot_date")
        .agg(n=pl.len(), bad_rate=pl.col("label").mean())
        .sort("snapshot_date")
    )
    return {
        "n_loans": snapshot.ripe.height,
        "n_unripe_loans": snapshot.loans.height - snapshot.ripe.height,
        "cohorts": [str(day) for day in by_cohort["snapshot_date"]],
        "n_by_cohort": by_cohort["n"].to_list(),
        "bad_rate_by_cohort": by_cohort["bad_rate"].to_list(),
        "development": [str(day) for day in split.development],
        "oot": [str(day) for day in split.oot],
        "oot_history_months": _median_history(snapshot.of(split.oot)),
        "features": list(features_in(snapshot.loans.columns)),
        "sources": snapshot.sources,
        "retired": {name: str(day) for name, day in snapshot.retired.items()},
        "tables": snapshot.tables,
    }


def _median_history(loans: pl.DataFrame) -> float | None:
    """Median months of history of the loans that have one; None where none has."""
    if not any(name in loans.columns for name in MONTHS):
        return None
    return (
        loans.select(months=longest_history()).filter(pl.col("months") > 0).select(pl.median("months")).item()
    )
