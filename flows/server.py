"""The Prefect server that `vintage ui` starts: it stays when the command has ended, and is found again."""

import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from prefect.settings import PREFECT_HOME, PREFECT_SERVER_API_PORT

from tasks.errors import PassingError

START_SECONDS = 90
STOP_SECONDS = 10
HOST = "127.0.0.1"


def address_of_ours() -> str | None:
    """Address of the API of the server that `start` left running; None when there is none."""
    found = _noted()
    return found["api_url"] if found and _runs(found["pid"]) else None


def start() -> str:
    """Let a server run in the background, on this machine's own address, unless ours does; its API's address.

    Raises: PassingError when it does not answer in time.
    """
    running = address_of_ours()
    if running and _answers(running):
        return running
    port = _free_port(PREFECT_SERVER_API_PORT.value())
    api_url, log = f"http://{HOST}:{port}/api", _note().with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
        {**os.environ, "PREFECT_HOME": str(PREFECT_HOME.value())},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),  # a command blocks the signals that end it, and a child would inherit that
    )
    _note().write_text(json.dumps({"api_url": api_url, "pid": pid}), encoding="utf-8")
    deadline = time.monotonic() + START_SECONDS
    while not _answers(api_url):
        if not _runs(pid) or time.monotonic() > deadline:
            stop()
            raise PassingError(f"The Prefect server did not start at {api_url}; {log} says why.")
        time.sleep(0.2)
    return api_url


def stop() -> bool:
    """End the server that `start` left running; whether there was one."""
    found = _noted()
    _note().unlink(missing_ok=True)
    if not found or not _runs(found["pid"]):
        return False
    os.kill(found["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _runs(found["pid"]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return True


def _note() -> Path:
    """Where it is written down how to find the server."""
    return Path(PREFECT_HOME.value()) / "vintage-ui.json"


def _noted() -> dict[str, Any] | None:
    try:
        return json.loads(_note().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _answers(api_url: str) -> bool:
    with suppress(OSError), urlopen(f"{api_url}/health", timeout=2):  # noqa: S310 - an http address of ours
        return True
    return False


def _free_port(wanted: int) -> int:
    """The port that is wanted, or any other when something else has it."""
    for port in (wanted, 0):
        with socket.socket() as free, suppress(OSError):
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
            free.bind((HOST, port))
            return int(free.getsockname()[1])
    raise PassingError(f"No port is free on {HOST}.")


def _runs(pid: int) -> bool:
    """Whether the process runs, and is one of ours."""
    try:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # a child that has ended is there until it is asked for
        os.kill(pid, 0)
    except OSError:
        return False
    return True
