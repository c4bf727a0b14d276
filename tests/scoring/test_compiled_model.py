"""The compiled form of a model says what its pipelines say, on every path of every family."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.modelling.fallbacks import FallbackEnsemble, fit_ensemble, paths_taken, take_away
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import CATEGORIES, MONTHS, PROFILE_NUMBERS
from tasks.schemas.predictions import GRADE_LIMITS, grade_of, grade_of_pd
from tasks.schemas.reasons import REASONS
from tasks.scoring import compiled_model, compiled_tables
from tasks.scoring.compiled_model import compile_model, path_of, score_rows
from tasks.scoring.predictions import score_applications, score_by_pipelines
from tests.applicants import QUICK, applicants, training_set

FEW = {**QUICK, "max_iter": 6.0}
BUREAU = ("bureau__score", "bureau__segment")


def with_bureau(features: pl.DataFrame) -> pl.DataFrame:
    """The applicants, two thirds of whom a bureau of another team knows."""
    rng = np.random.default_rng(features.height)
    n = features.height
    score = pl.Series(rng.normal(0, 1, n)) - features["interest_rate"] / 20
    known = pl.Series(rng.random(n) < 0.67)
    segment = pl.Series(rng.choice(["a", "b", "c"], n))
    return features.with_columns(
        pl.when(known).then(score).alias(BUREAU[0]), pl.when(known).then(segment).alias(BUREAU[1])
    )


def learned() -> TrainingSet:
    """A training set with a bureau, and with numbers and a word that are not always known."""
    plain = training_set(n=240)

    def spoil(features: pl.DataFrame) -> pl.DataFrame:
        some = pl.int_range(pl.len()) % 7 == 0
        numbers = [pl.when(~some).then(pl.col(name)).alias(name) for name in PROFILE_NUMBERS[:6]]
        words = pl.when(~some).then(pl.col(CATEGORIES[0])).alias(CATEGORIES[0])
        return with_bureau(features.with_columns(*numbers, words))

    assert plain.shortened is not None
    return TrainingSet(spoil(plain.features), plain.targets, plain.ripe, spoil(plain.shortened))


@pytest.fixture(scope="module", params=FAMILIES)
def ensemble(request: pytest.FixtureRequest) -> FallbackEnsemble:
    family: str = request.param
    return fit_ensemble(ModelSpec(family, FEW), learned(), seed=0)


def new_applicants() -> pl.DataFrame:
    """Applicants of every path: known, unknown, with words, numbers and histories that no training saw."""
    known = with_bureau(applicants(seed=2, n=120))
    odd = (
        known.head(30)
        .with_columns(
            occupation=pl.lit("Astronaut"),
            age=pl.lit(1e9),
            annual_income=pl.lit(-1e9),
            interest_rate=pl.lit(0.0),
        )
        .with_columns(pl.col(MONTHS) * 20)
    )
    parts = [known, odd, *(take_away(known.head(30), gone) for gone in WAYS)]
    return pl.concat(parts).with_columns(pl.format("loan_{}", pl.int_range(pl.len())).alias("loan_id"))


WAYS = (
    ["clickstream"],
    ["financials"],
    ["bureau"],
    ["clickstream", "financials"],
    ["clickstream", "bureau"],
    ["clickstream", "financials", "bureau", "attributes"],
)


def test_it_gives_the_pd_the_path_and_the_reasons_of_the_pipelines(ensemble: FallbackEnsemble) -> None:
    new = new_applicants()
    batch = score_by_pipelines(new, ensemble, model_id="m")
    scores = score_rows(compile_model(ensemble), new.to_dicts())
    assert np.abs(batch["pd"].to_numpy() - np.array([one.pd for one in scores])).max() < 1e-12
    assert [one.path for one in scores] == batch["fallback"].to_list()
    assert [one.grade for one in scores] == batch["grade"].to_list()
    assert [one.reasons for one in scores] == batch.select(REASONS).rows()
    assert set(batch["fallback"]) == set(ensemble.models)


def test_a_month_scored_by_arrays_is_that_of_the_pipelines(
    ensemble: FallbackEnsemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_applicants()
    by_pipelines = score_by_pipelines(new, ensemble, model_id="m")
    by_rows = score_applications(new, ensemble, model_id="m")
    assert_frame_equal(by_rows, by_pipelines, abs_tol=1e-12, rel_tol=0)
    monkeypatch.setattr(compiled_model, "MANY", 1)
    monkeypatch.setattr(compiled_model, "SLICE", 7)
    for size in (compiled_tables.MAX_SIZE, 1):  # with a table for each tree, and as if they were too large
        monkeypatch.setattr(compiled_tables, "MAX_SIZE", size)
        by_tables = score_applications(new, ensemble, model_id="m")
        assert_frame_equal(by_tables, by_pipelines, abs_tol=1e-12, rel_tol=0)


def test_each_row_is_scored_by_itself(ensemble: FallbackEnsemble) -> None:
    compiled, rows = compile_model(ensemble), new_applicants().to_dicts()[::9]
    alone = [score_rows(compiled, [row])[0] for row in rows]
    together = score_rows(compiled, rows)
    assert [one.pd for one in alone] == pytest.approx([one.pd for one in together], abs=1e-12)
    assert [(one.path, one.reasons) for one in alone] == [(one.path, one.reasons) for one in together]


def test_the_path_is_that_of_the_batch(ensemble: FallbackEnsemble) -> None:
    new, compiled = new_applicants(), compile_model(ensemble)
    paths = [path_of(compiled, row) for row in new.to_dicts()]
    assert paths == paths_taken(ensemble, new).to_list()


@pytest.mark.parametrize("beside", [0.0, 1e-9, -1e-9])
def test_a_grade_of_one_pd_is_that_of_a_column(beside: float) -> None:
    pds = [*(limit + beside for limit in GRADE_LIMITS.values()), 0.0, 1.0]
    column = pl.DataFrame({"pd": pds}).select(grade=grade_of(pl.col("pd")))
    assert_frame_equal(column, pl.DataFrame({"grade": [grade_of_pd(pd) for pd in pds]}))


def test_nobody_is_scored_where_nobody_applies(ensemble: FallbackEnsemble) -> None:
    assert score_rows(compile_model(ensemble), []) == []
