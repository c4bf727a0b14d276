from datetime import date

import polars as pl
import pytest

from tasks.months import month_label, month_number, month_range, months_before, require_month_start


def test_a_range_of_months_holds_both_ends() -> None:
    assert month_range(date(2023, 12, 1), date(2024, 2, 1)) == [
        date(2023, 12, 1),
        date(2024, 1, 1),
        date(2024, 2, 1),
    ]


@pytest.mark.parametrize(
    ("n", "first"),
    [(0, date(2024, 1, 1)), (1, date(2023, 12, 1)), (13, date(2022, 12, 1)), (-2, date(2024, 3, 1))],
)
def test_months_are_counted_back_and_forth_over_years(n: int, first: date) -> None:
    assert months_before(date(2024, 1, 31), n) == first


def test_neighbouring_months_are_one_apart_and_named_by_their_number() -> None:
    days = pl.DataFrame({"day": [date(2023, 12, 31), date(2024, 1, 1), date(2024, 3, 1)]})
    numbers = days.select(month_number(pl.col("day"))).to_series().to_list()
    assert [number - numbers[0] for number in numbers] == [0, 1, 3]
    assert [month_label(number) for number in numbers] == ["2023-12", "2024-01", "2024-03"]


def test_a_day_within_a_month_is_refused_with_the_first_of_it() -> None:
    assert require_month_start(date(2024, 3, 1)) == date(2024, 3, 1)
    with pytest.raises(ValueError, match=r"did you mean 2024-03-01\?"):
        require_month_start(date(2024, 3, 15))
