from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks.governance.earlier_policies import HELD_BEFORE
from tasks.governance.policy import Cutoff
from tasks.metric_spec import split_subject
from tasks.monitoring.approvals import count_approved, keep_approved, mix_summaries, summarise_pds
from tasks.monitoring.score_paths import measure_approved, measure_path_mix, measure_psi, split_by_path
from tasks.monitoring.stability import build_reference, keep_newest, score_bins
from tasks.schemas.catalog import TABLES
from tests.applicants import applicants
from tests.builders import month, months
from tests.policies import POLICY

RNG = np.random.default_rng(4)
SHARP, DULL = RNG.beta(0.3, 0.9, 3000), RNG.beta(2.0, 6.0, 3000)  # PDs of the two paths
CLOSED = "clickstream"


def reference() -> dict[str, Any]:
    ripe = applicants().with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in TABLES["silver.clickstream"].columns if "fe_" in name
    )
    scores = {"none": pl.Series(SHARP), CLOSED: pl.Series(DULL)}
    expected = {"mix": summarise_pds(SHARP), "none": summarise_pds(SHARP), CLOSED: summarise_pds(DULL)}
    return {**build_reference(ripe, scores), "expected": expected}


REFERENCE = reference()


def scored(n_complete: int, n_closed: int, seed: int = 1) -> pl.DataFrame:
    """Applications of which so many took each path, whose scores are as in the training data."""
    rng = np.random.default_rng(seed)
    pds = np.concatenate([rng.beta(0.3, 0.9, n_complete), rng.beta(2.0, 6.0, n_closed)])
    return pl.DataFrame({"pd": pds, "fallback": ["none"] * n_complete + [CLOSED] * n_closed})


@pytest.mark.parametrize(("n_complete", "n_closed"), [(400, 0), (200, 200), (0, 400), (399, 1)])
def test_a_change_of_the_paths_is_no_shift_of_the_score(n_complete: int, n_closed: int) -> None:
    psi = measure_psi(scored(n_complete, n_closed), REFERENCE, "score", limits=POLICY.stability)
    assert psi["status"] == "green"
    assert psi["value"] < 0.1


def test_scores_unlike_those_of_their_own_path_are_a_shift_of_the_score() -> None:
    swapped = scored(300, 0).with_columns(fallback=pl.lit(CLOSED))
    psi = measure_psi(swapped, REFERENCE, "score", limits=POLICY.stability)
    assert psi["status"] == "red"


def test_of_a_single_path_the_bins_are_its_deciles() -> None:
    bins, n, known = score_bins(REFERENCE, {CLOSED: 40, "financials": 3})
    assert (n, known) == (3000.0, [CLOSED])
    assert np.allclose(bins["edges"], np.quantile(DULL, np.linspace(0, 1, 11)[1:-1]))
    assert np.allclose(bins["shares"][:-1], 0.1, atol=0.001)


def test_a_path_that_the_reference_does_not_know_says_so() -> None:
    rows = scored(60, 0).with_columns(fallback=pl.lit("financials"))
    psi = measure_psi(rows, REFERENCE, "score", limits=POLICY.stability)
    assert (psi["value"], psi["status"]) == (None, "no reference")


def test_a_reference_of_older_code_is_of_the_complete_path() -> None:
    older = {"bins": {"pd": {"edges": [0.5], "shares": [0.7, 0.3, 0.0]}}, "n": {"pd": 900}}
    measured = measure_psi(scored(300, 10), older, "score", limits=POLICY.stability)
    assert measured["n"] == 310
    silent = measure_psi(scored(10, 300), older, "score", limits=POLICY.stability)
    assert silent["status"] == "no reference"
    cost, rate = measure_approved(scored(300, 0), older, "", cutoff=POLICY.cutoff, limits=POLICY.path_cost)
    assert (cost["status"], rate["reference"]) == ("no reference", None)


def test_a_path_with_enough_loans_has_figures_of_its_own() -> None:
    enough = POLICY.paths.min_loans
    assert [end for end, _ in split_by_path(scored(200, enough), POLICY.paths)] == [
        "",
        " without clickstream",
        " with all sources",
    ]
    assert [end for end, _ in split_by_path(scored(200, enough - 1), POLICY.paths)] == [
        "",
        " with all sources",
    ]
    assert [end for end, _ in split_by_path(scored(200, 0), POLICY.paths)] == [""]
    assert [end for end, _ in split_by_path(scored(0, 200), POLICY.paths)] == ["", " without clickstream"]


def test_a_subject_names_its_path() -> None:
    assert split_subject("score") == ("score", "")
    assert split_subject("A without clickstream and financials") == (
        "A",
        " without clickstream and financials",
    )
    assert split_subject("with all sources") == ("", " with all sources")


def cost_of(scores: pl.DataFrame, end: str = "") -> tuple[float, float, str]:
    found, _ = measure_approved(scores, REFERENCE, end, cutoff=POLICY.cutoff, limits=POLICY.path_cost)
    return found["value"], found["reference"], found["status"]


def test_a_path_that_knows_less_costs_more_at_the_same_cut_off() -> None:
    """Of PDs near the mean, those below the cut-off are higher on average than of PDs that part widely."""
    assert cost_of(scored(400, 0))[2] == "green"
    value, before, status = cost_of(scored(0, 400))
    assert value > 1.5 * before
    assert status == "red"
    assert cost_of(scored(0, 400), f" without {CLOSED}")[2] == "green"


def test_a_cost_that_few_loans_show_is_amber_until_it_is_surely_above() -> None:
    """Both are more than twice as high as in development."""
    dear = np.random.default_rng(1).beta(0.9, 4.0, 16)
    few, more = (pl.DataFrame({"pd": dear[:n]}).with_columns(fallback=pl.lit("none")) for n in (8, 16))
    assert [cost_of(scores)[2] for scores in (few, more)] == ["amber", "red"]
    before = POLICY.path_cost.model_copy(update={"red_p": HELD_BEFORE["path_cost"]["red_p"]})
    found, _ = measure_approved(few, REFERENCE, "", cutoff=POLICY.cutoff, limits=before)
    assert found["status"] == "red"


def test_a_lower_cut_off_mends_what_a_path_costs() -> None:
    lower, developed = Cutoff(approve_up_to_pd=0.1), {**REFERENCE, "cutoff": POLICY.cutoff.approve_up_to_pd}
    found, _ = measure_approved(scored(0, 400), developed, "", cutoff=lower, limits=POLICY.path_cost)
    assert found["status"] == "green"
    assert found["reference"] == cost_of(scored(0, 400))[1]


def test_who_is_approved_is_counted_alike_in_the_reference_and_today() -> None:
    for cutoff in (0.0, 0.07, 0.30, 1.0):
        then, now = count_approved(summarise_pds(SHARP), cutoff), keep_approved(pl.Series(SHARP), cutoff)
        assert then is not None
        assert (then.n_all, then.n) == (now.n_all, now.n)
        assert then.mean == pytest.approx(now.mean)
        assert then.variance == pytest.approx(now.variance)


def test_the_paths_of_development_are_mixed_by_their_shares() -> None:
    parts = {"none": summarise_pds(SHARP), CLOSED: summarise_pds(DULL[:1000])}
    mixed = count_approved(mix_summaries(parts, {"none": 300, CLOSED: 100, "unknown": 9}), 1.0)
    assert mixed is not None
    assert mixed.mean == pytest.approx(0.75 * SHARP.mean() + 0.25 * DULL[:1000].mean())
    assert mixed.n_all == pytest.approx(1 / (0.75**2 / 3000 + 0.25**2 / 1000))
    assert mix_summaries(parts, {"unknown": 9}) is None


def test_nobody_approved_is_no_figure() -> None:
    refused = pl.DataFrame({"pd": [0.9] * 60, "fallback": ["none"] * 60})
    found, rate = measure_approved(refused, REFERENCE, "", cutoff=POLICY.cutoff, limits=POLICY.path_cost)
    assert (found["value"], found["status"]) == (None, "nobody approved")
    assert rate["value"] == 0.0


def statuses(now: dict[str, int], before: dict[str, int]) -> dict[str, str]:
    return {one["subject"]: one["status"] for one in measure_path_mix(now, before, limits=POLICY.paths)}


def test_a_share_of_a_path_that_changed_is_amber() -> None:
    assert statuses({CLOSED: 200}, {"none": 600}) == {
        "without clickstream": "amber",
        "with all sources": "amber",
    }
    assert set(statuses({"none": 195, CLOSED: 5}, {"none": 590, CLOSED: 10}).values()) == {"green"}
    assert set(statuses({"none": 200}, {}).values()) == {"no month before"}


def test_the_scores_reference_is_of_the_newest_months() -> None:
    rows = pl.DataFrame({"snapshot_date": [day for day in months(6) for _ in range(60)]})
    assert keep_newest(rows)["snapshot_date"].unique().sort().to_list() == months(6)[3:]
    few = pl.DataFrame({"snapshot_date": [*[month(0)] * 200, *[month(5)] * 3]})
    assert keep_newest(few).height == 203
