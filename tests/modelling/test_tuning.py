from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from tasks.modelling import stacking, tuning
from tasks.modelling.families import FAMILIES
from tasks.modelling.tuning import Fold, search_spec
from tests.applicants import QUICK, training_set


@pytest.fixture(scope="module")
def folds() -> list[Fold]:
    held = training_set(seed=2, n=200)
    return [Fold(training_set(n=300), held.features, held.targets)]


def test_the_same_seed_and_folds_give_the_same_specification(folds: list[Fold]) -> None:
    first, second = (search_spec(FAMILIES["logistic"], folds, trials=6, seed=4) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("at_a_time", [2, 5])
def test_however_many_trials_run_at_a_time_the_specification_is_the_same(
    folds: list[Fold], at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = search_spec(FAMILIES["logistic"], folds, trials=13, seed=4)
    monkeypatch.setattr(stacking, "AT_A_TIME", at_a_time)
    assert search_spec(FAMILIES["logistic"], folds, trials=13, seed=4) == alone


def test_whichever_trial_of_a_batch_ends_first_the_specification_is_the_same(
    folds: list[Fold], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_turn = search_spec(FAMILIES["logistic"], folds, trials=13, seed=4)

    def last_first(calls: Iterable[Callable[[], object]]) -> list[object]:
        return [call() for call in reversed(list(calls))][::-1]

    monkeypatch.setattr(tuning, "call_side_by_side", last_first)
    assert search_spec(FAMILIES["logistic"], folds, trials=13, seed=4) == in_turn


def test_a_single_trial_tries_what_the_last_model_had(folds: list[Fold]) -> None:
    start = {**FAMILIES["stack"].defaults, **QUICK, "max_iter": 40, "max_leaf_nodes": 4, "learning_rate": 0.1}
    spec, _ = search_spec(FAMILIES["stack"], folds, trials=1, seed=0, start=start)
    assert spec.params == pytest.approx(start)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_cohorts_to_try_on_the_usual_specification_stands(family: str) -> None:
    spec, loss = search_spec(FAMILIES[family], [], trials=5, seed=0)
    assert (spec.params, loss) == (FAMILIES[family].defaults, None)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_specification_that_beats_the_usual_one_by_chance_alone_is_not_taken(seed: int) -> None:
    held = training_set(seed=2, n=40)
    fold = Fold(training_set(n=300), held.features, held.targets)
    spec, _ = search_spec(FAMILIES["logistic"], [fold], trials=3, seed=seed)
    assert spec.params == FAMILIES["logistic"].defaults


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trial_learns_the_same_after_others_of_the_same_folds(family: str) -> None:
    held = training_set(seed=2, n=200)
    used, fresh = (Fold(training_set(n=300), held.features, held.targets) for _ in range(2))
    search_spec(FAMILIES[family], [used], trials=2, seed=1)
    spaces: Mapping[str, Any] = FAMILIES[family].search_space
    start = {name: space.low for name, space in spaces.items()}
    again, first = (
        search_spec(FAMILIES[family], [fold], trials=1, seed=0, start=start) for fold in (used, fresh)
    )
    assert again == first
