"""How a command ends when it is told to: at once, in one sentence, whatever it is doing."""

import os
import signal
import sys
from collections.abc import Callable
from threading import Thread

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def end_on_signal(before: Callable[[], object]) -> None:
    """From now on SIGTERM and SIGINT end this process with 128 plus their number; `before` runs first.

    A thread waits for them and every other thread blocks them: Prefect puts a handler of its own in place,
    which would first report to a server that the same signal may have ended. No table is half written,
    whenever this comes.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    Thread(target=_wait, args=(before,), daemon=True).start()


def _wait(before: Callable[[], object]) -> None:
    number = signal.sigwait(SIGNALS)
    before()
    name = signal.Signals(number).name
    ended = f"vintage: ended by {name}. No table is half written; run the same command again to go on.\n"
    os.write(sys.stderr.fileno(), ("\n" * os.isatty(2) + ended).encode())
    os._exit(128 + number)
