from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import Self

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tasks.modelling import stacking
from tasks.modelling.base_models import BaseModel
from tasks.modelling.fallbacks import sources_left
from tasks.modelling.families import FAMILIES, ModelSpec
from tasks.modelling.splits import cohort_groups
from tasks.modelling.stacking import (
    StackedModel,
    base_log_odds,
    call_side_by_side,
    count_cross_fits,
    cross_fit,
    fit_base_model,
    fit_model,
    fit_stacked_models,
    fit_weights,
    predict_pd,
    score_log_odds,
    stack_log_odds,
)
from tasks.modelling.training_set import TrainingSet
from tasks.schemas.feature_store import FEATURE_STORE, FEATURES, MONTHS
from tests.applicants import QUICK, applicants, training_set

BASE_MODELS = [base_model for family in FAMILIES.values() for base_model in family.base_models]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_model_to_the_last_bit(family: str) -> None:
    first, second = (fit_model(ModelSpec(family, QUICK), training_set(), seed=3) for _ in range(2))
    assert np.array_equal(predict_pd(first, applicants()), predict_pd(second, applicants()))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_application_without_any_source_still_gets_a_pd(family: str) -> None:
    model = fit_model(ModelSpec(family, QUICK), training_set(), seed=0)
    empty = pl.DataFrame([dict.fromkeys(FEATURE_STORE)], schema=FEATURE_STORE)
    pd = predict_pd(model, empty.select(FEATURES))
    assert ((pd > 0) & (pd < 1)).all()


@pytest.mark.parametrize("outcome", [0.0, 1.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_loans_of_one_outcome_give_odds_that_are_near_it_and_not_infinite(
    family: str, outcome: float
) -> None:
    known = training_set()
    same = TrainingSet(known.features, np.full(len(known.targets), outcome), known.ripe)
    spec = ModelSpec(family, QUICK)
    fitted = [fit_base_model(spec, one, same, seed=0) for one in FAMILIES[family].base_models]
    log_odds = base_log_odds(fitted, applicants())
    assert np.isfinite(log_odds).all()
    assert (np.sign(log_odds) == (1 if outcome else -1)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unseen_word_is_no_error(family: str) -> None:
    model = fit_model(ModelSpec(family, QUICK), training_set(), seed=0)
    new = applicants().head(3).with_columns(occupation=pl.lit("Astronaut"))
    assert predict_pd(model, new).shape == (3,)


@pytest.mark.parametrize("word", [None, "a"])
@pytest.mark.parametrize("number", [None, 1.0])
def test_a_source_that_said_nothing_of_the_training_set_says_nothing_later(
    word: str | None, number: float | None
) -> None:
    known = training_set()
    silent = known.features.with_columns(
        team__word=pl.lit(word, pl.String), team__number=pl.lit(number, pl.Float64)
    )
    model = fit_model(ModelSpec("stack", QUICK), TrainingSet(silent, known.targets, known.ripe), seed=0)
    new = silent.with_columns(team__word=pl.lit("b"), team__number=pl.lit(9.0))
    assert np.allclose(predict_pd(model, new), predict_pd(model, silent))


@pytest.mark.parametrize("family", FAMILIES)
def test_few_loans_are_learned_from_without_a_warning(family: str) -> None:
    few = training_set(n=36)  # a warning fails the test
    assert predict_pd(fit_model(ModelSpec(family, QUICK), few, seed=0), few.features).max() < 1


@pytest.mark.parametrize("column", ["team__word", "occupation"])
def test_words_without_end_are_no_error(column: str) -> None:
    known = training_set()
    n = len(known.targets)
    words = pl.Series(column, [f"word {i}" for i in range(n)])
    many = TrainingSet(known.features.with_columns(words), known.targets, known.ripe)
    assert predict_pd(fit_model(ModelSpec("stack", QUICK), many, seed=0), many.features).shape == (n,)


@pytest.mark.parametrize("family", ["boosting", "stack"])
def test_a_higher_interest_rate_never_lowers_the_pd(family: str) -> None:
    model = fit_model(ModelSpec(family, QUICK), training_set(), seed=0)
    rates = [applicants().with_columns(interest_rate=pl.lit(float(rate))) for rate in (1, 10, 20, 34)]
    log_odds = np.stack([score_log_odds(model, frame) for frame in rates])
    assert (np.diff(log_odds, axis=0) >= 0).all()


def test_probabilities_of_loans_that_were_not_fitted_add_up_to_their_defaults() -> None:
    model = fit_model(ModelSpec("stack", QUICK), training_set(seed=1), seed=0)
    new = training_set(seed=2)
    assert predict_pd(model, new.features).sum() == pytest.approx(new.targets.sum(), rel=0.15)


def test_a_target_between_is_a_default_and_a_good_loan_by_halves() -> None:
    sure = training_set()
    halves = np.where(np.arange(len(sure.targets)) % 4 == 0, 0.5, sure.targets)
    ripe = np.arange(len(sure.targets)) % 4 != 0
    model = fit_model(ModelSpec("logistic"), TrainingSet(sure.features, halves, ripe), seed=0)
    pds = predict_pd(model, sure.features)
    assert pds[sure.targets == 1].mean() > pds[sure.targets == 0].mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_models_fitted_together_are_those_fitted_one_by_one(family: str) -> None:
    spec, taught, new = ModelSpec(family, QUICK), training_set(), applicants(seed=2)
    choices = sources_left(training_set().features)
    together = fit_stacked_models(spec, taught, choices, seed=0)
    for name, sources in choices.items():
        alone = fit_model(spec, taught, seed=0, sources=sources)
        assert np.array_equal(predict_pd(together[name], new), predict_pd(alone, new))


@pytest.mark.parametrize("base_model", BASE_MODELS, ids=lambda base_model: base_model.name)
def test_what_a_loan_is_stacked_by_knows_nothing_of_its_own_outcome(base_model: BaseModel) -> None:
    taught = training_set()
    groups = cohort_groups(taught.features["snapshot_date"].to_list(), taught.ripe, most=3)
    first, others = groups[0], ~groups[0]
    turned = np.where(first, 1 - taught.targets, taught.targets)
    spec = ModelSpec("stack", QUICK)
    (_, before), (_, after) = (
        cross_fit(spec, base_model, TrainingSet(taught.features, targets, taught.ripe), groups, seed=0)
        for targets in (taught.targets, turned)
    )
    assert np.array_equal(before[first], after[first])
    assert not np.allclose(before[others], after[others])


@pytest.mark.parametrize("name", ["scorecard", "history"])
def test_what_is_fitted_to_a_part_of_the_loans_is_shrunk_no_more_than_what_is_fitted_to_all(
    name: str,
) -> None:
    base_model = next(one for one in BASE_MODELS if one.name == name)
    once = training_set()
    features, targets = pl.concat([once.features] * 3), np.tile(once.targets, 3)
    groups = list(np.repeat(np.eye(3, dtype=bool), len(once.targets), axis=1))
    thrice = TrainingSet(features, targets, np.ones(len(targets), dtype=bool))
    whole, unseen = cross_fit(ModelSpec("stack", QUICK), base_model, thrice, groups, seed=0)
    assert unseen[:, 0] == pytest.approx(base_log_odds([whole], features)[:, 0], abs=0.01)


def test_weights_are_fitted_to_outcomes_as_they_are_where_histories_are_whole() -> None:
    draw = np.random.default_rng(0)
    log_odds = draw.normal(0, 4, 4000)
    targets = (draw.random(4000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    weights = fit_weights(log_odds.reshape(-1, 1, 1), None, targets)
    assert weights["weights"][0] == pytest.approx(1, abs=0.05)


def test_a_history_longer_than_all_that_weights_were_fitted_to_counts_as_the_longest_of_those() -> None:
    draw = np.random.default_rng(0)
    log_odds, targets = draw.normal(size=(200, 1, 1)), (draw.random(200) < 0.3).astype(float)
    fitted = fit_weights(log_odds, draw.uniform(0, 0.25, (200, 1)), targets)
    model = StackedModel(base_models=(), explainers=(), **fitted)
    four, longer = (pl.DataFrame({MONTHS[0]: [months]}) for months in (4.0, 40.0))
    given = np.array([[1.0]])
    assert model.max_credibility == pytest.approx(0.25, abs=0.005)
    assert stack_log_odds(model, given, longer) == pytest.approx(stack_log_odds(model, given, four), abs=0.05)
    assert stack_log_odds(model, given, longer) != stack_log_odds(model, given, four / 4)


def test_shortened_histories_change_nothing_of_a_model_that_reads_none() -> None:
    whole, sources = training_set(), ("attributes", "financials")
    cut = TrainingSet(whole.features, whole.targets, whole.ripe, shortened=whole.features)
    first, second = (
        fit_model(ModelSpec("stack", QUICK), taught, seed=0, sources=sources) for taught in (whole, cut)
    )
    assert np.array_equal(predict_pd(first, applicants()), predict_pd(second, applicants()))


def test_a_model_of_few_loans_is_stacked_by_more_cross_fits_which_miss_fewer_of_them() -> None:
    assert [count_cross_fits(of_ripe(n)) for n in (100, 3_500, 9_000, 90_000)] == [6, 5, 3, 3]


def test_young_loans_whose_targets_are_guesses_take_no_cross_fit_away() -> None:
    assert count_cross_fits(of_ripe(3_500, young=90_000)) == count_cross_fits(of_ripe(3_500))


def of_ripe(n: int, *, young: int = 0) -> TrainingSet:
    ripe = np.repeat([True, False], [n, young])
    return TrainingSet(pl.DataFrame(), np.zeros(n + young), ripe)


def test_trees_of_few_loans_are_weighed_up_by_more_cross_fits() -> None:
    taught = training_set(n=300)
    alone = {"": ("attributes", "financials")}

    def weigh(cross_fits: int) -> float:
        spec = ModelSpec("stack", QUICK)
        return fit_stacked_models(spec, taught, alone, seed=0, cross_fits=cross_fits)[""].weights[0]

    assert weigh(2) < weigh(6)


def test_calls_run_at_the_same_time_and_answer_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacking, "AT_A_TIME", 2)
    met = Barrier(2, timeout=10)

    def answer(number: int) -> int:
        met.wait()
        return number

    assert call_side_by_side(partial(answer, number) for number in range(6)) == list(range(6))


class Meeting(BaseEstimator, TransformerMixin):
    """Gives the numbers as they are, and notes whether another thread transforms at the same time."""

    def __init__(self, barrier: Barrier, met: list[bool]) -> None:
        self.barrier, self.met = barrier, met

    def fit(self, _numbers: pl.DataFrame, _targets: object = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, numbers: pl.DataFrame) -> np.ndarray:
        """The numbers."""
        try:
            self.barrier.wait()
            self.met.append(True)
        except BrokenBarrierError:
            self.barrier.reset()  # for the next one
            self.met.append(False)
        return numbers.to_numpy()


def test_no_two_transform_at_the_same_time_since_the_filters_of_warnings_are_of_the_process() -> None:
    meeting = Meeting(Barrier(2, timeout=0.1), [])
    numbers = applicants().select("age").fill_null(0)
    model = make_pipeline(meeting, LogisticRegression())
    model.steps[-1][1].fit(numbers.to_numpy(), np.arange(numbers.height) % 2)
    with ThreadPoolExecutor(2) as pool:
        for scored in [pool.submit(base_log_odds, [model], numbers) for _ in range(2)]:
            scored.result()
    assert meeting.met == [False, False]


def test_no_two_cross_fits_transform_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two did, scikit-learn warned thousands of times a training."""
    meeting, model = Meeting(Barrier(2, timeout=0.2), []), LogisticRegression()
    monkeypatch.setattr(stacking, "build_base_model", lambda *_, **__: (meeting, model))
    known = training_set()
    years = known.features.select(pl.col("age").fill_null(0))
    taught = TrainingSet(years, known.targets, known.ripe, shortened=years)
    groups = cohort_groups(known.features["snapshot_date"].to_list(), known.ripe, most=2)
    spec = ModelSpec("stack", QUICK)
    reads = next(one for one in BASE_MODELS if "clickstream" in one.sources)
    with ThreadPoolExecutor(2) as pool:
        for fitted in [pool.submit(cross_fit, spec, reads, taught, groups, seed=0) for _ in range(2)]:
            fitted.result()
    assert meeting.met == [False] * 4  # the features, and the same with shortened histories, twice


def test_two_fits_at_a_time_give_the_same_model_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[bytes] = []
    for at_a_time in (1, 2):
        monkeypatch.setattr(stacking, "AT_A_TIME", at_a_time)
        model = fit_model(ModelSpec("stack", QUICK), training_set(), seed=0)
        scored.append(predict_pd(model, applicants()).tobytes())
    assert scored[0] == scored[1]
