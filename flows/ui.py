"""`vintage ui`: Prefect's page, where runs are watched."""

from typing import Annotated

import typer

from flows.console import console, notes
from flows.options import with_settings
from tasks.config import Settings


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
