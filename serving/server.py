"""The process of `vintage serve`: the application on uvicorn."""

import asyncio
from ipaddress import ip_address
from pathlib import Path

from serving.tokens import load_tokens
from tasks.config import Settings
from tasks.errors import UsageError

LOOPBACK = "127.0.0.1"
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

        from serving.app import make_app
        from serving.service import Service
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The scoring service needs {error.name}, which is not installed. Install the extra `serve`: "
            "pip install '.[serve]', in the clone"
        ) from None

    async def run() -> None:
        app = make_app(Service(settings))
        config = uvicorn.Config(
            app,
            host,
            port,
            ssl_certfile=cert,
            ssl_keyfile=key,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAINED_WITHIN,
        )
        await uvicorn.Server(config).serve()

    asyncio.run(run())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        raise UsageError(f"--host {host!r} is no IP address; give one, such as 127.0.0.1.") from None
