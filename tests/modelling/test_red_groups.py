from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tasks.modelling.decisions import judge_groups
from tasks.modelling.fallbacks import fit_ensemble, predict_ensemble
from tasks.modelling.families import ModelSpec
from tasks.modelling.training_set import TrainingSnapshot
from tasks.monitoring.measurement import RedFigure
from tests.applicants import applicants, training_set
from tests.builders import clickstream_rows, month
from tests.policies import POLICY

MONTHS = POLICY.fairness.months
ENSEMBLE = fit_ensemble(ModelSpec("logistic"), training_set(), seed=0, paths=["none"])


def book(approved: float) -> TrainingSnapshot:
    """Applicants of the fairness months; bakers have low PDs so many times as often as lawyers have."""
    rows = applicants(seed=3)
    pds = predict_ensemble(ENSEMBLE, rows)
    low, n = pds <= POLICY.cutoff.approve_up_to_pd, int(rows.height)
    order = np.random.default_rng(1).random(n)
    baker = np.where(low, order < 0.3 * approved, order < 0.3)
    words = pl.Series(np.where(baker, "baker", "lawyer").tolist())
    days = pl.Series([month(at % MONTHS) for at in range(n)])
    return TrainingSnapshot(
        month(9), rows.with_columns(occupation=words, snapshot_date=days), clickstream_rows("nobody", [1])
    )


def red(value: float, subject: str = "occupation baker") -> RedFigure:
    return RedFigure("fairness", subject, value, month(8))


@pytest.mark.parametrize(
    ("approved", "before", "stops", "waits"),
    [(1.0, 0.5, 0, 0), (0.2, 0.1, 0, 1), (0.2, 0.79, 1, 0)],
    ids=["mended", "improved", "no better"],
)
def test_a_red_group_stops_a_challenger_that_does_not_improve_it(
    approved: float, before: float, stops: int, waits: int
) -> None:
    verdict = judge_groups([red(before)], ENSEMBLE, book(approved), POLICY)
    assert (len(verdict.stops), len(verdict.waits)) == (stops, waits)
    for said in (*verdict.stops, *verdict.waits):
        assert f"fairness of occupation baker on {month(8)}, 0." in said
        assert f"with the challenger against {before:.2f}" in said


def test_a_group_that_cannot_be_measured_stops_a_challenger() -> None:
    snapshot = book(1.0)
    few = replace(snapshot, loans=snapshot.loans.head(5))
    assert "not measured" in judge_groups([red(0.5)], ENSEMBLE, few, POLICY).stops[0]
    assert judge_groups([], ENSEMBLE, few, POLICY).stops == ()
