"""A function called in a process of its own, after all others, which ends with this one.

What takes work beside the answers would hold the interpreter that gives them.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, ParamSpec, TypeVar

from tasks.errors import PassingError, VintageError
from tasks.lender.current import lender, serve
from tasks.lender.declaration import Lender

P = ParamSpec("P")
R = TypeVar("R")
Connection = Any  # one end of a pipe; its type differs by platform
SPAWN = get_context("spawn")  # a fork of Polars' threads hangs
LEAST_URGENT = 19  # niceness


async def call_apart(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the function gives. It is one of a module, and it and its arguments can be pickled.

    Raises: VintageError and OSError as the function; PassingError where its process ended without a word.
    """
    process, connection = await asyncio.to_thread(start_apart, _call, LEAST_URGENT)
    try:
        outcome = await asyncio.to_thread(exchange, connection, (function, args, kwargs))
        return _given(outcome, function.__name__)
    finally:
        process.kill()  # no table is half written, whenever this comes
        await asyncio.to_thread(process.join)
        connection.close()


def start_apart(function: Callable[[Connection], None], niceness: int) -> tuple[BaseProcess, Connection]:
    """A process that calls the function with a connection, and the other end of that.

    It works for this one's lender, and yields to others from its first import on.
    """
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_begin, args=(theirs, lender(), niceness), daemon=True)
    process.start()
    theirs.close()
    with suppress(OSError):  # where it ended by now, `exchange` says so
        ours.send(function)
    return process, ours


def exchange(connection: Connection, message: Any) -> Any:
    """What the process at the other end says to a message; None where it ended."""
    try:
        connection.send(message)
        return connection.recv()
    except (EOFError, BrokenPipeError, ConnectionResetError):
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


def _begin(connection: Connection, served: Lender, niceness: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one that called
    Thread(target=_end_with_parent, daemon=True).start()
    os.nice(niceness)
    serve(served)
    connection.recv()(connection)


def _call(connection: Connection) -> None:
    function, args, kwargs = connection.recv()
    try:
        found = (True, function(*args, **kwargs))
    except (VintageError, OSError) as error:
        found = (False, error)
    connection.send(found)


def _end_with_parent() -> None:
    """End at once when the process that called ends, however that ends."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)
