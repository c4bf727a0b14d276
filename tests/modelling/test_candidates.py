from contextlib import nullcontext
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tasks.errors import NothingToDoError
from tasks.modelling import candidates
from tasks.modelling.candidates import Candidate, build_folds, read_whole, refit, score_walk_forward
from tasks.modelling.challenger import (
    UNSEEN_FITS,
    TrainingConfig,
    build_gate_input,
    score_unseen,
    see_newest,
    share_paths,
    train,
)
from tasks.modelling.decisions import judge_challenger, require_both_outcomes
from tasks.modelling.fallbacks import find_missing, fit_ensemble, predict_ensemble
from tasks.modelling.families import ModelSpec
from tasks.modelling.splits import Split
from tasks.modelling.training_set import HISTORY_VIEWS, TrainingSnapshot, read_training_set
from tasks.monitoring.fairness import FairnessVerdict
from tasks.schemas.feature_store import MEASURES, SOURCE_OF
from tasks.schemas.predictions import COMPLETE
from tasks.statistics.performance import measure_auc
from tests.applicants import QUICK, training_set
from tests.builders import clickstream_rows, month, months
from tests.policies import POLICY

SPLIT = Split((month(0),), (month(1), month(2)))
PATHS = (COMPLETE, "clickstream", "financials", "clickstream+financials")
N = 200  # loans of each of the three cohorts


def known(flipped: int | None = None) -> TrainingSnapshot:
    """Three ripe cohorts; of cohort `flipped` every label is the other way round."""
    taught = training_set()
    label = pl.Series(taught.targets).cast(pl.Int32)
    frame = taught.features.with_columns(label=label, ripe=pl.lit(value=True)).sort(
        "snapshot_date", "loan_id"
    )
    if flipped is not None:
        turned = pl.when(pl.col("snapshot_date") == month(flipped)).then(1 - pl.col("label"))
        frame = frame.with_columns(label=turned.otherwise("label"))
    frame = frame.with_columns(target=pl.col("label").cast(pl.Float64))
    return TrainingSnapshot(month(9), frame, clickstream_rows("nobody", [1]))


def scored(book: TrainingSnapshot, learned: list[date] | None = None) -> np.ndarray:
    return score_walk_forward(ModelSpec("logistic"), book, SPLIT, seed=0, learned=learned).served


@pytest.mark.parametrize(("where", "found"), [(0, ""), (1, ""), (2, "2023-03 to 2023-03")])
def test_cohorts_with_one_outcome_are_no_ground_for_a_training(where: int, found: str) -> None:
    """Of three cohorts the first two are learned from together, the last is out of time."""
    book = known()
    same = pl.when(pl.col("snapshot_date") == month(where)).then(0).otherwise("label")
    loans = book.loans.with_columns(label=same.cast(pl.Int32))
    config = TrainingConfig(trials=1, seed=0, oot_cohorts=2, start={})
    refused = pytest.raises(NothingToDoError, match=found) if found else nullcontext()
    with refused:
        require_both_outcomes(replace(book, loans=loans), config)


def test_an_out_of_time_cohort_is_scored_by_what_came_before_it_alone() -> None:
    usual = scored(known())
    assert len(usual) == 2 * N
    assert np.array_equal(scored(known(flipped=2)), usual)
    second = scored(known(flipped=1))
    assert np.array_equal(second[:N], usual[:N])
    assert not np.allclose(second[N:], usual[N:])
    assert not np.allclose(scored(known(flipped=0))[:N], usual[:N])


def test_a_model_that_learned_from_fewer_cohorts_is_replayed_on_those() -> None:
    first_only = scored(known(), learned=months(1))
    assert np.array_equal(scored(known(flipped=1), learned=months(1)), first_only)


def clicked(later: int) -> TrainingSnapshot:
    """The book with everybody's clickstream, in which every value after the third month is `later`."""
    book = known()
    people = book.loans.select("customer_id").with_columns(level=pl.int_range(pl.len()) % 50)
    rows = people.join(pl.DataFrame({"snapshot_date": months(9)}), how="cross")
    value = pl.when(pl.col("snapshot_date") > month(2)).then(later).otherwise("level").cast(pl.Int32)
    clicks = rows.select("customer_id", "snapshot_date", *(value.alias(name) for name in MEASURES))
    return replace(book, past=clicks.lazy())


def test_neither_gate_nor_search_reads_clicks_after_the_cohort_that_is_judged() -> None:
    split = Split(tuple(months(2)), (month(2),))
    one, other = (score_walk_forward(ModelSpec("logistic"), clicked(n), split, seed=0) for n in (0, 9000))
    assert np.array_equal(one.served, other.served)
    folds = [build_folds(clicked(n), months(3)) for n in (0, 9000)]
    for fold, same in zip(*folds, strict=True):
        assert_frame_equal(fold.training_set.features, same.training_set.features)
        assert fold.training_set.features["fe_1_mean"].null_count() == 0


@pytest.mark.parametrize("family", ["logistic", "stack"])
def test_the_score_of_a_loan_in_the_reference_knows_nothing_of_its_own_outcome(family: str) -> None:
    book, spec, view = known(), ModelSpec(family, QUICK), HISTORY_VIEWS[1]
    ensemble = refit(spec, book, read_whole(book, view), seed=0)
    first = pl.int_range(pl.len()) % UNSEEN_FITS == 0
    label = pl.when(first).then(1 - pl.col("label")).otherwise("label")
    turned = book.loans.with_columns(label=label, target=label.cast(pl.Float64))
    usual, other = (
        score_unseen(spec, ensemble, one, read_whole(one, view), seed=0)
        for one in (book, replace(book, loans=turned))
    )
    n_first = 3 * N // UNSEEN_FITS
    assert set(usual) == set(PATHS)
    for path in PATHS:
        assert usual[path][:n_first].equals(other[path][:n_first])
        assert not np.allclose(usual[path][n_first:], other[path][n_first:])


def test_the_scores_of_the_reference_see_histories_as_on_the_training_day() -> None:
    one, other = (see_newest(clicked(n)) for n in (0, 9000))
    assert one["n_clickstream_months"].unique().to_list() == [9.0]
    assert not one["fe_1_mean"].equals(other["fe_1_mean"])


def test_out_of_time_figures_are_told_by_length_of_history() -> None:
    walk_forward = score_walk_forward(ModelSpec("logistic"), clicked(0), SPLIT, seed=0, shorten=True)
    loans = walk_forward.shortened
    assert loans.height == len(walk_forward.served)
    assert set(loans["months"]) == {1.0, 2.0, 3.0}
    bands = candidates.measure_by_history(loans)
    assert [(one["from_months"], one["to_months"]) for one in bands] == [(1, 1), (2, 3)]
    assert [one["n"] for one in bands] == [(loans["months"] == 1).sum(), (loans["months"] > 1).sum()]
    good = loans.with_columns(label=pl.when(pl.col("months") == 1).then(0).otherwise("label"))
    assert [one["from_months"] for one in candidates.measure_by_history(good)] == [2]


def test_the_history_view_is_the_one_of_the_lowest_loss_out_of_time() -> None:
    book, split = known(), Split(tuple(months(2)), (month(2),))
    best = candidates.find_candidates(book, split, trials=1, seed=0, start={})[0]
    view, figures = candidates.choose_history_view(best, book, split, seed=0)
    losses = {name: of["log_loss"] for name, of in figures.items()}
    assert losses[view] == min(losses.values()) < max(losses.values())


def candidate(family: str, pds: np.ndarray, labels: np.ndarray) -> Candidate:
    ensemble = fit_ensemble(ModelSpec("logistic"), training_set(), seed=0, paths=[COMPLETE])
    return Candidate(ModelSpec(family), 0.5, ensemble, pds, measure_auc(labels, pds))


@pytest.mark.parametrize(("noise", "first"), [(0.05, "logistic"), (3.0, "boosting")])
def test_of_candidates_that_rank_alike_the_better_calibrated_one_serves(noise: float, first: str) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.05, 0.95, 2000)
    labels = (rng.random(2000) < truth).astype(float)
    blurred = 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) + noise * rng.normal(size=2000))))
    sharp = candidate("boosting", truth**3, labels)  # ranks best, and its PDs are far too low
    simple = candidate("logistic", blurred, labels)
    assert sharp.oot_auc.value > simple.oot_auc.value
    assert candidates.rank_candidates([sharp, simple], labels)[0].spec.family == first


def test_the_gate_is_shown_the_fallbacks_and_not_the_complete_model_among_them() -> None:
    challenger = train(known(), TrainingConfig(trials=1, seed=0, oot_cohorts=1, start={}))
    shown = build_gate_input(challenger, known(), champion=None, shares={}, fairness=FairnessVerdict())
    assert set(shown.fallbacks) == {"clickstream", "financials", "clickstream+financials"}


def closed(book: TrainingSnapshot, *numbers: int) -> TrainingSnapshot:
    """The book, in which nothing is known of the clickstream of those who applied in some months."""
    gone = pl.col("snapshot_date").is_in([month(number) for number in numbers])
    names = [name for name, source in SOURCE_OF.items() if source == "clickstream"]
    blank = [pl.when(~gone).then(name).alias(name) for name in names]
    flag = (pl.col("has_clickstream") & ~gone).alias("has_clickstream")
    return replace(book, loans=book.loans.with_columns(flag, *blank))


def test_an_out_of_time_loan_is_scored_by_the_path_that_it_would_take() -> None:
    book, spec = closed(known(), 1, 2), ModelSpec("logistic")
    scored = score_walk_forward(spec, book, SPLIT, seed=0, paths=["clickstream", COMPLETE])
    assert set(find_missing(book.of(SPLIT.oot))) == {"clickstream"}
    assert np.array_equal(scored.served, scored.by_path["clickstream"])
    assert len(scored.by_path[COMPLETE]) == 0
    first = read_training_set(book, book.of([month(0)]), day=month(1), view="as of training")
    served = predict_ensemble(fit_ensemble(spec, first, seed=0), book.of([month(1)]))
    assert np.allclose(scored.served[:N], served)


def test_a_path_is_measured_on_all_loans_that_it_can_answer() -> None:
    book = closed(known(), 2)
    scored = score_walk_forward(ModelSpec("logistic"), book, SPLIT, seed=0, paths=PATHS)
    measured = candidates.measure_paths(scored, book.of(SPLIT.oot))
    assert {path: one["n"] for path, one in measured.items()} == {
        COMPLETE: N,
        "financials": N,
        "clickstream": 2 * N,
        "clickstream+financials": 2 * N,
    }


def test_the_gate_judges_each_path_that_enough_of_the_newest_applications_take() -> None:
    book = closed(known(), 2)
    shares = {"clickstream": pytest.approx(1 / 3), COMPLETE: pytest.approx(2 / 3)}
    assert share_paths(book) == shares
    trained = train(book, TrainingConfig(trials=1, seed=0, oot_cohorts=1, start={}))
    for path_share, judged in ((0.3, {"clickstream", COMPLETE}), (0.5, {COMPLETE}), (0.9, set())):
        limits = POLICY.gate.model_copy(update={"path_share": path_share})
        assert set(judge_challenger(trained, book, limits, FairnessVerdict())["figures"]["paths"]) == judged


def test_a_search_looks_at_a_share_of_many_loans_from_every_cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    (_, whole) = build_folds(known(), months(3))
    monkeypatch.setattr(candidates, "SEARCH_LOANS", 150)
    first, second = build_folds(known(), months(3))
    assert whole.held.height == N
    assert first.held.height + second.held.height + len(first.training_set.targets) == 150
    assert set(second.training_set.features["snapshot_date"]) == {month(0), month(1)}
