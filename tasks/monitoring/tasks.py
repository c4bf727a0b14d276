"""Measure the month into gold.monitoring, and what follows from it into gold.actions."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import polars as pl

from tasks.config import Settings
from tasks.decisions.applications import add_known, read_online
from tasks.errors import NothingToDoError
from tasks.features.presence import has_no_applications
from tasks.governance.policy import Policy
from tasks.governance.source_log import retired_on
from tasks.labels.cohorts import ripe_cohorts
from tasks.labels.ripeness import newly_ripe
from tasks.monitoring.actions import read_past
from tasks.monitoring.backtest import development_benchmark, measure_backtest, newest_cohorts
from tasks.monitoring.early_arrears import keep_arrears, measure_arrears
from tasks.monitoring.expected_auc import count_optimistic
from tasks.monitoring.fairness import PROTECTED, add_groups, measure_fairness
from tasks.monitoring.measurement import Measurement, measurement, to_rows
from tasks.monitoring.month_actions import decide_actions
from tasks.monitoring.monthly import Month, measure_cohort, measure_month
from tasks.monitoring.score_paths import split_by_path, usual_months
from tasks.monitoring.stability import add_month_values
from tasks.months import months_before
from tasks.prefect import io_task
from tasks.registry.history import Registry, champion_on, load_registry, newest_trained_before
from tasks.registry.registered_files import find_changed_files, read_card, read_reference
from tasks.registry.settings_history import note_heads
from tasks.registry.settings_of_record import policy_on
from tasks.schemas.catalog import TABLES, in_order
from tasks.schemas.monitoring import Monitoring
from tasks.sources.applications import read_applications
from tasks.store import tables

SCORES = ("loan_id", "pd", "grade", "model_id", "fallback")


@io_task
def monitor_month(as_of: date, settings: Settings) -> int:
    """Replace the `as_of` partitions of gold.actions and gold.monitoring; return the number of figures.

    Raises: NothingToDoError when the day has no predictions, as before the first champion.
    """
    adopted = policy_on(as_of, settings)
    months = [months_before(as_of, back) for back in range(1, adopted.policy.months_in_a_row)]
    before = tables.read("gold.monitoring", settings, on=months)
    earlier = [before.filter(snapshot_date=month) for month in months]
    registry = load_registry(settings)
    figures = _measure(as_of, registry, settings, adopted.policy, earlier)
    actions = decide_actions(
        figures,
        earlier,
        as_of=as_of,
        policy=adopted.policy,
        digest=adopted.digest,
        past=read_past(as_of, registry, settings),
    )
    write = partial(
        tables.replace_partitions, days=[as_of], settings=settings, notes=note_heads(registry, settings)
    )
    write("gold.actions", actions)
    # Last: a month counts as monitored once it is decided, so a run that was cut short loses no freeze.
    return write("gold.monitoring", figures)


def _measure(
    as_of: date, registry: Registry, settings: Settings, policy: Policy, earlier: Sequence[pl.DataFrame]
) -> pl.DataFrame:
    """Rows of gold.monitoring of the day."""
    champion = champion_on(registry, as_of)
    n_months = max(policy.fairness.months, policy.paths.months + 1)
    scored = _scored([months_before(as_of, back) for back in range(n_months)], registry, settings)
    today = scored.filter(snapshot_date=as_of)
    by_batch = today.filter(pl.col("known").is_null())
    if champion is None or (by_batch.is_empty() and not has_no_applications(as_of, settings)):
        raise NothingToDoError(f"No monitoring on {as_of}: no application of that day was scored.")
    model_id = str(today["model_id"][0]) if today.height else champion.model_id
    usual = _count_paths(scored, usual_months(as_of, policy.paths))
    applications = replace(_read_month(as_of, today, registry, settings, earlier), usual_paths=usual)
    month = to_rows(
        [
            *measure_month(applications, policy),
            _cohorts_since_training(as_of, registry, settings),
            _artefact(model_id, registry),
        ],
        as_of=as_of,
        window=f"month {as_of:%Y-%m}",
        model_id=model_id,
    )
    groups = _measure_groups(as_of, scored, settings, policy, model_id=model_id)
    ripened = _ripened(as_of, settings, policy)
    rows = [
        month,
        groups,
        _young(as_of, registry, settings, policy),
        ripened,
        _forecasts(as_of, ripened, settings, model_id),
        _pooled(as_of, registry, settings, policy),
    ]
    return in_order(pl.DataFrame(Monitoring.validate(pl.concat(rows))), TABLES["gold.monitoring"])


def _scored(months: Sequence[date], registry: Registry, settings: Settings) -> pl.DataFrame:
    """The applications of months as the batch scored them, and those that only the service answered.

    The latter are by their month's model, and come with what was `known`; it is null for the batch.
    """
    batch = tables.read("gold.predictions", settings, on=months)
    champions = {month: champion.model_id for month in months if (champion := champion_on(registry, month))}
    models = champions | dict(batch.group_by("snapshot_date").agg(pl.col("model_id").first()).rows())
    return pl.concat([batch, read_online(models, batch, settings)], how="diagonal")


def _read_month(
    as_of: date,
    scores: pl.DataFrame,
    registry: Registry,
    settings: Settings,
    earlier: Sequence[pl.DataFrame],
) -> Month:
    """What the applications that came in on the day are measured on; without any, the deliveries alone."""
    deliveries = tables.read("bronze.deliveries", settings, on=as_of)
    if scores.is_empty():
        return Month(scores, scores, {}, deliveries, earlier)
    model_id = str(scores["model_id"][0])
    features = add_known(read_applications(as_of, [model_id], settings), scores.drop_nulls("known"))
    past = tables.scan_history(settings, on=[as_of]).collect()
    return Month(
        applications=add_month_values(features, past),
        scores=scores,
        reference=read_reference(registry, model_id),
        deliveries=deliveries,
        earlier=earlier,
        retired=retired_on(as_of, settings),
    )


def _count_paths(scored: pl.DataFrame, months: Collection[date]) -> dict[str, int]:
    """How many applications of some months took each score path."""
    counted = scored.filter(pl.col("snapshot_date").is_in(months)).group_by("fallback").len()
    return dict(counted.sort("fallback").rows())


def _cohorts_since_training(as_of: date, registry: Registry, settings: Settings) -> Measurement:
    """How many cohorts ripened since the last training before the day; due when the day had to train."""
    ripe = ripe_cohorts(as_of, settings)
    last = newest_trained_before(registry, as_of)
    cohorts = read_card(registry, last)["data"]["cohorts"] if last else []
    trained_on = [date.fromisoformat(day) for day in cohorts]
    newly = newly_ripe(ripe, trained_on)
    wanted = settings.retrain_every_cohorts if last else settings.first_training_cohorts
    return measurement(
        "cohorts_since_training",
        "labels",
        len(ripe),
        float(len(newly)),
        reference=float(wanted),
        status="due" if len(newly) >= wanted else "measured",
    )


def _artefact(model_id: str, registry: Registry) -> Measurement:
    """Whether every file of the model is the one that was registered: 1 or 0."""
    whole = not find_changed_files(registry, of=model_id)
    return measurement(
        "artefact", "model", 1, float(whole), reference=1.0, status="green" if whole else "red"
    )


def _measure_groups(
    as_of: date, scored: pl.DataFrame, settings: Settings, policy: Policy, *, model_id: str
) -> pl.DataFrame:
    """Fairness of the newest months pooled; who is in which group never leaves this function."""
    months = [months_before(as_of, back) for back in range(policy.fairness.months)]
    # What was answered in one month and is a loan of another counts once, as the batch knows it.
    scored = scored.filter(pl.col("snapshot_date").is_in(months)).sort("known", maintain_order=True)
    scored = scored.unique("loan_id", keep="first", maintain_order=True)
    known = (
        tables.scan("gold.feature_store", settings, on=months)
        .select("loan_id", "snapshot_date", *PROTECTED)
        .collect()
    )
    people = add_known(known, scored.drop_nulls("known")).join(
        scored.select("loan_id", "pd"), on="loan_id", how="inner", validate="1:1"
    )
    measured = measure_fairness(add_groups(people), limits=policy.fairness, cutoff=policy.cutoff)
    window = f"months {months[-1]:%Y-%m} to {as_of:%Y-%m}"
    return to_rows(measured, as_of=as_of, window=window, model_id=model_id)


def _young(as_of: date, registry: Registry, settings: Settings, policy: Policy) -> pl.DataFrame:
    """Early arrears of the cohort that is so many months on book on the day."""
    cohort = months_before(as_of, policy.arrears.mob)
    loans = tables.scan("silver.loans", settings, on=[as_of])
    arrears = keep_arrears(loans, mob=policy.arrears.mob).collect()
    scored = tables.read("gold.predictions", settings, on=cohort).select(SCORES)
    young = scored.join(arrears, on="loan_id", how="inner", validate="1:1").sort("loan_id")
    model_id = str(young["model_id"][0]) if young.height else "none"
    counts = read_reference(registry, model_id)["arrears"] if young.height else {}
    found = [
        measure_arrears(rows, counts, limits=policy.arrears, path=path)
        for path, rows in split_by_path(young, policy.paths)
    ]
    return to_rows(found, as_of=as_of, window=f"cohort {cohort:%Y-%m}", model_id=model_id)


def _ripened(as_of: date, settings: Settings, policy: Policy) -> pl.DataFrame:
    """Figures of the cohort whose labels came to exist on `as_of`, by the model that scored it."""
    labels = tables.read("gold.label_store", settings, on=as_of)
    ripened = _with_scores(labels.lazy(), settings, until=as_of).sort("loan_id").collect()
    scored_by = str(ripened["model_id"][0]) if ripened.height else "none"
    cohort = labels["loan_start_date"].unique().sort().to_list()[:1]
    found = [
        figure
        for path, rows in split_by_path(ripened, policy.paths)
        for figure in measure_cohort(rows, f"score{path}")
    ]
    return to_rows(found, as_of=as_of, window=_named(cohort), model_id=scored_by)


def _forecasts(as_of: date, ripened: pl.DataFrame, settings: Settings, model_id: str) -> pl.DataFrame:
    """How many forecasts of the AUC were too high so far, the cohort that ripened on the day included."""
    before = tables.scan("gold.monitoring", settings, until=as_of).filter(pl.col("snapshot_date") < as_of)
    figures = pl.concat([before.select(ripened.columns).collect(), ripened])
    return to_rows([count_optimistic(figures)], as_of=as_of, window="months so far", model_id=model_id)


def _pooled(as_of: date, registry: Registry, settings: Settings, policy: Policy) -> pl.DataFrame:
    """Figures of the newest ripe cohorts together, by the models that scored them, and by score path."""
    ripe = _with_scores(tables.scan("gold.label_store", settings, until=as_of), settings, until=as_of)
    cohorts = ripe.select(pl.col("loan_start_date").unique()).collect().to_series().to_list()
    newest = newest_cohorts(cohorts, policy.ranking)
    pooled = ripe.filter(pl.col("loan_start_date").is_in(newest)).sort("loan_id").collect()
    models = pooled["model_id"].unique().sort().to_list()
    cards = {model_id: read_card(registry, model_id) for model_id in models}
    found: list[Measurement] = []
    for path, rows in split_by_path(pooled, policy.paths):
        counts = rows.group_by("model_id", "fallback").len().sort("model_id", "fallback").rows()
        benchmark = development_benchmark({(one, by): n for one, by, n in counts}, cards) if counts else None
        found += measure_backtest(rows, benchmark, policy=policy, path=path)
    return to_rows(found, as_of=as_of, window=_named(newest), model_id=" ".join(models) or "none")


def _named(cohorts: Sequence[date]) -> str:
    if len(cohorts) < 2:
        return f"cohort {cohorts[0]:%Y-%m}" if cohorts else "no ripe cohort"
    return f"cohorts {cohorts[0]:%Y-%m} to {cohorts[-1]:%Y-%m}"


def _with_scores(labels: pl.LazyFrame, settings: Settings, *, until: date) -> pl.LazyFrame:
    predictions = tables.scan("gold.predictions", settings, until=until).select(SCORES)
    return labels.join(predictions, on="loan_id", how="inner", validate="1:1")
