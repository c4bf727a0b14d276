"""The process of `vintage serve`: the application on uvicorn."""

import asyncio
import signal
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from serving.apart import call_apart
from serving.record.roll import roll_daily
from serving.tokens import load_tokens
from tasks.config import Settings
from tasks.errors import UsageError

LOOPBACK = "127.0.0.1"
SWITCH_SECONDS = 0.0005  # how long a thread that comes back from the disk may wait for its turn
DRAINED_ON = (signal.SIGTERM, signal.SIGINT)
DRAINED_WITHIN = 30  # seconds that answers in flight have once the process is to end


def serve(
    settings: Settings, port: int, *, host: str = LOOPBACK, cert: Path | None = None, key: Path | None = None
) -> None:
    """Serve until the process is told to end; then answer what is in flight.

    Needs:  `cert` and `key`, PEM files, to be called by TLS.
    Raises: UsageError without the extra, on an address that others reach while nobody needs a token, or where
    another service records to the datamart.
    """
    if not _is_loopback(host) and not load_tokens(settings):
        raise UsageError(
            f"{host} can be reached by others, and no token is needed yet. Add one with: "
            "vintage serve token add NAME; or listen on 127.0.0.1."
        )
    try:
        import uvicorn
        import uvloop

        from serving.http.app import make_app
        from serving.service import Service
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The scoring service needs {error.name}, which is not installed. Install the extra `serve`: "
            "pip install '.[serve]', in the clone"
        ) from None

    async def run() -> None:
        app: Any = make_app(Service(settings, aside=call_apart))
        config = uvicorn.Config(
            app,
            host,
            port,
            ssl_certfile=cert,
            ssl_keyfile=key,
            log_level="warning",
            access_log=False,
            server_header=False,
            http="httptools",
            proxy_headers=False,
            timeout_graceful_shutdown=DRAINED_WITHIN,
        )
        roller = asyncio.create_task(roll_daily(settings))
        await uvicorn.Server(config).serve()
        roller.cancel()
        with suppress(asyncio.CancelledError):
            await roller

    _leave_signals_to_uvicorn()
    sys.setswitchinterval(SWITCH_SECONDS)
    uvloop.run(run())


def _leave_signals_to_uvicorn() -> None:
    """From now on SIGTERM and Ctrl+C end the process once what is in flight is answered, not at once.

    The command line blocks them; uvicorn puts handlers of its own in place while it serves.
    """
    for number in DRAINED_ON:
        signal.signal(number, _go_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DRAINED_ON)


def _go_on(number: int, frame: object) -> None:
    """Do nothing: uvicorn has ended by now, and the process does."""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        raise UsageError(f"--host {host!r} is no IP address; give one, such as 127.0.0.1.") from None
