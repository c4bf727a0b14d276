"""What answers rest on, loaded and tested while others are answered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from serving.customer_state import load_state
from serving.self_test import SelfTest, load_tested
from serving.snapshot import Fingerprint, Snapshot
from tasks.config import Settings
from tasks.sources.tasks import sources_of

Aside = Callable[..., Awaitable[Any]]  # as `asyncio.to_thread`


@dataclass(frozen=True)
class Loaded:
    """A snapshot that was tested, and the fingerprint of what it rests on."""

    print: Fingerprint
    snapshot: Snapshot
    tested: SelfTest


async def load(seen: Fingerprint, settings: Settings, aside: Aside, before: Loaded | None) -> Loaded:
    """The snapshot of a fingerprint; the state of customers is that of `before` where it still holds.

    Raises: as `load_snapshot`.
    """
    call = aside if before else asyncio.to_thread  # else nobody is answered yet
    fresh, tested = await call(load_tested, seen.day, settings)
    others = sources_of(fresh.models, settings)
    if before and before.print.of_state == seen.of_state and before.snapshot.state.others == others:
        state = before.snapshot.state
    else:
        state = await asyncio.to_thread(load_state, seen.day, settings, others=others)
    return Loaded(seen, replace(fresh, state=state), tested)
