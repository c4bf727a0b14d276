from datetime import date

import numpy as np
import polars as pl
import pytest

from tasks.modelling.fallbacks import FallbackEnsemble, fit_ensemble, predict_ensemble
from tasks.modelling.families import FAMILIES, default_spec
from tasks.modelling.loading import load_training_data
from tasks.modelling.training_set import (
    TrainingSnapshot,
    label_array,
    read_training_set,
    see_history,
    shorten_histories,
)
from tasks.schemas.predictions import COMPLETE
from tasks.statistics.performance import Floats, measure_observed_to_expected
from tests.builders import month, months, quick_settings, take_in, write_book
from tests.reference import CLICKSTREAM_MONTHS

COHORTS = months(9)
LEARNED, HELD = COHORTS[:6], COHORTS[6:]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> TrainingSnapshot:
    """Nine ripe cohorts of a simulated lender, whose customers click since the first month."""
    home = tmp_path_factory.mktemp("lender")
    n_months, as_of = 15, month(14)
    data = write_book(home / "data", n_months=n_months, loans_per_month=400, seed=3)
    settings = quick_settings(data, home)
    take_in(settings, months(n_months))
    return load_training_data(as_of, settings, sources={})


@pytest.fixture(scope="module", params=FAMILIES)
def ensemble(request: pytest.FixtureRequest, book: TrainingSnapshot) -> FallbackEnsemble:
    family: str = request.param
    taught = read_training_set(book, book.of(LEARNED), day=HELD[0], view="as of training")
    return fit_ensemble(default_spec(family), taught, seed=0, paths=[COMPLETE])


def cut(book: TrainingSnapshot, newest: int) -> pl.DataFrame:
    """The held cohorts with so many of the newest months of their clickstream alone."""
    held = book.of(HELD)
    kept = pl.Series([newest] * held.height)
    return see_history(held, book.past, day=None, newest={"clickstream": kept})


@pytest.mark.parametrize("newest", [1, 2, 3, 5])
def test_defaults_of_short_histories_are_as_well_expected_as_those_of_long_ones(
    ensemble: FallbackEnsemble, book: TrainingSnapshot, newest: int
) -> None:
    labels = label_array(book.of(HELD))

    def observed_to_expected(loans: pl.DataFrame) -> float:
        return measure_observed_to_expected(labels, predict_ensemble(ensemble, loans))

    at_full_length = observed_to_expected(book.of(HELD))
    assert 0.9 <= at_full_length <= 1.1
    assert observed_to_expected(cut(book, newest)) == pytest.approx(at_full_length, rel=0.1)


def test_a_shortened_history_is_the_newest_months_of_it(book: TrainingSnapshot) -> None:
    loans = book.of([COHORTS[-1]])
    shortened = shorten_histories(loans, book.past, day=None)
    drawn: Floats = shortened[CLICKSTREAM_MONTHS].to_numpy()
    assert set(drawn) == set(np.arange(1.0, 10.0))
    assert shortened["loan_id"].equals(loans["loan_id"])
    last = shortened.with_row_index().filter(pl.col(CLICKSTREAM_MONTHS) == 1)["index"].to_numpy()
    one = cut_to_day(loans[last], book)
    assert one.select(shortened.columns).equals(shortened[last])


def cut_to_day(loans: pl.DataFrame, book: TrainingSnapshot) -> pl.DataFrame:
    """The same rows with the clickstream of the application's own month alone."""
    day: date = loans["snapshot_date"][0]
    return see_history(loans, book.past.filter(pl.col("snapshot_date") == day), day=day)
