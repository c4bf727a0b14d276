"""How a command ends when it is told to: at once, in one sentence, whatever it is doing."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread

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
