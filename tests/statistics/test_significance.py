import numpy as np
import pytest
from scipy.stats import beta, fisher_exact, mannwhitneyu, norm

from tasks.statistics.significance import (
    discoveries,
    holm,
    jeffreys_p,
    jeffreys_two_sided_p,
    lowest_usual_count,
    ratio_below_p,
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


def test_a_rate_is_below_a_share_of_another_by_the_pooled_z_test_where_that_share_is_all() -> None:
    pooled = 100 / 200
    z = (0.4 - 0.6) / (pooled * (1 - pooled) * (1 / 100 + 1 / 100)) ** 0.5
    assert ratio_below_p(40, 100, 60, 100, 1.0) == pytest.approx(norm.cdf(z))
    assert ratio_below_p(54, 100, 60, 100, 0.9) == pytest.approx(0.5)
    assert ratio_below_p(0, 30, 60, 100, 0.9) < 0.001 < ratio_below_p(0, 30, 0, 100, 0.9) == 1.0


def test_a_rate_at_the_share_itself_is_found_below_it_as_rarely_as_the_p_value_says() -> None:
    chance = np.random.default_rng(5)
    draws = zip(chance.binomial(230, 0.9 * 0.65, 4000), chance.binomial(340, 0.65, 4000), strict=True)
    p_values = np.array([ratio_below_p(int(k), 230, int(other), 340, 0.9) for k, other in draws])
    assert (p_values < 0.05).mean() == pytest.approx(0.05, abs=0.012)


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
