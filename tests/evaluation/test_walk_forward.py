"""The walk-forward evaluation on a small simulated lender."""

from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.evaluation.scorers import POOLED
from tasks.evaluation.walk_forward import CHAMPION, TRUE_PD, evaluate
from tasks.features.tasks import build_feature_store
from tasks.ingestion.tasks import ingest
from tasks.labels.tasks import build_labels
from tests.builders import month, months, quick_settings, write_book


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("evaluated")
    settings = quick_settings(write_book(home / "data", n_months=15, loans_per_month=100), home)
    settings = settings.model_copy(update={"trials": 1, "retrain_every_cohorts": 9})
    for step in (ingest, build_labels, build_feature_store):
        step(months(15), settings)
    return settings


def test_every_scorer_is_measured_and_the_truth_ranks_best(settings: Settings) -> None:
    figures, path = evaluate(month(8), month(8), settings, ablations=False, step=lambda _: None)
    pooled = figures.filter(pl.col("month") == POOLED)
    auc = dict(zip(pooled["scorer"], pooled["auc"], strict=True))
    assert set(auc) >= {CHAMPION, "logistic", "stack", "boosting", "financials only", TRUE_PD}
    assert max(auc, key=auc.__getitem__) == TRUE_PD
    assert pl.read_csv(path).height == figures.height
    assert path.with_suffix(".svg").read_text().count("champion") > 0
    assert not settings.model_store.exists()


def test_without_a_ripe_scored_month_there_is_nothing_to_evaluate(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NothingToDoError, match="no month is both scored and ripe"):
        evaluate(month(1), month(2), settings, ablations=False, step=lambda _: None)
