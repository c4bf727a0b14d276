import pytest

from tasks.labels.ripeness import cohorts_missing
from tests.builders import months


@pytest.mark.parametrize(
    ("ripe", "trained_on", "missing"),
    [(0, 0, 6), (5, 0, 1), (6, 0, 0), (6, 6, 3), (8, 6, 1), (9, 6, 0), (11, 6, -2)],
)
def test_training_is_due_after_six_cohorts_then_every_three(ripe: int, trained_on: int, missing: int) -> None:
    assert cohorts_missing(months(ripe), months(trained_on), first=6, every=3) == missing


def test_an_older_cohort_that_is_labelled_late_is_newly_ripe() -> None:
    ripe = months(6)
    assert cohorts_missing(ripe, [ripe[1], ripe[2], ripe[5]], first=6, every=3) == 0
