"""Calls that need none of each other's results, two at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")
AT_A_TIME = 2  # a fit holds the interpreter's lock for half of its time or more, so a third would only wait


def call_all(calls: Iterable[Callable[[], R]]) -> list[R]:
    """What each call gives, in their order. Errors: that of the first call that fails."""

    def answer(call: Callable[[], R]) -> R:
        return call()

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(answer, calls))  # an error cancels the calls that have not begun
