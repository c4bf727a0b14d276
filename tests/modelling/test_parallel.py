from collections.abc import Callable
from functools import partial
from threading import Barrier

import pytest

from tasks.modelling import parallel
from tasks.modelling.parallel import call_all
from tasks.modelling.stacking import ModelSpec, fit_model, predict_pd
from tests.applicants import QUICK, applicants, training_set


def test_results_come_in_the_order_of_the_calls() -> None:
    assert call_all(partial(pow, number, 2) for number in range(20)) == [number**2 for number in range(20)]


def test_calls_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "AT_A_TIME", 2)
    met = Barrier(2, timeout=10)
    call: Callable[[], int] = met.wait
    assert sorted(call_all([call, call])) == [0, 1]


def test_two_fits_at_a_time_give_the_same_blend_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[bytes] = []
    for at_a_time in (1, 2):
        monkeypatch.setattr(parallel, "AT_A_TIME", at_a_time)
        scored.append(
            predict_pd(fit_model(ModelSpec("stack", QUICK), training_set(), seed=0), applicants()).tobytes()
        )
    assert scored[0] == scored[1]


def test_the_first_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        call_all([partial(divmod, 1, 0), partial(int, "no number")])
