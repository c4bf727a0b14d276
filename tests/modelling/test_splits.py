from datetime import date

import numpy as np
import pytest

from tasks.modelling.splits import cohort_groups, expanding_folds, split_cohorts
from tests.builders import month, months


@pytest.mark.parametrize(("n", "oot"), [(2, 1), (4, 2), (6, 3), (12, 3)])
def test_the_newest_cohorts_are_out_of_time_and_never_more_than_half(n: int, oot: int) -> None:
    split = split_cohorts(months(n), oot=3)
    assert split.oot == tuple(months(n)[n - oot :])
    assert split.development == tuple(months(n)[: n - oot])


def test_every_fold_validates_one_cohort_on_older_ones() -> None:
    days: list[date] = [day for day in months(5) for _ in range(3)]
    folds = expanding_folds(days)
    assert len(folds) == 3
    for fitted, held in folds:
        assert max(days[i] for i in fitted) < min(days[i] for i in held)
        assert len({days[i] for i in held}) == 1


@pytest.mark.parametrize(("n", "groups"), [(1, 2), (2, 2), (7, 4)])
def test_every_row_is_held_out_once_and_no_cohort_is_split_but_a_single_one(n: int, groups: int) -> None:
    days = [day for day in months(n) for _ in range(4)]
    ripe = np.array([i % 4 != 0 for i in range(len(days))])
    masks = cohort_groups(days, ripe, most=4)
    assert len(masks) == groups
    assert np.array_equal(np.sum(masks, axis=0), np.ones(len(days)))
    assert n == 1 or all(
        len({bool(mask[i]) for i in range(len(days)) if days[i] == day}) == 1
        for mask in masks
        for day in days
    )


@pytest.mark.parametrize(("n_ripe", "n_young"), [(6, 6), (2, 4), (1, 6)])
def test_what_is_held_out_has_the_share_of_ripe_loans_that_all_have(n_ripe: int, n_young: int) -> None:
    days = [day for day in months(n_ripe + n_young) for _ in range(4)]
    ripe = np.array([day < month(n_ripe) for day in days])
    for held in cohort_groups(days, ripe, most=3):
        assert ripe[held].mean() == ripe.mean()


def test_the_newest_cohorts_are_validated() -> None:
    days = [day for day in months(6) for _ in range(3)]
    assert [{days[i] for i in held} for _, held in expanding_folds(days)] == [
        {month(3)},
        {month(4)},
        {month(5)},
    ]
