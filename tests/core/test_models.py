import numpy as np
import polars as pl
import pytest

from tasks.core.models import FAMILIES, ClickstreamEvidence, Family, Recipe, fit_model, predict_pd
from tasks.schemas.feature_store import CATEGORIES, FEATURE_STORE, FEATURES, NUMBERS

N = 240
RNG = np.random.default_rng(11)


@pytest.fixture(scope="module")
def applications() -> pl.DataFrame:
    numbers = {name: RNG.normal(100, 30, N) for name in NUMBERS}
    words = {name: RNG.choice(["a", "b", "unknown"], N) for name in CATEGORIES}
    keys = {"loan_id": [f"loan_{i}" for i in range(N)]}
    return pl.DataFrame({**keys, **numbers, **words}).with_columns(n_clickstream_months=pl.lit(5.0))


LABELS = (RNG.random(N) < 0.3).astype(float)


def evidence(months: float, level: float, kappa: float = 10.0) -> float:
    frame = pl.DataFrame({"n": [4.0, 4.0], "level": [90.0, 110.0]})
    fitted = ClickstreamEvidence(kappa).fit(frame)
    return float(fitted.transform(pl.DataFrame({"n": [months], "level": [level]}))[0, 0])


def test_the_same_level_is_stronger_evidence_after_more_months() -> None:
    assert [evidence(n, 120.0) for n in (1, 10, 30)] == pytest.approx([20 / 11, 10.0, 15.0])


def test_the_usual_level_and_no_history_say_nothing() -> None:
    assert evidence(12, 100.0) == 0.0
    assert evidence(0, float("nan")) == 0.0


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_model_to_the_last_bit(
    family: Family, applications: pl.DataFrame
) -> None:
    first, second = (fit_model(Recipe(family), applications, LABELS, seed=3) for _ in range(2))
    assert np.array_equal(predict_pd(first, applications), predict_pd(second, applications))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_application_without_any_source_still_gets_a_pd(
    family: Family, applications: pl.DataFrame
) -> None:
    model = fit_model(Recipe(family), applications, LABELS, seed=0)
    empty = pl.DataFrame([dict.fromkeys(FEATURE_STORE)], schema=FEATURE_STORE)
    pd = predict_pd(model, empty.select(FEATURES))
    assert ((pd > 0) & (pd < 1)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unseen_word_is_no_error(family: Family, applications: pl.DataFrame) -> None:
    model = fit_model(Recipe(family), applications, LABELS, seed=0)
    new = applications.head(3).with_columns(occupation=pl.lit("Astronaut"))
    assert predict_pd(model, new).shape == (3,)
