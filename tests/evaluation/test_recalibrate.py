"""The champion with another intercept and slope: what changes, what does not, and who decides."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.engine import run_flow
from flows.training import training
from simulator.drift import parse_drift
from simulator.lender import Lender, simulate
from tasks.config import Settings
from tasks.evaluation.recalibrate import recalibrate
from tasks.evaluation.recalibration import (
    Calibration,
    fit_calibration,
    recalibrate_ensemble,
    score_cross_fitted,
)
from tasks.modelling.fallbacks import FallbackEnsemble, fit_ensemble, predict_ensemble, score_ensemble
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.registry.history import champion_on, load_registry, newest_trained_before, state_on
from tasks.registry.registered_files import read_card
from tests.applicants import QUICK, applicants, training_set
from tests.builders import exit_code, month, months, quick_settings, run_months, take_in, write_book

pytestmark = pytest.mark.integration

LAST = 11


@pytest.fixture(scope="module", params=FAMILIES)
def ensemble(request: pytest.FixtureRequest) -> FallbackEnsemble:
    family: str = request.param
    return fit_ensemble(ModelSpec(family, QUICK), training_set(), seed=0)


def test_a_calibration_moves_the_log_odds_of_every_path_and_nothing_else(ensemble: FallbackEnsemble) -> None:
    changed = recalibrate_ensemble(ensemble, Calibration(-0.5, 0.8))
    some = applicants(seed=2).with_row_index()
    mixed = some.with_columns(
        has_clickstream=pl.col("index") % 2 == 0, has_financials=pl.col("index") % 3 == 0
    )
    assert np.allclose(score_ensemble(changed, mixed), -0.5 + 0.8 * score_ensemble(ensemble, mixed))


def test_pds_that_are_too_low_and_too_extreme_are_brought_back() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1, 20_000)
    labels = (rng.random(len(true)) < 1 / (1 + np.exp(-true))).astype(float)
    found = fit_calibration(labels, 2 * true - 1)
    assert (found.intercept, found.slope) == (pytest.approx(0.5, abs=0.05), pytest.approx(0.5, abs=0.03))


@pytest.mark.parametrize("n_cohorts", [1, 3])
def test_the_gate_sees_no_loan_by_a_calibration_that_knows_its_outcome(
    ensemble: FallbackEnsemble, n_cohorts: int
) -> None:
    taught = training_set(seed=4)
    day = pl.lit(month(0)) if n_cohorts == 1 else pl.col("snapshot_date")
    loans = taught.features.with_columns(snapshot_date=day, label=pl.Series(taught.targets))
    first = np.arange(loans.height) < loans.height // 3
    own = first if n_cohorts == 3 else np.arange(1, loans.height + 1) % 2 == 0
    turned = loans.with_columns(label=pl.Series(np.where(own, 1 - taught.targets, taught.targets)))
    (before, one), (_, other) = (score_cross_fitted(ensemble, rows, ()) for rows in (loans, turned))
    assert np.array_equal(before.served, predict_ensemble(ensemble, loans))
    assert np.array_equal(one.served[own], other.served[own])
    assert not np.allclose(one.served[~own], other.served[~own])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store whose only model serves since three cohorts are ripe; two more have ripened since."""
    home = tmp_path_factory.mktemp("served")
    settings = quick_settings(write_book(home / "data", n_months=LAST), home)
    settings = settings.model_copy(update={"trials": 1, "retrain_every_cohorts": 9})
    run_months(settings, months(LAST))
    return settings


def test_the_command_registers_a_model_of_its_own_once_and_earlier_days_keep_theirs(
    served: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = newest_trained_before(load_registry(served), date.max)
    assert exit_code(served, "models", "recalibrate", "--date", str(month(8))) == 99
    assert "too few" in capsys.readouterr().err  # it has learned from all that were ripe on the day
    assert exit_code(served, "models", "recalibrate", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["recalibration"]["of"] == trained
    assert answer["recalibration"]["cohorts"] == [str(day) for day in months(5)[3:]]
    registry, made = load_registry(served), answer["model_id"]
    assert state_on(registry, month(LAST - 1), made) == answer["state"]
    assert state_on(registry, month(LAST - 2), made) is None
    before = champion_on(registry, month(LAST - 2))
    assert before is not None
    assert before.model_id == trained
    assert newest_trained_before(registry, date.max) == trained  # a recalibration is no training
    assert exit_code(served, "models", "recalibrate", "--json") == 0
    assert json.loads(capsys.readouterr().out) == answer
    assert len(load_registry(served).entries) == len(registry.entries)
    assert exit_code(served, "models", "reproduce", made) == 0


def test_a_recalibration_passes_the_gate_by_itself_where_more_loans_default_than_before(
    tmp_path: Path,
) -> None:
    trained_on, recalibrated_on = month(8), month(11)
    drifts = (parse_drift("badrate:4:3.0"),)  # of what the champion learns, nothing: three cohorts are ripe
    simulate(Lender(month(0), 12, 120, 1, drifts=drifts), tmp_path / "data")
    settings = quick_settings(tmp_path / "data", tmp_path)
    take_in(settings, months(12))
    run_flow(training, trained_on, settings)
    before = champion_on(load_registry(settings), trained_on)
    found = recalibrate(recalibrated_on, settings)
    registry = load_registry(settings)
    now = champion_on(registry, recalibrated_on)
    assert before is not None
    assert now is not None
    assert (found.state, now.model_id, now.by) == ("champion", found.model_id, "policy:auto")
    assert found.record["of"] == before.model_id
    assert read_card(registry, now.model_id)["gate"]["figures"]["auc_gain"] == 0  # a calibration ranks alike
    assert found.record["before"]["observed_to_expected"] > 1.2
    assert found.record["after"]["observed_to_expected"] == pytest.approx(1, abs=0.05)
    assert champion_on(registry, month(10)) == champion_on(registry, trained_on)
