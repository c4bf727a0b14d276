"""What a backfill would do, step by step, read from the tables and the registry alone: nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.labels.ripeness import cohorts_missing
from tasks.months import months_before
from tasks.registry.history import (
    Registry,
    champion_on,
    load_registry,
    newest_trained_before,
    trained_after,
    trained_on,
)
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import settings_on
from tasks.store import tables

Step = tuple[str, str]  # whether it runs (yes, no, perhaps), and why


@dataclass
class _Outlook:
    """What will be there when a step runs: months with features or scores, cohorts learned, trainings.

    `lacking` are the columns of gold.feature_store that months have not.
    """

    built: set[date]
    lacking: dict[date, list[str]]
    scored: set[date]
    registry: Registry
    learned: set[date] = field(default_factory=set[date])
    trainings: list[date] = field(default_factory=list[date])


def plan_backfill(days: Sequence[date], names: Sequence[str], settings: Settings) -> pl.DataFrame:
    """One row per step in the order in which it would run: month, flow, runs, why.

    `runs` is yes, no or perhaps: a training decides who serves, and the files what comes in.
    """
    outlook = _Outlook(
        set(tables.snapshot_dates("gold.feature_store", settings)),
        {day: sorted(names) for day, names in tables.missing_columns("gold.feature_store", settings).items()},
        set(tables.snapshot_dates("gold.predictions", settings)),
        load_registry(settings),
    )
    steps = {"features": _features, "training": _training, "inference": _inference, "monitoring": _monitoring}
    rows = [(day, name, *steps[name](day, outlook, settings)) for day in days for name in names]
    schema = {"month": pl.Date(), "flow": pl.String(), "runs": pl.String(), "why": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _features(day: date, outlook: _Outlook, _settings: Settings) -> Step:
    again, lacking = day in outlook.built, outlook.lacking.pop(day, [])
    outlook.built.add(day)
    if lacking:
        return "yes", f"taken in without {', '.join(lacking)}"
    return "yes", "taken in already: checked again" if again else "new, if the files hold the month"


def _training(day: date, outlook: _Outlook, settings: Settings) -> Step:
    registry, held = outlook.registry, settings_on(day, settings)
    kept, newer = trained_on(registry, day), trained_after(registry, day)
    if kept:
        return "no", f"keeps {kept[0]}"
    if newer:
        return "no", f"{newer[0]} is newer, and models are trained in date order"
    if not outlook.trainings:
        last = newest_trained_before(registry, day)
        cohorts = read_card(registry, last)["data"]["cohorts"] if last else []
        outlook.learned |= {date.fromisoformat(cohort) for cohort in cohorts}
    ripe = sorted(cohort for cohort in outlook.built if cohort <= months_before(day, held.label_mob))
    first, every = held.first_training_cohorts, held.retrain_every_cohorts
    missing = cohorts_missing(ripe, sorted(outlook.learned), first=first, every=every)
    if missing > 0:
        return "no", f"{missing} more cohorts must ripen, unless an action requires a training"
    outlook.learned |= {*ripe}
    outlook.trainings.append(day)
    return "yes", f"{len(ripe)} ripe cohorts"


def _inference(day: date, outlook: _Outlook, _settings: Settings) -> Step:
    champion = champion_on(outlook.registry, day)
    if day not in outlook.built:
        return "no", "the month has no features"
    if not champion and not outlook.trainings:
        return "no", "no champion is effective yet"
    outlook.scored.add(day)
    if outlook.trainings:
        return "perhaps", f"by what serves after the training of {outlook.trainings[-1]}"
    return "yes", f"by {champion.model_id if champion else ''}"


def _monitoring(day: date, outlook: _Outlook, _settings: Settings) -> Step:
    return ("yes", "scored") if day in outlook.scored else ("no", "no application is scored")
