"""One measured run in a process of its own; prints JSON with the seconds asked for and the peak memory.

python -m benchmarks.once features_one_go DATA DATAMART
python -m benchmarks.once features_by_month DATA DATAMART
python -m benchmarks.once features_unchecked DATA DATAMART
python -m benchmarks.once monitoring DATA HOME
python -m benchmarks.once monitoring_volume DATA DATAMART MODEL_STORE
python -m benchmarks.once prefect DATA HOME
python -m benchmarks.once walk_forward DATA HOME
python -m benchmarks.once training DATA HOME [SEARCH_LOANS]
python -m benchmarks.once scoring DATA HOME
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def features_one_go(data: str, datamart: str) -> dict[str, Any]:
    """Seconds of the features tasks, imports aside, for all months at once."""
    from tasks.ingestion.tasks import months_received

    settings = _settings(data, datamart)
    start = time.perf_counter()
    build_features(months_received(settings), settings)
    return {"seconds": time.perf_counter() - start}


def features_by_month(data: str, datamart: str) -> dict[str, Any]:
    """Seconds of the features tasks month by month: in all, and of each month."""
    from tasks.ingestion.tasks import months_received

    settings = _settings(data, datamart)
    start = time.perf_counter()
    months = months_received(settings)
    each: list[float] = []
    for month in months:
        before = time.perf_counter()
        build_features([month], settings)
        each.append(time.perf_counter() - before)
    return {"seconds": time.perf_counter() - start, "each": each}


def build_features(days: list[date], settings: Any) -> None:
    """The features flow's own work, without its runs."""
    from tasks.features.tasks import build_feature_store
    from tasks.ingestion.tasks import ingest
    from tasks.labels.tasks import build_labels

    for step in (ingest, build_labels, build_feature_store):
        step(days, settings)


def features_unchecked(data: str, datamart: str) -> dict[str, Any]:
    """As features_by_month, without any row rule or check of a file's rows: what checking costs."""
    from tasks.ingestion import tasks as ingest
    from tasks.ingestion import validation

    def take_all(source: Any, typed: Any, _month: Any, _before: Any) -> tuple[Any, list[Any]]:
        return typed.drop_nulls("snapshot_date").select(*source.silver_columns()), []

    vars(validation).update(_filter_rows=take_all, find_unreadable=lambda *_: {})
    vars(ingest).update(_require_acceptable=lambda *_, **__: None)
    return features_by_month(data, datamart)


def monitoring(data: str, home: str) -> dict[str, Any]:
    """Seconds to monitor the newest month and to write its report; a walk-forward run must be there."""
    from tasks.monitoring.tasks import monitor_month
    from tasks.reporting.html_report import build_report
    from tasks.store import tables

    import_module("sklearn.linear_model")  # which a process imports once, for its first slope
    settings = home_settings(data, home, trials=8)
    day = tables.snapshot_dates("gold.monitoring", settings)[-1]
    start = time.perf_counter()
    monitor_month(day, settings)
    measured = time.perf_counter() - start
    start = time.perf_counter()
    build_report(day, settings)
    return {"seconds": measured, "report": time.perf_counter() - start}


def monitoring_volume(data: str, datamart: str, model_store: str) -> dict[str, Any]:
    """Seconds to monitor the newest month, of which the store's first model scored the half year before.

    The features must be there; the model is trained on the twelfth month if the store has none.
    """
    from tasks.modelling.tasks import promote, train_challenger
    from tasks.monitoring.tasks import monitor_month
    from tasks.registry.history import load_registry
    from tasks.scoring.tasks import score_day
    from tasks.store import tables

    settings = _settings(data, datamart, model_store=Path(model_store), trials=1)
    days = tables.snapshot_dates("gold.feature_store", settings)
    if not load_registry(settings).entries:
        promote(days[11], train_challenger(days[11], settings), settings)
    for day in days[11:]:
        score_day(day, settings)
    start = time.perf_counter()
    monitor_month(days[-1], settings)
    return {"seconds": time.perf_counter() - start}


def prefect(data: str, home: str) -> dict[str, Any]:
    """Seconds that Prefect adds to a run of the features flow, waits included, once a server answers."""
    os.environ["PREFECT_HOME"] = home
    from flows import server
    from flows.engine import run_flow
    from flows.features import features
    from tasks.ingestion.tasks import months_received

    def seconds(name: str) -> float:
        settings = _settings(data, Path(home) / name)
        first, *others = months_received(settings)
        run_flow(features, first, settings)
        start = time.perf_counter()
        for month in others:
            run_flow(features, month, settings)
        return (time.perf_counter() - start) / len(others)

    plain = seconds("plain")
    server.start()
    try:
        return {"seconds": seconds("recorded") - plain}
    finally:
        server.stop()


def walk_forward(data: str, home: str) -> dict[str, Any]:
    """AUC per application month by the champion of that day; first model at four ripe cohorts."""
    from flows.backfill import FLOWS, flow_named
    from flows.engine import run_flow
    from tasks.errors import NothingToDoError
    from tasks.ingestion.tasks import months_received
    from tasks.reporting.status import month_table

    settings = home_settings(data, home, first_training_cohorts=4)
    start = time.perf_counter()
    for month in months_received(settings):
        for flow in map(flow_named, FLOWS):
            try:
                run_flow(flow, month, settings)
            except NothingToDoError:
                continue
    ripe = month_table(settings).drop_nulls("auc")
    aucs = {str(row["month"]): row["auc"] for row in ripe.to_dicts()}
    return {"seconds": time.perf_counter() - start, "aucs": aucs}


def training(data: str, home: str, search_loans: str = "") -> dict[str, Any]:
    """Seconds of one training of 30 trials a family on the newest month; features must be there.

    `search_loans` is the most loans that the search looks at, instead of the usual number.
    """
    from tasks.modelling import candidates as core
    from tasks.modelling.tasks import promote, train_challenger
    from tasks.registry.history import load_registry
    from tasks.registry.registered_files import read_card
    from tasks.store import tables

    settings = home_settings(data, home, trials=30)
    if search_loans:
        vars(core).update(SEARCH_LOANS=int(search_loans))
    day = tables.snapshot_dates("gold.feature_store", settings)[-1]
    start = time.perf_counter()
    model_id = train_challenger(day, settings)
    seconds = time.perf_counter() - start
    promote(day, model_id, settings)
    card = read_card(load_registry(settings), model_id)
    return {"seconds": seconds, "loans": card["data"]["n_loans"], "auc": card["gate"]["figures"]["auc"]}


def scoring(data: str, home: str) -> dict[str, Any]:
    """Seconds to score a million applications: PD, grade, reasons; a model must be there."""
    import polars as pl

    from tasks.registry.history import load_registry
    from tasks.registry.registered_files import load_model
    from tasks.scoring.predictions import score_applications
    from tasks.store import tables

    settings = home_settings(data, home, trials=30)
    applications = tables.scan("gold.feature_store", settings).collect()
    million = pl.concat([applications] * (1_000_000 // applications.height + 1)).head(1_000_000)
    registry = load_registry(settings)
    model_id = registry.entries[0].model_id
    model = load_model(registry, model_id)
    start = time.perf_counter()
    scored = score_applications(million, model, model_id=model_id)
    return {"seconds": time.perf_counter() - start, "n": scored.height}


def home_settings(data: str, home: str, **values: Any) -> Any:
    return _settings(data, Path(home) / "datamart", model_store=Path(home) / "model_store", **values)


def _settings(data: str, datamart: str | Path, **values: Any) -> Any:
    """The settings of a run, for whose lender this process then works."""
    from tasks.config import checked_settings
    from tasks.schemas.catalog import TABLES

    settings = checked_settings({"data": Path(data), "datamart": Path(datamart), **values})
    list(TABLES)  # a process makes the lender's tables once, as it imports once
    return settings


RUNS = (
    features_one_go,
    features_by_month,
    features_unchecked,
    prefect,
    walk_forward,
    monitoring,
    monitoring_volume,
    training,
    scoring,
)


def main() -> None:
    """Run what the first argument names with the rest of them."""
    runs: dict[str, Callable[..., dict[str, Any]]] = {run.__name__: run for run in RUNS}
    result = runs[sys.argv[1]](*sys.argv[2:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**result, "peak_mb": peak}))


if __name__ == "__main__":
    main()
