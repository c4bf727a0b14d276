"""Whether the service says what the batch said: rows of its own datamart, answered again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from serving.answers import Application, answer
from serving.customer_state import load_state
from serving.snapshot import ServedModel, Snapshot, load_snapshot
from tasks.config import Settings
from tasks.registry.history import load_registry
from tasks.registry.registered_files import load_model
from tasks.schemas.reasons import REASONS
from tasks.schemas.source_features import BETWEEN, other_features
from tasks.scoring.compiled_model import CompiledModel, score_rows
from tasks.scoring.predictions import score_by_pipelines
from tasks.sources.applications import read_applications
from tasks.store import tables

MAX_DIFFERENCE = 1e-12  # of a PD: beyond it the two ways of scoring are not the same
SAMPLE = 200
Said = tuple[Any, ...]


@dataclass(frozen=True)
class SelfTest:
    """What the test found: of how many applications of which month, and what is wrong; nothing is ready.

    `n_moved` is the number of grades that are others without the history of the month itself, which the batch
    at its end knows and the service on the day of an application cannot.
    """

    month: date | None
    n: int
    n_moved: int
    wrong: tuple[str, ...]


def load_tested(day: date, settings: Settings) -> tuple[Snapshot, SelfTest]:
    """A day's snapshot, but for the state of its customers, and whether the service says what the batch said.

    Raises: as `load_snapshot`.
    """
    snapshot = load_snapshot(day, settings, customers=[])
    return snapshot, run_self_test(snapshot, settings)


def run_self_test(live: Snapshot, settings: Settings, *, sample: int = SAMPLE) -> SelfTest:
    """The newest scored month answered again, and the live champion's arrays against its pipelines."""
    months = [day for day in tables.snapshot_dates("gold.predictions", settings) if day <= live.day]
    if not months:
        return SelfTest(None, 0, 0, ())
    found = replay_month(months[-1], settings, known=[live.model], sample=sample)
    if any(live.model.model_id in line for line in found.wrong):
        return found
    return replace(found, wrong=(*found.wrong, *compare_with_pipelines(live.model, months[-1], settings)))


def replay_month(
    day: date, settings: Settings, *, known: Sequence[ServedModel] = (), sample: int | None = None
) -> SelfTest:
    """The rows of gold.predictions of a month, or the first of them, answered again as on that day."""
    rows = tables.read("gold.predictions", settings, on=day).head(sample or 2**31)
    customers = rows["customer_id"].to_list()
    snapshot = load_snapshot(day, settings, known=known, customers=customers)
    asked = [
        Application(row["customer_id"], row["loan_id"], day, stated)
        for row, stated in zip(
            rows.to_dicts(), _stated_by_others(rows, snapshot.model.compiled, settings), strict=True
        )
    ]
    said = [one for one, _ in answer(snapshot, asked)]
    wrong = [
        f"{row['loan_id']} of {day}: {_of_answer(got)} now, {_of_row(row)} in gold.predictions by "
        f"{row['model_id']}"
        for row, got in zip(rows.to_dicts(), said, strict=True)
        if not _same(_of_row(row), _of_answer(got))
    ]
    state = load_state(day, settings, customers=customers, before=True)
    earlier = [one["grade"] for one, _ in answer(replace(snapshot, state=state), asked)]
    moved = sum(one["grade"] != grade for one, grade in zip(said, earlier, strict=True))
    return SelfTest(day, rows.height, moved, tuple(wrong))


def compare_with_pipelines(model: ServedModel, day: date, settings: Settings) -> list[str]:
    """Where the arrays of a model do not say of a month's applications what its pipelines say."""
    applications = read_applications(day, [model.model_id], settings).head(SAMPLE)
    ensemble = load_model(load_registry(settings), model.model_id)
    rows = score_by_pipelines(applications, ensemble, model_id=model.model_id).to_dicts()
    scores = score_rows(model.compiled, applications.to_dicts())
    said = [(one.pd, one.grade, one.path, *one.reasons) for one in scores]
    return [
        f"{row['loan_id']} of {day}: {got} by the arrays of {model.model_id}, {_of_row(row)} by its pipelines"
        for row, got in zip(rows, said, strict=True)
        if not _same(_of_row(row), got)
    ]


def _stated_by_others(
    rows: pl.DataFrame, compiled: CompiledModel, settings: Settings
) -> list[Mapping[str, Mapping[str, Any]]]:
    """What other teams' sources said of each application, as the front end would state it."""
    learned = set(other_features([*compiled.layout.numbers, *compiled.layout.words]))
    if not learned:
        return [{}] * rows.height
    days = rows["snapshot_date"].unique().to_list()
    found = tables.scan("gold.source_features", settings, on=days).collect()
    stated: dict[str, dict[str, dict[str, Any]]] = {loan_id: {} for loan_id in rows["loan_id"]}
    for line in found.to_dicts():
        if line["loan_id"] in stated and line["feature"] in learned:
            value = line["word"] if line["number"] is None else line["number"]
            column = line["feature"].split(BETWEEN, 1)[1]
            stated[line["loan_id"]].setdefault(line["source"], {})[column] = value
    return list(stated.values())


def _of_row(row: Mapping[str, Any]) -> Said:
    return (row["pd"], row["grade"], row["fallback"], *(row[name] for name in REASONS))


def _of_answer(got: Mapping[str, Any]) -> Said:
    codes = [reason["code"] for reason in got["reasons"]]
    return (got["pd"], got["grade"], got["score_path"], *codes, *[None] * (len(REASONS) - len(codes)))


def _same(one: Said, other: Said) -> bool:
    return abs(one[0] - other[0]) <= MAX_DIFFERENCE and one[1:] == other[1:]
