"""How a month's work becomes a Prefect flow run, and what runs it: a server, or nothing at all.

With PREFECT_API_URL every run is recorded in that server. Without it `backfill` and `demo` start one local
server for their whole range, and a single flow runs in this process and is not recorded: starting a server
for it would take longer than its work.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import Context, copy_context
from datetime import date
from functools import cache
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from httpx import TransportError
from prefect import Flow, flow, tags
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.runtime import flow_run
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)
from prefect.utilities.urls import url_for

from flows.console import console
from tasks.config import Settings
from tasks.errors import NothingToDoError, VintageError
from tasks.prefect import in_flow_run, outcome, skipped
from tasks.settings_of_record import settings_on

SERVER_START_SECONDS = 60
# Services of a Prefect server that a local one, kept for one command, has no use for.
IDLE_SERVICES = (
    "SCHEDULER",
    "LATE_RUNS",
    "CANCELLATION_CLEANUP",
    "PAUSE_EXPIRATIONS",
    "FOREMAN",
    "TRIGGERS",
    "EVENT_PERSISTER",
)
# A run that meets a lock of SQLite waits two seconds: events are not kept, and what became of the tasks is
# written once a second instead of one by one.
SERVER_SETTINGS = {
    **{f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in IDLE_SERVICES},
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "1000",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


# The server ends with this process, however that ends: its standard input closes.
SERVE = """
import os, sys, time
from threading import Thread

import uvicorn

def end_with_the_parent():
    sys.stdin.buffer.read()
    server.should_exit = True
    time.sleep(5)
    os._exit(0)

app = "prefect.server.api.server:create_app"
port = int(sys.argv[1])
server = uvicorn.Server(
    uvicorn.Config(app, factory=True, host="127.0.0.1", port=port, timeout_graceful_shutdown=2)
)
Thread(target=end_with_the_parent, daemon=True).start()
server.run()
"""
UNREACHED = "Failed to reach API"  # how Prefect's RuntimeError begins when a client finds no server
_servers: dict[str, subprocess.Popen[bytes]] = {}  # by address, the one that this process started


def monthly_flow(name: str) -> Callable[[Callable[[date, Settings], None]], Flow[..., Any]]:
    """Make a Prefect flow of the work of one date; nothing to do ends the run as Completed, named Skipped."""

    def decorate(work: Callable[[date, Settings], None]) -> Flow[..., Any]:
        def run(snapshot_date: date, settings: Settings) -> State | None:
            say_where()
            try:
                # For each tag of a task Prefect asks the server for a limit, and waits two seconds when it
                # meets a lock of SQLite; the tags of the flow run are enough.
                with TagsContext(current_tags=set()):
                    work(snapshot_date, settings_on(snapshot_date, settings))
            except NothingToDoError as nothing:
                if not in_flow_run():
                    raise
                return skipped(nothing)
            return None

        run.__doc__ = work.__doc__
        return flow(name=name, flow_run_name=name + "-{snapshot_date}", validate_parameters=False)(run)

    return decorate


def labels_of(settings: Settings) -> list[str]:
    """Tags of every run: ours, and the id of the run that called us, where there is one."""
    return ["vintage", *filter(None, [settings.run_tag])]


def say_where() -> None:
    """Print the address of this Prefect run's page, where PREFECT_UI_URL names a server that people open."""
    if in_flow_run() and os.environ.get("PREFECT_UI_URL"):
        page = url_for("flow-run", flow_run.get_id())
        console.print(f"Prefect run {flow_run.get_name()}: {page}", soft_wrap=True, highlight=False)


def run_flow(monthly: Flow[..., Any], day: date, settings: Settings, *labels: str) -> None:
    """Run one flow for one date, recorded where a server is set.

    Errors: whatever the work raises; NothingToDoError when there is nothing to do yet.
    """
    if not PREFECT_API_URL.value():
        monthly.fn(day, settings)
        return
    api_url = str(PREFECT_API_URL.value())
    with _answering(api_url):
        _outside(api_url).copy().run(_recorded, monthly, day, settings, labels)


@cache
def _outside(api_url: str) -> Context:
    """A context for runs of their own, with the settings that they need, which take a while to read.

    Below another flow run Prefect opens two more clients, which costs more than the work. The heartbeat only
    serves automations; its thread makes every run wait up to a second at its end.
    """
    quick: Any = {PREFECT_API_URL: api_url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}

    def enter() -> Context:
        with temporary_settings(quick):
            return copy_context()

    return Context().run(enter)


def _recorded(monthly: Flow[..., Any], day: date, settings: Settings, labels: tuple[str, ...]) -> None:
    with tags(*labels_of(settings), f"{day:%Y-%m}", *labels):
        state = monthly(day, settings, return_state=True)
    outcome(state)


@contextmanager
def starting_server() -> Generator[None]:
    """Let the server of `local_server` start while the block prepares: the first start takes ten seconds."""
    if PREFECT_API_URL.value() or _servers:
        yield
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 - our own interpreter, no text from outside
        [sys.executable, "-c", SERVE, str(port)],
        env={**os.environ, **SERVER_SETTINGS},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _servers[f"http://127.0.0.1:{port}/api"] = server
    try:
        yield
    finally:
        _servers.clear()
        server.communicate()  # closes its standard input and waits for its end


@contextmanager
def local_server() -> Generator[str]:
    """A Prefect server for as long as the block runs, unless PREFECT_API_URL names one; gives its address."""
    if PREFECT_API_URL.value():
        with _answering(str(PREFECT_API_URL.value())):
            yield str(PREFECT_API_URL.value())
        return
    with starting_server():
        ((api_url, server),) = _servers.items()
        _wait_for(api_url, server)
        try:
            with (
                _answering(api_url),
                temporary_settings({PREFECT_API_URL: api_url, PREFECT_CLIENT_MAX_RETRIES: 3}),
            ):
                yield api_url
        finally:
            APILogWorker.drain_all(timeout=5)
            EventsWorker.drain_all(timeout=5)


@contextmanager
def _answering(api_url: str) -> Generator[None]:
    """Say in one sentence that the server does not answer. Errors: VintageError."""
    try:
        yield
    except (TransportError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith(UNREACHED):
            raise
        raise VintageError(
            f"The Prefect server at {api_url} does not answer ({error}). What was done stays done; see that "
            "it runs, or unset PREFECT_API_URL to go without, then run the same command again."
        ) from error


def kill_server() -> None:
    """Stop the local server at once, for a process that is told to end."""
    for server in _servers.values():
        server.kill()


def _wait_for(api_url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{api_url}/health", timeout=1):  # noqa: S310 - a fixed http address on this machine
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise VintageError(
        f"The local Prefect server did not answer at {api_url} within {SERVER_START_SECONDS} s. "
        "Start one with `prefect server start`, set PREFECT_API_URL to it and run the command again."
    )
