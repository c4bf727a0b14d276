from collections.abc import Callable
from functools import partial
from threading import Barrier

import pytest

from tasks.core.side_by_side import AT_A_TIME, call_all


def test_results_come_in_the_order_of_the_calls() -> None:
    assert call_all(partial(pow, number, 2) for number in range(20)) == [number**2 for number in range(20)]


def test_calls_run_at_the_same_time() -> None:
    met = Barrier(AT_A_TIME, timeout=10)
    call: Callable[[], int] = met.wait
    assert sorted(call_all([call] * AT_A_TIME)) == list(range(AT_A_TIME))


def test_the_first_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        call_all([partial(divmod, 1, 0), partial(int, "no number")])
