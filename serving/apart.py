"""A function called in a process of its own, after all others, which ends with this one.

What takes seconds of work beside the answers would hold the interpreter that gives them.
"""

import asyncio
import os
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, ParamSpec, TypeVar

from tasks.errors import PassingError, VintageError
from tasks.lender.current import lender, serve
from tasks.lender.declaration import Lender

P = ParamSpec("P")
R = TypeVar("R")
SPAWN = get_context("spawn")  # a fork of Polars' threads hangs
LEAST_URGENT = 19  # niceness


async def call_apart(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the function gives. It is one of a module, and it and its arguments can be pickled.

    Raises: VintageError and OSError as the function; PassingError where its process ended without a word.
    """
    receives, sends = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_call, args=(sends, lender(), function, args, kwargs))
    await asyncio.to_thread(process.start)
    sends.close()
    try:
        return _given(await asyncio.to_thread(_receive, receives), function.__name__)
    finally:
        process.kill()  # no table is half written, whenever this comes
        await asyncio.to_thread(process.join)
        receives.close()


def _receive(receives: Any) -> Any:
    try:
        return receives.recv()
    except EOFError:
        return None


def _given(outcome: Any, name: str) -> Any:
    if outcome is None:
        raise PassingError(
            f"The process of {name} ended without a word; the machine may lack memory. It is tried again."
        )
    done, found = outcome
    if not done:
        raise found
    return found


def _call(
    sends: Any, served: Lender, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    os.nice(LEAST_URGENT)
    serve(served)
    try:
        found = (True, function(*args, **kwargs))
    except (VintageError, OSError) as error:
        found = (False, error)
    sends.send(found)


def _end_with_parent() -> None:
    """End at once when the process that called ends, however that ends."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)
