"""Calls that need none of each other's results, two at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")
AT_A_TIME = 2  # a fit holds the interpreter's lock for half of its time or more, so a third would only wait


def call_all(calls: Iterable[Callable[[], R]]) -> list[R]:
    """What each call gives, in their order. Errors: that of the first call that fails."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        waiting = [pool.submit(call) for call in calls]
        return [one.result() for one in waiting]
