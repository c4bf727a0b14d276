from datetime import date

import pytest

from tasks.ingestion.delivery_checks import drop_strays, find_odd_volume
from tasks.schemas.deliveries import Volume
from tests.builders import month, months

USUAL = dict.fromkeys(months(6), Volume(100, 100))
LONG_AGO = date(2013, 6, 1)


def test_a_few_rows_long_before_all_others_are_no_month() -> None:
    assert drop_strays({LONG_AGO: Volume(3, 3), **USUAL}) == months(6)


def test_months_before_a_gap_with_as_many_rows_as_usual_are_months() -> None:
    assert drop_strays({LONG_AGO: Volume(100, 100), **USUAL}) == [LONG_AGO, *months(6)]


def test_without_a_gap_a_small_first_month_is_a_month() -> None:
    assert drop_strays({**USUAL, month(0): Volume(1, 1)}) == months(6)
    assert drop_strays({}) == []


@pytest.mark.parametrize("later", [Volume(100, 100), Volume(900, 100), Volume(1, 0)])
def test_what_comes_after_a_month_does_not_make_it_odd(later: Volume) -> None:
    assert find_odd_volume({**USUAL, month(5): later}, month(4)) is None
