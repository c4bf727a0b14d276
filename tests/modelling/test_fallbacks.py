from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import polars as pl
import pytest

from tasks.modelling.fallbacks import (
    COMPLETE,
    FallbackEnsemble,
    answering_path,
    find_missing,
    fit_ensemble,
    predict_ensemble,
    score_ensemble,
    sources_left,
)
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.stacking import predict_pd
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.catalog import TABLES
from tasks.schemas.feature_store import HAS_SOURCE, SOURCE_OF
from tasks.schemas.reasons import REASON_GROUPS, REASON_TEXTS, REASONS
from tasks.scoring import reason_codes
from tasks.scoring.predictions import score_applications
from tasks.scoring.reason_codes import explain, list_reasons, name_reasons
from tasks.statistics.performance import measure_auc
from tests.applicants import QUICK, N, applicants, training_set


@pytest.fixture(scope="module", params=FAMILIES)
def ensemble(request: pytest.FixtureRequest) -> FallbackEnsemble:
    family: str = request.param
    return fit_ensemble(ModelSpec(family, QUICK), training_set(), seed=0)


def without(frame: pl.DataFrame, *sources: str) -> pl.DataFrame:
    gone = [pl.lit(None, frame.schema[name]).alias(name) for name, of in SOURCE_OF.items() if of in sources]
    return frame.with_columns(*gone, *(pl.lit(value=False).alias(HAS_SOURCE[source]) for source in sources))


@pytest.mark.parametrize("missing", [COMPLETE, "clickstream", "financials", "clickstream+financials"])
def test_the_fallback_of_the_missing_sources_answers_and_is_recorded(
    ensemble: FallbackEnsemble, missing: str
) -> None:
    new = without(applicants(seed=2), *(() if missing == COMPLETE else missing.split("+")))
    predictions = score_applications(new, ensemble, model_id="m")
    assert set(predictions["fallback"]) == {missing}
    by_its_model = predict_pd(ensemble.models[missing], new)
    assert predictions["pd"].to_numpy() == pytest.approx(by_its_model, abs=1e-12, rel=0)


PERSONAL = "shepherd of seventeen goats"


def with_words(*occupations: str) -> TrainingSet:
    """The training set, with these words as the occupations of its first applicants."""
    plain = training_set()
    words = pl.Series([*occupations, *plain.features["occupation"][len(occupations) :]])
    return replace(plain, features=plain.features.with_columns(occupation=words))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("n", "kept"), [(1, False), (4, False), (20, True)])
def test_a_word_that_fewer_than_five_loans_share_is_not_in_the_model(
    tmp_path: Path, family: str, n: int, kept: bool
) -> None:
    model = fit_ensemble(ModelSpec(family, QUICK), with_words(*[PERSONAL] * n), seed=0)
    joblib.dump(model, tmp_path / "model.joblib")
    assert (PERSONAL.encode() in (tmp_path / "model.joblib").read_bytes()) == kept


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rare_word_is_scored_as_one_that_nobody_had(family: str) -> None:
    model = fit_ensemble(ModelSpec(family, QUICK), with_words(PERSONAL, "another"), seed=0)
    new = applicants(seed=2, n=20)
    rare, unknown = (new.with_columns(occupation=pl.lit(word)) for word in (PERSONAL, "nobody's word"))
    assert np.array_equal(predict_ensemble(model, rare), predict_ensemble(model, unknown))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_column_of_nothing_but_rare_words_is_no_obstacle(family: str) -> None:
    model = fit_ensemble(ModelSpec(family, QUICK), with_words(*map(str, range(N))), seed=0)
    assert np.isfinite(predict_ensemble(model, applicants(seed=2, n=20))).all()


def test_each_application_is_scored_by_itself(ensemble: FallbackEnsemble) -> None:
    whole, bare = applicants(seed=2), without(applicants(seed=2), "clickstream")
    mixed = pl.concat([whole.head(10), bare.slice(10, 10)])
    assert np.allclose(predict_ensemble(ensemble, mixed)[:10], predict_ensemble(ensemble, whole)[:10])
    assert np.allclose(predict_ensemble(ensemble, mixed)[10:], predict_ensemble(ensemble, bare)[10:20])


def test_without_the_clickstream_it_still_ranks(ensemble: FallbackEnsemble) -> None:
    new = training_set(seed=2)
    pds = predict_ensemble(ensemble, without(new.features, "clickstream"))
    assert measure_auc(new.targets, pds).value > 0.6


def test_contributions_add_up_to_the_log_odds_against_the_reference(ensemble: FallbackEnsemble) -> None:
    new = pl.concat([applicants(seed=2, n=30), without(applicants(seed=2, n=30), "clickstream")])
    flags = pl.DataFrame({flag: new[flag] for flag in HAS_SOURCE.values()})
    usual = pl.concat([ensemble.reference] * new.height).hstack(flags)
    gap = score_ensemble(ensemble, new) - score_ensemble(ensemble, usual)
    assert np.allclose(explain(ensemble, new).sum(axis=1), gap)


def test_a_source_that_is_missing_is_no_reason(ensemble: FallbackEnsemble) -> None:
    bare = without(applicants(seed=2), "clickstream")
    assert (explain(ensemble, bare)[:, list(REASON_GROUPS).index("ONLINE")] == 0).all()


def test_predictions_have_the_columns_of_their_table(ensemble: FallbackEnsemble) -> None:
    predictions = score_applications(applicants(seed=2), ensemble, model_id="m")
    assert set(predictions.columns) == set(TABLES["gold.predictions"].columns)
    told = {code for name in REASONS for code in predictions[name].drop_nulls()}
    assert told <= set(REASON_TEXTS)


def test_the_strongest_reason_comes_first_and_weak_ones_are_not_told() -> None:
    contributions = np.zeros((1, len(REASON_GROUPS)))
    contributions[0, [0, 2, 3]] = [-2.0, 0.01, 1.0]
    assert name_reasons(contributions).row(0) == ("ONLINE_DOWN", "DELAYS_UP", None, None)


@pytest.mark.parametrize("n_groups", [1, 2])
def test_a_lender_of_few_reason_groups_has_few_reasons(
    n_groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = list(REASON_GROUPS)[:n_groups]
    monkeypatch.setattr(reason_codes, "REASON_GROUPS", dict.fromkeys(codes, ()))
    strongest = np.array([[0.0] * (n_groups - 1) + [1.0]])
    row = (f"{codes[-1]}_UP", *[None] * (len(REASONS) - 1))
    assert name_reasons(strongest).row(0) == row
    assert list_reasons(strongest) == [row]


def test_reasons_row_by_row_are_those_of_the_frame() -> None:
    drawn = np.random.default_rng(0).normal(0.0, 0.3, (500, len(REASON_GROUPS)))
    contributions = drawn.round(1)  # many are equal, or on the edge of no reason
    contributions[contributions == 0.1] = reason_codes.MIN_CONTRIBUTION
    assert list_reasons(contributions) == name_reasons(contributions).rows()


def test_every_feature_belongs_to_one_group_and_every_code_has_a_text() -> None:
    grouped = [name for names in REASON_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(SOURCE_OF)
    assert set(REASON_TEXTS) == {f"{group}_{way}" for group in REASON_GROUPS for way in ("UP", "DOWN")}


@pytest.fixture(scope="module")
def with_bureau() -> FallbackEnsemble:
    taught = training_set()
    return fit_ensemble(
        ModelSpec("stack", QUICK), replace(taught, features=add_bureau(taught.features)), seed=0
    )


def add_bureau(frame: pl.DataFrame) -> pl.DataFrame:
    """Two columns of another team: half the risk that ours hold, and a word."""
    score = frame["interest_rate"].to_numpy() / 10 + np.random.default_rng(5).normal(0, 1, frame.height)
    return frame.with_columns(pl.Series("bureau__score", score), pl.lit("a").alias("bureau__group"))


def test_another_team_that_says_nothing_of_an_application_has_a_fallback(
    with_bureau: FallbackEnsemble,
) -> None:
    new = add_bureau(applicants(seed=2))
    known = pl.col("loan_id").str.ends_with("1")
    some = new.with_columns(
        pl.when(known).then(pl.col("bureau__score", "bureau__group")), has_financials=~known
    )
    predictions = score_applications(some, with_bureau, model_id="m")
    told = predictions.join(some.select("loan_id", known.alias("known")), on="loan_id")
    assert set(told.filter("known")["fallback"]) == {"financials"}
    assert set(told.filter(~pl.col("known"))["fallback"]) == {"bureau"}
    alone = predict_pd(with_bureau.models["bureau"], some.filter(~known))
    assert np.allclose(told.filter(~pl.col("known"))["pd"].to_numpy(), alone)


def test_without_the_other_team_its_values_make_no_difference(with_bureau: FallbackEnsemble) -> None:
    new = add_bureau(applicants(seed=2))
    gone = new.with_columns(bureau__score=pl.lit(None, pl.Float64), bureau__group=pl.lit(None, pl.String))
    left = with_bureau.models["bureau"]
    assert np.array_equal(predict_pd(left, new), predict_pd(left, gone))


def test_there_is_a_fallback_without_each_source_and_without_all(with_bureau: FallbackEnsemble) -> None:
    everything = "clickstream+financials+bureau"
    assert list(with_bureau.models) == [COMPLETE, "bureau", "clickstream", "financials", everything]


def test_each_way_in_which_sources_are_missing_has_a_fallback_once_it_is_met() -> None:
    known = add_bureau(applicants(seed=2))
    met = pl.concat([known, without(known.head(1), "clickstream", "financials")])
    assert set(sources_left(met)) - set(sources_left(known)) == {"clickstream+financials"}


def test_a_way_that_was_never_met_is_answered_by_the_fallback_that_lacks_least_besides(
    with_bureau: FallbackEnsemble,
) -> None:
    new = without(add_bureau(applicants(seed=2)), "clickstream", "financials")
    predictions = score_applications(new, with_bureau, model_id="m")
    assert set(predictions["fallback"]) == {"clickstream+financials+bureau"}
    whole = predict_pd(with_bureau.models["clickstream+financials+bureau"], new)
    assert predictions["pd"].to_numpy() == pytest.approx(whole, abs=1e-12, rel=0)


def test_where_no_source_may_be_missing_all_take_the_complete_path() -> None:
    new = applicants(seed=2)
    ours = new.drop(name for name, of in SOURCE_OF.items() if of in ("clickstream", "financials"))
    assert set(find_missing(ours)) == {COMPLETE}
    assert find_missing(ours).len() == new.height
    assert list(sources_left(ours)) == [COMPLETE]


@pytest.mark.parametrize(
    ("missing", "answers"),
    [(COMPLETE, COMPLETE), ("a", "a"), ("b", "b+c"), ("c", "b+c"), ("a+b", "a+b+c"), ("d", "d")],
)
def test_the_path_that_answers_reads_no_source_that_is_missing(missing: str, answers: str) -> None:
    """Where none of them does, the name says what is missing."""
    assert answering_path(missing, [COMPLETE, "a", "b+c", "a+b+c"]) == answers


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("retired", ["clickstream", "financials"])
def test_a_model_that_learned_without_a_source_is_complete_without_it(family: str, retired: str) -> None:
    plain = training_set()
    gone = [name for name, source in SOURCE_OF.items() if source == retired]
    ensemble = fit_ensemble(
        ModelSpec(family, QUICK), replace(plain, features=plain.features.drop(gone)), seed=0
    )
    (other,) = {"clickstream", "financials"} - {retired}
    assert set(ensemble.models) == {COMPLETE, other}
    for new in (applicants(seed=2), without(applicants(seed=2), retired)):
        predictions = score_applications(new, ensemble, model_id="m")
        assert set(predictions["fallback"]) == {COMPLETE}
        assert predictions["pd"].n_unique() > N / 10
