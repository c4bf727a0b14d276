from datetime import date

import pytest

from tasks.core.splits import expanding_folds, split_cohorts
from tests.builders import months


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
