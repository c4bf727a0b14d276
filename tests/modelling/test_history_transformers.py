import numpy as np
import polars as pl
import pytest

from tasks.modelling.history_transformers import CredibilityWeightedMeans, LogLikelihoodTerms
from tasks.schemas.feature_store import SUMMARY
from tests.applicants import applicants
from tests.reference import CLICKSTREAM_LEVELS, CLICKSTREAM_MONTHS, CLICKSTREAM_SPREADS


def customer(months: float, level: float, spread: float | None = 10.0) -> pl.DataFrame:
    values = {
        CLICKSTREAM_MONTHS: [months],
        **{name: [level] for name in CLICKSTREAM_LEVELS},
        **{name: [spread] for name in CLICKSTREAM_SPREADS},
    }
    return pl.DataFrame(values, schema=dict.fromkeys(SUMMARY, pl.Float64))


FITTED = pl.concat([customer(4.0, 90.0), customer(4.0, 110.0)])


def level(months: float, value: float) -> float:
    return float(CredibilityWeightedMeans(kappa=10.0).fit(FITTED).transform(customer(months, value))[0, 0])


def test_the_same_level_counts_for_more_after_more_months() -> None:
    assert [level(n, 120.0) for n in (1, 10, 30)] == pytest.approx([20 / 11, 10.0, 15.0])


def test_the_usual_level_and_no_history_say_nothing() -> None:
    assert level(12, 100.0) == 0.0
    assert level(0, float("nan")) == 0.0


def test_evidence_grows_with_the_months_beyond_those_it_was_fitted_on() -> None:
    fitted = LogLikelihoodTerms().fit(FITTED)
    sums = [float(fitted.transform(customer(n, 120.0))[0, 1]) for n in (1, 10, 30)]
    assert sums[1:] == pytest.approx([10 * sums[0], 30 * sums[0]])


def test_squares_are_those_of_the_months_themselves() -> None:
    values = np.array([80.0, 130.0, 105.0])
    known = customer(3.0, float(values.mean()), float(values.std(ddof=1)))
    fitted = LogLikelihoodTerms().fit(FITTED)
    squares = fitted.transform(known)[0, 1 + len(CLICKSTREAM_LEVELS)]
    usual, variance = fitted.usual_[0], fitted.variance_[0]
    assert squares == pytest.approx(((values - usual) ** 2).sum() / variance - 3)


def test_a_customer_without_clickstream_gives_no_evidence() -> None:
    nothing = pl.DataFrame([dict.fromkeys(SUMMARY)], schema=dict.fromkeys(SUMMARY, pl.Float64))
    assert (LogLikelihoodTerms().fit(applicants().select(SUMMARY)).transform(nothing) == 0).all()
