"""`vintage serve` in a process of its own."""

import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import httpx

from tasks.config import Settings
from tests.e2e.waiting import wait_until

Process = subprocess.Popen[bytes]


@contextmanager
def served(settings: Settings) -> Generator[tuple[str, Process]]:
    """Where it listens, and its process; it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {
        "--data": settings.data,
        "--datamart": settings.datamart,
        "--model-store": settings.model_store,
    }
    words = [str(word) for pair in folders.items() for word in pair]
    server = subprocess.Popen([sys.executable, "-m", "flows", "serve", "--port", str(port), *words])

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        wait_until(ready, lambda: "vintage serve is not ready", seconds=300)
        yield f"http://127.0.0.1:{port}/", server
    finally:
        server.terminate()
        server.wait(timeout=60)
