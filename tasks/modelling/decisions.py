"""Decisions of a training, each from what was loaded: is it due, which model is it, may it serve."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from tasks.errors import ModelStoreError, NothingToDoError, VintageError
from tasks.governance.policy import Gate, Policy
from tasks.labels.ripeness import cohorts_missing, newly_ripe
from tasks.modelling.challenger import (
    Challenger,
    TrainingConfig,
    build_gate_input,
    replay_walk_forward,
    share_paths,
)
from tasks.modelling.fallbacks import FallbackEnsemble, path_without, predict_ensemble
from tasks.modelling.splits import split_cohorts
from tasks.modelling.stacking import all_sources
from tasks.modelling.training_set import TrainingSnapshot, leave_out_retired
from tasks.monitoring.fairness import PROTECTED, FairnessVerdict, add_groups, judge_fairness
from tasks.monitoring.measurement import RedFigure
from tasks.registry.promotion_gate import decide, paths_to_judge
from tasks.registry.records import GATE, Change, Standing, end_override, take_over

TRAINED = "trained on ripe cohorts"


@dataclass(frozen=True)
class TrainingContext:
    """What is on record when a training begins: where models stand, and the card of the `previous` one.

    `ripe_cohorts` are application months with features and labels; `requested` says whether a monitored month
    since the last training asked for another; `unbuilt_months` came in, and their features were not built.
    """

    standing: Standing
    previous: Mapping[str, Any] | None
    ripe_cohorts: Sequence[date]
    requested: bool
    unbuilt_months: Sequence[date]


def find_kept_model(standing: Standing, *, restate: bool) -> str | None:
    """The model that the day has and keeps; a restatement trains the newest of these days again."""
    kept = standing.trained and not (restate and not standing.trained_after)
    return standing.trained[0] if kept else None


def require_due(context: TrainingContext, *, first: int, every: int) -> None:
    """Do nothing if enough cohorts are ripe, or one is and monitoring asked for a training.

    Needs:  the `first` training's number of cohorts, and that of new cohorts for `every` later one.
    Raises: NothingToDoError.
    """
    previous = context.previous["data"]["cohorts"] if context.previous else []
    trained_on = [date.fromisoformat(day) for day in previous]
    if context.requested and newly_ripe(context.ripe_cohorts, trained_on):
        return
    missing = cohorts_missing(context.ripe_cohorts, trained_on, first=first, every=every)
    if missing > 0:
        later = f"{every} new cohorts for the next model"
        kind = later if trained_on else f"{first} cohorts for the first model"
        raise NothingToDoError(
            f"No training on {context.standing.day}: {missing} of the {kind} are not ripe yet."
            f"{describe_unbuilt(context.unbuilt_months)}"
        )


def describe_unbuilt(months: Sequence[date]) -> str:
    """What to run where months came in only as the history of later ones: they have no labels either."""
    if not months:
        return ""
    return (
        f" The features flow of {len(months)} earlier months did not run, and without it none has labels: "
        f"vintage backfill --flows features --start {months[0]} --end {months[-1]}"
    )


def describe_gaps(context: TrainingContext, snapshot: TrainingSnapshot) -> list[str]:
    """Which months and features a training goes without, and how the next one gets them."""
    training, unbuilt = f"The training of {snapshot.as_of}", describe_unbuilt(context.unbuilt_months)
    fewer = f"{training} learns from fewer cohorts than came in.{unbuilt}" if unbuilt else ""
    without = f"{training} does without {_describe_lacking(snapshot.lacking)}" if snapshot.lacking else ""
    return [*filter(None, [fewer, without])]


def _describe_lacking(lacking: Mapping[date, Collection[str]]) -> str:
    names = sorted({name for features in lacking.values() for name in features})
    return (
        f"{', '.join(names)}, which {len(lacking)} of its months lack. Make it for the next one with: "
        f"vintage backfill --flows features --start {min(lacking)} --end {max(lacking)}"
    )


def require_both_outcomes(snapshot: TrainingSnapshot, config: TrainingConfig) -> None:
    """Do nothing if both the cohorts to learn from and those out of time hold good and bad loans.

    Raises: NothingToDoError.
    """
    split = split_cohorts(snapshot.ripe["snapshot_date"].to_list(), oot=config.oot_cohorts)
    for cohorts in (split.development, split.oot):
        if snapshot.of(cohorts)["label"].n_unique() < 2:
            raise NothingToDoError(
                f"No training on {snapshot.as_of}: the loans of {cohorts[0]:%Y-%m} to {cohorts[-1]:%Y-%m} "
                "all have the same outcome (single class), and a model needs both."
            )


def require_newest(standing: Standing) -> None:
    """Do nothing if no model was trained later, and no decision takes effect later.

    Raises: VintageError; ModelStoreError, as the registry itself would after the training.
    """
    if standing.trained_after:
        raise VintageError(
            f"A model of {standing.day} would be trained after {standing.trained_after[0]}, which was judged "
            "without it. Train in date order with an empty --datamart and --model-store, or leave "
            f"{standing.day} as it is."
        )
    if standing.latest > str(standing.day):
        raise ModelStoreError(
            f"The registry already holds a decision of {standing.latest}, so none can take effect on "
            f"{standing.day}: history is not edited. Use a date from {standing.latest} on."
        )


def identify_model(snapshot: TrainingSnapshot, config: TrainingConfig, label_def: str) -> str:
    """Id of the model that a training leads to: the day, and eight digits of a digest of what is learned."""
    rest = (*asdict(config).values(), label_def, *snapshot.history_digests)
    digest = hashlib.sha256(repr(rest).encode())
    digest.update(snapshot.loans.write_csv().encode())
    return f"{snapshot.as_of}-{digest.hexdigest()[:8]}"


def judge_groups(
    red: Sequence[RedFigure], ensemble: FallbackEnsemble, snapshot: TrainingSnapshot, policy: Policy
) -> FairnessVerdict:
    """What a model would do for each red group, on the newest applications, each by its score path."""
    if not red:
        return FairnessVerdict()
    months = snapshot.loans["snapshot_date"].unique().sort()[-policy.fairness.months :]
    newest = snapshot.loans.filter(pl.col("snapshot_date").is_in(months.implode()))
    people = newest.select("snapshot_date", *PROTECTED, pd=predict_ensemble(ensemble, newest))
    return judge_fairness(red, add_groups(people), limits=policy.fairness, cutoff=policy.cutoff)


def judge_challenger(
    challenger: Challenger, snapshot: TrainingSnapshot, limits: Gate, fairness: FairnessVerdict
) -> dict[str, Any]:
    """The gate's verdict on the challenger against the champion of the day, as the card records it.

    A champion that learned from a source which is retired since is compared as it will serve: without it.
    """
    champion, learned = snapshot.champion, leave_out_retired(snapshot)
    shares = paths_to_judge(share_paths(learned), limits)
    gone = set(all_sources(snapshot.loans)) - set(all_sources(learned.loans))
    paths = {path: path_without(path, gone, snapshot.loans) for path in shares}
    replayed = None
    if champion:
        theirs = tuple(paths.values())
        replayed = replay_walk_forward(champion, snapshot, challenger.split, theirs, gone=gone)
        by_path = {path: replayed.by_path[its] for path, its in paths.items()}
        replayed = replace(replayed, by_path=by_path)
    shown = build_gate_input(challenger, learned, champion=replayed, shares=shares, fairness=fairness)
    return {**asdict(decide(shown, limits)), "champion": champion["model_id"] if champion else None}


def decide_promotion(
    card: Mapping[str, Any], *, serving: str | None, former: str | None, frozen: str, auto_approve: bool
) -> list[Change]:
    """The registry's lines on a new model: challenger, and what the gate's verdict makes of it.

    Needs:  the card with the verdict, the champion that is `serving`, the `former` one in whose place it
            serves by an override, which ends when the gate rejects the next challenger, and why promotions
            are `frozen`, if so.
    """
    model_id, gate = card["model_id"], card["gate"]
    waits_for = frozen or gate.get("waits_for") or _judged_against_another(gate["champion"], serving)
    origin = f"recalibrated from {card['recalibration']['of']}" if "recalibration" in card else TRAINED
    why = origin + (f"; waits for a person: {waits_for}" if waits_for else "")
    trained = Change(model_id, "challenger", card["trained_by"], why, gate["figures"])
    if not gate["promoted"]:
        rejected = Change(model_id, "rejected", GATE, gate["why"], gate["figures"])
        return [trained, rejected, *(end_override(serving, former) if serving and former else [])]
    if waits_for or not auto_approve:
        return [trained]
    return [trained, *take_over(model_id, serving, by=GATE, why=gate["why"], figures=gate["figures"])]


def _judged_against_another(champion: str | None, serving: str | None) -> str:
    """Why the gate's verdict does not stand, when another model serves than the one it looked at."""
    if champion == serving:
        return ""
    return f"it was judged against {champion or 'no champion'}, and {serving or 'no model'} serves"
