from datetime import date

import pytest

from tasks.ingestion.delivery_checks import drop_strays, find_odd_beginning, find_odd_volume
from tasks.schemas.catalog import SOURCES
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


def beginning(n_months: int = 1, **rows: int) -> dict[str, dict[date, Volume]]:
    """Volumes of a lender's first months: 530 applications in each, but for the `rows` of the last."""
    usual = {name: dict.fromkeys(months(n_months), Volume(530, 530)) for name in SOURCES}
    return {**usual, **{name: {**usual[name], month(n_months - 1): Volume(n, n)} for name, n in rows.items()}}


@pytest.mark.parametrize("n_months", [1, 2, 3])
@pytest.mark.parametrize("name", SOURCES)
def test_200501_rows_instead_of_530_are_odd_from_the_first_month_on(name: str, n_months: int) -> None:
    volumes = beginning(n_months, **{name: 200_501})
    assert "200501 new rows, where " in str(find_odd_beginning(name, volumes, SOURCES, month(n_months - 1)))


@pytest.mark.parametrize("name", ["attributes", "financials", "loans"])
def test_a_handful_of_rows_for_530_applications_is_odd_in_the_first_month(name: str) -> None:
    assert find_odd_beginning(name, beginning(**{name: 3}), SOURCES, month(0))


@pytest.mark.parametrize("rows", [{}, {"clickstream": 12_720}, {"loans": 800, "attributes": 300}])
def test_what_a_first_month_may_look_like_is_not_odd(rows: dict[str, int]) -> None:
    volumes = beginning(**rows)
    assert [find_odd_beginning(name, volumes, SOURCES, month(0)) for name in SOURCES] == [None] * 4


def test_later_months_do_not_make_a_first_one_odd() -> None:
    volumes = beginning(3, loans=200_501)
    assert [find_odd_beginning(name, volumes, SOURCES, month(1)) for name in SOURCES] == [None] * 4
