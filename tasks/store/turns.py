"""How writers that meet on one table or file of an object store, where none can hold a lock, take turns."""

import time
from collections.abc import Callable, Iterator
from random import SystemRandom
from typing import TypeVar

ATTEMPTS = 1000  # each in vain is the success of another writer: more than all months that may be written
ALONE = 50  # of them in a row in which no other got through: then the store is at fault
SHORTEST_WAIT, LONGEST_WAIT = 0.01, 1.0  # seconds
T = TypeVar("T")


def take_turns(newest: Callable[[], T], version: Callable[[T], object]) -> Iterator[T]:
    """What is `newest`, to write on, and after each attempt in vain what is newest then.

    So the attempts grow with the writers: they end where none got through in between, the `version` being the
    same, ALONE times in a row.
    """
    seen, alone = None, 0
    for attempt in range(ATTEMPTS):
        found = newest()
        alone = alone + 1 if attempt and version(found) == seen else 0
        if alone == ALONE:
            return
        seen = version(found)
        yield found
        _wait_for_turn(attempt)


def _wait_for_turn(attempt: int) -> None:
    """Wait at random, longer after each attempt in vain (from 0), so that many writers spread out.

    Source: exponential backoff with full jitter, AWS Architecture Blog, 2015.
    """
    longest = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(attempt, 30))
    time.sleep(SystemRandom().uniform(0, longest))
