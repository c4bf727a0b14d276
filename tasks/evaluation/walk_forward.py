"""Replay training and scoring month by month, each with what was known on its day, and measure the scores."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from tasks.charts.evaluation import draw_evaluation
from tasks.charts.style import to_svg
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.evaluation.scorers import Predict, Scorer, fit_scorer, score_with, scorers_of, summarise_scores
from tasks.ingestion.raw_folder import local_data
from tasks.modelling.loading import load_training_data
from tasks.modelling.tasks import promote, train_challenger
from tasks.modelling.training_set import keep_features
from tasks.place import Place
from tasks.registry.anchors import replay_store
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import load_model, read_card
from tasks.registry.settings_of_record import settings_on
from tasks.scoring.predictions import score_applications
from tasks.sources.applications import read_applications
from tasks.sources.tasks import sources_of
from tasks.store import documents, tables

LOG = logging.getLogger("vintage")
CHAMPION, TRUE_PD = "champion", "true PD"
TRUTH = "true_default_probability.csv"


@dataclass
class _Replay:
    """The rival scorers of the champion's card, fitted on the day of its training and kept until the next."""

    settings: Settings
    ablations: bool
    fitted: dict[str, list[tuple[str, Scorer, Predict]]] = field(default_factory=dict)

    def rivals(self, model_id: str) -> list[tuple[str, Scorer, Predict]]:
        """Name, scorer and what it predicts with, of each rival."""
        if model_id not in self.fitted:
            card = read_card(load_registry(self.settings), model_id)
            used = sources_of([model_id], self.settings)
            day = date.fromisoformat(card["as_of"])
            snapshot = load_training_data(day, self.settings, sources=used)
            snapshot = keep_features(snapshot, card["data"]["features"])
            scorers = scorers_of(card, ablations=self.ablations)
            self.fitted[model_id] = [
                (name, scorer, fit_scorer(scorer, snapshot, seed=card["setup"]["seed"]))
                for name, scorer in scorers.items()
            ]
        return self.fitted[model_id]


def evaluate(
    start: date, end: date, settings: Settings, *, ablations: bool, step: Callable[[date], None]
) -> tuple[pl.DataFrame, Place]:
    """Figures per scorer and month from `start` to `end`, and the CSV they were written to, beside a chart.

    Models are trained and promoted again, by the tasks of the flows and the settings on record, in a store
    that is thrown away: the project's own models and predictions stay as they are. `step` is called with each
    month before it is replayed.
    Raises: NothingToDoError when no month of the range has both a champion and labels.
    """
    days = [day for day in tables.snapshot_dates("gold.feature_store", settings) if day <= end]
    with replay_store() as folder:
        replay = _Replay(settings.model_copy(update={"model_store": folder}), ablations)
        scored: list[pl.DataFrame] = []
        for day in days:
            step(day)
            _train(day, settings_on(day, settings).model_copy(update={"model_store": folder}))
            scored += _score(day, replay) if day >= start else []
    return _publish(scored, start, end, settings)


def _train(day: date, settings: Settings) -> None:
    with suppress(NothingToDoError):
        promote(day, train_challenger(day, settings), settings)


def _score(day: date, replay: _Replay) -> list[pl.DataFrame]:
    """Rows (scorer, month, loan_id, pd) of the day's applications; none before the first champion."""
    registry = load_registry(replay.settings)
    champion = champion_on(registry, day)
    if champion is None:
        return []
    applications = read_applications(day, [champion.model_id], replay.settings)
    past = tables.scan_history(replay.settings, until=day)
    ensemble = load_model(registry, champion.model_id)
    pds = {CHAMPION: score_applications(applications, ensemble, model_id=champion.model_id)["pd"]}
    for name, scorer, predict in replay.rivals(champion.model_id):
        pds[name] = pl.Series(score_with(scorer, predict, applications, past))
    loans = applications.select("loan_id", month="snapshot_date")
    return [loans.with_columns(scorer=pl.lit(name), pd=pd) for name, pd in pds.items()] + _true(loans, replay)


def _true(loans: pl.DataFrame, replay: _Replay) -> list[pl.DataFrame]:
    """The true PDs, where the lender is a simulated one."""
    path = local_data(replay.settings.data, TRUTH) / TRUTH
    if not path.exists():
        return []
    truth = pl.read_csv(path).select("loan_id", pd="true_pd")
    known = loans.join(truth, on="loan_id", how="inner", validate="1:1", maintain_order="left")
    return [known.select("loan_id", "month", scorer=pl.lit(TRUE_PD), pd="pd")]


def _publish(
    scored: Sequence[pl.DataFrame], start: date, end: date, settings: Settings
) -> tuple[pl.DataFrame, Place]:
    labels = tables.scan("gold.label_store", settings).select("loan_id", "label").collect()
    ripe = [frame.join(labels, on="loan_id", how="inner", maintain_order="left") for frame in scored]
    figures = summarise_scores(pl.concat(ripe)) if ripe else pl.DataFrame()
    if figures.is_empty():
        raise NothingToDoError(
            f"Nothing to evaluate from {start} to {end}: no month is both scored and ripe."
        )
    measured = set().union(*(frame["month"] for frame in ripe))
    days = tables.snapshot_dates("gold.feature_store", settings)
    left = [f"{day:%Y-%m}" for day in days if start <= day <= end and day not in measured]
    if left:
        LOG.warning("Not measured, since no model served or the labels are not ripe: %s.", ", ".join(left))
    path = settings.datamart / "evaluation" / f"evaluation-{start:%Y-%m}-{end:%Y-%m}.csv"
    documents.write_page(path.with_suffix(".svg"), to_svg(draw_evaluation(figures)))
    return figures, documents.write_spreadsheet(path, figures)
