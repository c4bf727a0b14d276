"""The process of `vintage serve`: the application on uvicorn, on this machine alone."""

import asyncio

from tasks.config import Settings
from tasks.errors import UsageError

HOST = "127.0.0.1"
DRAINED_WITHIN = 30  # seconds that answers in flight have once the process is to end


def serve(settings: Settings, port: int) -> None:
    """Serve until the process is told to end; then answer what is in flight.

    Raises: UsageError without the extra, or where another service records to the datamart.
    """
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
            app, HOST, port, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=DRAINED_WITHIN,
        )  # fmt: skip
        await uvicorn.Server(config).serve()

    asyncio.run(run())
