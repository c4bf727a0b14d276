import numpy as np
import pytest
from scipy.stats import beta, fisher_exact, mannwhitneyu

from tasks.statistics.significance import (
    discoveries,
    holm,
    jeffreys_p,
    jeffreys_two_sided_p,
    lowest_usual_count,
    trend_p,
)


def test_jeffreys_p_is_the_posterior_mass_up_to_the_pd() -> None:
    draws = beta(12.5, 88.5).rvs(200_000, random_state=1)
    assert jeffreys_p(12, 100, 0.1) == pytest.approx((draws <= 0.1).mean(), abs=0.005)


def test_jeffreys_p_is_small_for_too_many_defaults_and_both_tails_count_twice() -> None:
    assert jeffreys_p(20, 100, 0.1) < 0.01 < jeffreys_p(5, 100, 0.1)
    assert jeffreys_two_sided_p(1, 100, 0.1) == pytest.approx(2 * (1 - jeffreys_p(1, 100, 0.1)))


def test_holm_is_as_published() -> None:
    """The example of Holm's procedure with four tests: 0.01, 0.04, 0.03, 0.005."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    """Their own example (1995, table of section 3.1): at 0.05 the four smallest of fifteen stand."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert discoveries(p, rate=0.05) == [True] * 4 + [False] * 11
    assert discoveries([], rate=0.05) == []


def test_the_trend_of_two_histograms_is_the_rank_test_of_their_values() -> None:
    now, before = np.array([5.0, 9.0, 20.0, 16.0]), np.array([40.0, 38.0, 41.0, 39.0])
    values = [np.repeat(np.arange(4), counts.astype(int)) for counts in (now, before)]
    expected = mannwhitneyu(*values, method="asymptotic", use_continuity=False).pvalue
    assert trend_p(now, before) == pytest.approx(expected)
    assert trend_p(np.zeros(4), before) == 1.0


@pytest.mark.parametrize(("n", "known", "n_before"), [(500, 2760, 3000), (500, 3000, 3000), (40, 100, 200)])
def test_the_lowest_usual_count_is_where_fishers_test_turns(n: int, known: int, n_before: int) -> None:
    count = lowest_usual_count(n, known, n_before, p=0.01)
    for at, unusual in ((count - 1, True), (count, False)):
        table = [[at, n - at], [known, n_before - known]]
        assert (fisher_exact(table, alternative="less").pvalue < 0.01) == unusual
