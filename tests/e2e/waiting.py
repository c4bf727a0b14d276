"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def wait_until(is_so: Callable[[], object], otherwise: Callable[[], str], *, seconds: float) -> None:
    """Ask again and again until it is so; the seconds only keep a test from hanging, so give minutes.

    Raises: AssertionError with what `otherwise` says, when it takes longer.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.5)
