"""The service in an event loop of its own, called as over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from httpx import ASGITransport, AsyncClient, Response

from serving.http.app import make_app
from serving.service import Aside, Service
from tasks.config import Settings
from tests.builders import month
from tests.serving.conftest import N_MONTHS

TODAY = month(N_MONTHS)


@dataclass(frozen=True)
class Client:
    """Calls the application that runs in the portal's event loop."""

    portal: BlockingPortal
    http: AsyncClient

    def get(self, path: str) -> Response:
        return self.portal.call(self.http.get, path)

    def post(self, path: str, **how: Any) -> Response:
        return self.portal.call(partial(self.http.post, path, **how))


def at_noon() -> datetime:
    return datetime.combine(TODAY, time(12))


@asynccontextmanager
async def running(service: Service) -> AsyncGenerator[None]:
    await service.start()
    yield
    await service.stop()


@contextmanager
def serving(
    settings: Settings, clock: Callable[[], datetime] = at_noon, aside: Aside = asyncio.to_thread
) -> Generator[tuple[Client, Service]]:
    service = Service(settings, clock, aside)
    app: Any = make_app(service)
    http = AsyncClient(transport=ASGITransport(app), base_url="http://service")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running(service)),
        portal.wrap_async_context_manager(http) as opened,
    ):
        yield Client(portal, opened), service
