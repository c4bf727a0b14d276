"""Small loan books for tests: rows of one table, or a whole lender's files."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from flows.cli.main import command
from flows.engine import run_flow
from flows.features import features
from flows.inference import inference
from flows.monitoring import monitoring
from flows.training import training
from simulator.lender import Lender, simulate
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tasks.registry import models
from tasks.registry.anchors import ANCHORED
from tasks.registry.history import load_registry, registry_path
from tasks.registry.records import Entry
from tasks.schemas.catalog import TABLES
from tasks.schemas.feature_store import FEATURES, MEASURES
from tasks.store import tables
from tasks.store.sealed_lines import digest_of_last, seal_line

FLOWS = (features, training, inference, monitoring)
START = date(2023, 1, 1)


def month(number: int) -> date:
    """The first of the number-th month of the book, from 0."""
    return date(START.year + number // 12, number % 12 + 1, 1)


def months(n: int) -> list[date]:
    """The first n months of the book."""
    return [month(number) for number in range(n)]


def loan_rows(
    *,
    snapshot_date: date,
    loan_start_date: date = START,
    installment_num: int = 6,
    due_amt: float = 100.0,
    overdue_amt: float = 0.0,
    loan_id: str = "loan_1",
) -> pl.LazyFrame:
    """One row of silver.loans."""
    return pl.LazyFrame(
        {
            "loan_id": [loan_id],
            "customer_id": [f"CUS_of_{loan_id}"],
            "loan_start_date": [loan_start_date],
            "installment_num": [installment_num],
            "tenure": [12],
            "loan_amt": [1200.0],
            "due_amt": [due_amt],
            "overdue_amt": [overdue_amt],
            "paid_amt": [0.0],
            "balance": [600.0],
            "snapshot_date": [snapshot_date],
        }
    )


def clickstream_rows(customer_id: str, values: Sequence[int], first: date = START) -> pl.LazyFrame:
    """One row of silver.clickstream per value, a month apart; every measure has the month's value."""
    days = [date(first.year, first.month + i, 1) for i in range(len(values))]
    measures = {measure: list(values) for measure in MEASURES}
    return pl.LazyFrame({"customer_id": [customer_id] * len(values), "snapshot_date": days, **measures})


def write_book(folder: Path, *, n_months: int, loans_per_month: int = 80, seed: int = 1) -> Path:
    """The four files of a simulated lender."""
    simulate(Lender(START, n_months, loans_per_month, seed), folder)
    return folder


def rewrite(source: Path, target: Path, change: pl.Expr | None = None, *, shuffle: bool = False) -> Path:
    """Copy the lender's files, keeping the rows for which `change` holds, in the same or another order."""
    target.mkdir(parents=True)
    for file in source.glob("*.csv"):
        rows = pl.read_csv(file, infer_schema=False)
        if change is not None and "snapshot_date" in rows.columns:
            rows = rows.filter(change)
        if shuffle:
            rows = rows.sample(fraction=1.0, shuffle=True, seed=7)
        rows.write_csv(target / file.name)
    return target


def usable_card(model_id: str, day: date, **code: str) -> dict[str, Any]:
    """The least card of a model that this code and its libraries can load, but for what `code` says."""
    made = {"revision": "abc", "scikit-learn": version("scikit-learn"), **code}
    return {"model_id": model_id, "as_of": str(day), "code": made, "data": {"features": list(FEATURES)}}


def quick_settings(data: Path, home: Path) -> Settings:
    """Settings under which a small book has models soon: three ripe cohorts, one trial."""
    return Settings(
        data=data,
        datamart=home / "datamart",
        model_store=home / "model_store",
        first_training_cohorts=3,
        retrain_every_cohorts=2,
        trials=1,
    )


def exit_code(settings: Settings, *words: str) -> int:
    """What the command line ends with, run in this process on the store of the settings."""
    try:
        command([*words, "--datamart", str(settings.datamart), "--model-store", str(settings.model_store)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def run_months(settings: Settings, days: Iterable[date]) -> None:
    """The four flows of each day, in this process; nothing to do is passed over."""
    for day in days:
        for flow in FLOWS:
            try:
                run_flow(flow, day, settings)
            except NothingToDoError:
                continue


def take_in(settings: Settings, days: Sequence[date]) -> None:
    """What the features flow makes of months that come in together, as fast as it goes."""
    for step in (ingest, build_labels, build_feature_store):
        step(days, settings)


def all_tables(settings: Settings, *, until: date) -> dict[str, pl.DataFrame]:
    """Every table up to a day, sorted."""
    return {
        name: tables.scan(name, settings, until=until).collect().sort("snapshot_date", *table.key)
        for name, table in TABLES.items()
    }


def register_anew(settings: Settings) -> None:
    """Write the registry again with the digests of the files as they are now, as if made by other code.

    What the tables note of it changes with it.
    """
    path, text = registry_path(settings), ""
    before = path.read_text().splitlines()
    for entry in load_registry(settings).entries:
        digests = models.digests_of(entry.model_id, settings)
        sha256 = digests.pop(models.ARTEFACT)
        kept = {k: v for k, v in asdict(entry).items() if k not in ("previous", "seal")}
        text += seal_line({**kept, "sha256": sha256, "files": digests}, text) + "\n"
    path.write_text(text)
    for name in ANCHORED:
        for log in (tables.path_of(name, settings) / "_delta_log").glob("*.json"):
            noted = log.read_text()
            for old, new in zip(before, text.splitlines(), strict=True):
                noted = noted.replace(digest_of_last(old), digest_of_last(new))
            log.write_text(noted)


def forget_notes(settings: Settings, *names: str) -> None:
    """Leave tables, else all that are anchored, as older code wrote them: without notes of the registry."""
    for name in names or ANCHORED:
        for log in (tables.path_of(name, settings) / "_delta_log").glob("*.json"):
            log.write_text(log.read_text().replace("vintage.", "forgotten."))


def registry_until(settings: Settings, day: date) -> list[Entry]:
    """The registry's lines effective by a day."""
    return [entry for entry in load_registry(settings).entries if entry.effective_from <= str(day)]
