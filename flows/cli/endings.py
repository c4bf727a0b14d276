"""How a command ends: at once and in one sentence, when something is wrong or it gets a signal to."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread

from tasks.errors import VintageError, may_pass
from tasks.store_faults import explain

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def end_on_signal(before: Callable[[], object]) -> None:
    """From now on SIGNALS end this process with 128 plus their number; `before` runs first.

    A SIGHUP that is ignored, as under nohup, stays so: the work goes on when the terminal is closed.

    A thread waits for them and every other thread blocks them: Prefect puts a handler of its own in place,
    which would first report to a server that the same signal may have ended. No table is half written,
    whenever this comes.
    """
    awaited = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    Thread(target=_wait, args=(awaited, before), daemon=True).start()


def _wait(awaited: Sequence[signal.Signals], before: Callable[[], object]) -> None:
    number = signal.sigwait(awaited)
    with suppress(OSError):  # a terminal that is gone
        before()
    name = signal.Signals(number).name
    ended = f"vintage: ended by {name}. No table is half written; run the same command again to go on.\n"
    with suppress(OSError):
        os.write(sys.stderr.fileno(), ("\n" * os.isatty(2) + ended).encode())
    os._exit(128 + number)


def describe_failure(error: VintageError | OSError | MemoryError) -> tuple[str, int]:
    """One sentence: what, where, how to fix; and the exit code."""
    known = error if isinstance(error, VintageError) else explain(str(error), "The object store") or error
    return _sentence(known), 75 if may_pass(known) else getattr(known, "exit_code", 1)


def _sentence(error: VintageError | OSError | MemoryError) -> str:
    if isinstance(error, VintageError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is too little memory. No table is half written; run it again where there is more."
    path = error.filename2 or error.filename
    if not path and isinstance(error, FileNotFoundError):  # of Polars, whose message alone names the file
        return (
            f"{str(error).partition(' (set POLARS')[0]}. Restore what is missing from a copy, and try again."
        )
    where = f"{path}: " if path else ""
    return f"{where}{error.strerror or error}. Name a path that may be read and written to, and try again."
