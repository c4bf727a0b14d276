import numpy as np
import polars as pl
import pytest

from tasks.modelling.ablation import ABLATIONS, blank, measure_ablations
from tasks.modelling.candidates import Candidate, fit_as_served, read_development
from tasks.modelling.fallbacks import predict_ensemble
from tasks.modelling.families import ModelSpec
from tasks.modelling.splits import Split
from tasks.modelling.training_set import TrainingSnapshot, label_array
from tasks.schemas.feature_store import CATEGORIES, FEATURES
from tasks.statistics.performance import measure_auc
from tests.applicants import QUICK, applicants, training_set
from tests.builders import clickstream_rows, month

SPLIT = Split((month(0), month(1)), (month(2),))


@pytest.fixture(scope="module")
def known() -> TrainingSnapshot:
    taught = training_set()
    columns = {"label": pl.Series(taught.targets).cast(pl.Int32), "target": pl.Series(taught.targets)}
    loans = taught.features.with_columns(**columns, ripe=pl.lit(value=True))
    return TrainingSnapshot(month(9), loans.sort("snapshot_date", "loan_id"), clickstream_rows("nobody", [1]))


@pytest.fixture(scope="module")
def candidate(known: TrainingSnapshot) -> Candidate:
    spec, oot = ModelSpec("logistic", QUICK), known.of(SPLIT.oot)
    training_set = read_development(known, SPLIT, view="as of training")
    ensemble = fit_as_served(spec, training_set, [oot], seed=0)
    pds = predict_ensemble(ensemble, oot)
    return Candidate(spec, None, ensemble, pds, measure_auc(label_array(oot), pds))


def test_each_family_has_its_auc_and_its_change_with_an_interval(
    candidate: Candidate, known: TrainingSnapshot
) -> None:
    records = measure_ablations(candidate, known, SPLIT, seed=0)
    assert [one["family"] for one in records] == list(ABLATIONS)
    for one in records:
        low, high = one["change_ci_90"]
        assert low <= one["change"] <= high
        assert one["change"] == pytest.approx(one["auc"] - candidate.oot_auc.value)


def test_what_the_outcomes_hang_on_is_missed_most(candidate: Candidate, known: TrainingSnapshot) -> None:
    changes = {one["family"]: one["change"] for one in measure_ablations(candidate, known, SPLIT, seed=0)}
    assert changes["financials"] == min(changes.values())
    assert changes["financials"] < -0.02


@pytest.mark.parametrize("family", ABLATIONS)
def test_a_blank_family_says_the_same_of_everybody_and_the_rest_is_kept(family: str) -> None:
    before, names = applicants(), ABLATIONS[family]
    after = blank(before, names)
    assert all(after[name].n_unique() == 1 for name in names)
    assert after.drop(names).equals(before.drop(names))
    assert set(names) <= set(FEATURES)
    assert np.all([after.schema[name] == pl.String for name in names if name in CATEGORIES])
