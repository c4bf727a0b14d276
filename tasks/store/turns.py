"""How writers that meet on one table or file of an object store, where none can hold a lock, take turns."""

import time
from random import SystemRandom

ATTEMPTS = 50  # each writer but one is in vain: enough for as many writers at once
SHORTEST_WAIT, LONGEST_WAIT = 0.01, 1.0  # seconds


def wait_for_turn(attempt: int) -> None:
    """Wait at random, longer after each attempt in vain (from 0), so that many writers spread out.

    Source: exponential backoff with full jitter, AWS Architecture Blog, 2015.
    """
    longest = min(LONGEST_WAIT, SHORTEST_WAIT * 2**attempt)
    time.sleep(SystemRandom().uniform(0, longest))
