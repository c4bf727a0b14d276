"""`vintage ui` and `vintage deploy`: Prefect's page, where runs are watched, and started by a form."""

import os
import signal
import sys
from typing import Annotated

import typer

from flows.cli.endings import SIGNALS
from flows.cli.options import with_settings
from flows.console import console, notes
from tasks.config import Settings
from tasks.errors import PassingError, VintageError


@with_settings()
def ui(
    _settings: Settings,
    stop: Annotated[bool, typer.Option("--stop", help="End the server; what it recorded stays.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Start a Prefect server in the background unless it runs, and open its page.

    From then on every command records its runs there. It is reached from this machine only and keeps its
    data in PREFECT_HOME (~/.prefect).
    """
    from flows import server

    if stop:
        console.print("The Prefect server is ended." if server.stop() else "No Prefect server of ours runs.")
        return
    with notes.status("starting a Prefect server"):
        page = server.start().removesuffix("/api")
    console.print(f"runs: {page}/runs\nartifacts: {page}/artifacts\nend it with: vintage ui --stop")
    if console.is_terminal and not no_browser:
        typer.launch(page)


@with_settings("data", "datamart", "model_store")
def deploy(
    settings: Settings,
    pool: Annotated[
        str | None, typer.Option(help="Leave them to the workers of this Prefect work pool, and end.")
    ] = None,
) -> None:
    """Let people start the flows and the backfill by a form on Prefect's page; runs until it is ended.

    One run at a time, with the places given here and the other settings of the environment: of this process,
    or with --pool of the worker that runs it.
    """
    from flows.engine import address, ask

    api_url = address()
    if api_url is None:
        raise VintageError("There is no Prefect server: start one by vintage ui, or set PREFECT_API_URL.")
    if error := ask(api_url):
        raise PassingError(f"The Prefect server at {api_url} does not answer ({error}); see that it runs.")
    places = ("data", "datamart", "model_store")
    named = {f"VINTAGE_{name.upper()}": str(getattr(settings, name).absolute()) for name in places}
    if pool is not None:
        _leave_to(pool, named, api_url)
        return
    os.environ |= {**named, "PREFECT_API_URL": api_url}
    # Prefect's runner answers to signals itself, so it gets a process without our way to do so.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    os.execv(sys.executable, [sys.executable, "-c", "from flows.deployments import main; main()"])  # noqa: S606 - no text from outside


def _leave_to(pool: str, named: dict[str, str], api_url: str) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.deployments import hand_to_pool

    with temporary_settings({PREFECT_API_URL: api_url}):
        hand_to_pool(pool, named)
    console.print(f"The workers of {pool} run the flows. Start one with: prefect worker start --pool {pool}")
