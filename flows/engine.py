"""How a month's work becomes a Prefect flow run, recorded in a server that answers, or nowhere.

The server is that of PREFECT_API_URL, or of Prefect's profile, else the one that `vintage ui` started.
"""

import os
from collections.abc import Callable
from contextvars import Context, copy_context
from datetime import date
from functools import cache
from inspect import unwrap
from typing import Any

from prefect import Flow, flow, tags
from prefect.client.orchestration import get_client
from prefect.context import TagsContext
from prefect.runtime import flow_run
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)
from prefect.utilities.urls import url_for

from flows.console import console
from flows.server import address_of_ours
from tasks.config import Settings
from tasks.prefect import as_run, give_up, given_up, in_flow_run, traced
from tasks.registry.settings_of_record import settings_on
from tasks.store.writer import one_writer

Run = Callable[[str, date], None]  # runs the flow of a name for a date; raises NothingToDoError
QUICK = 5  # seconds that a server may take to say that it is well


def monthly_flow(name: str) -> Callable[[Callable[[date, Settings], None]], Flow[..., Any]]:
    """Make a Prefect flow of the work of one date; nothing to do ends the run as Completed, named Skipped."""

    def decorate(work: Callable[[date, Settings], None]) -> Flow[..., Any]:
        def run(snapshot_date: date, settings: Settings) -> None:
            log_flow_run_url()
            # For each tag of a task Prefect asks the server for a limit, and waits two seconds when it
            # meets a lock of SQLite; the tags of the flow run are enough.
            with one_writer(settings, f"vintage run {name}"), TagsContext(current_tags=set()):
                work(snapshot_date, settings_on(snapshot_date, settings))

        run.__doc__ = work.__doc__
        return flow(name=name, flow_run_name=name + "-{snapshot_date}", validate_parameters=False)(
            traced(run)
        )

    return decorate


def log_flow_run_url() -> None:
    """Print the address of this Prefect run's page, where PREFECT_UI_URL names a server that people open."""
    if in_flow_run() and os.environ.get("PREFECT_UI_URL"):
        page = url_for("flow-run", flow_run.get_id())
        console.print(f"Prefect run {flow_run.get_name()}: {page}", soft_wrap=True, highlight=False)


def run_flow(monthly: Flow[..., Any], day: date, settings: Settings, *labels: str) -> None:
    """Run one flow for one date, recorded where a server answers.

    Raises: whatever the work raises; NothingToDoError when there is nothing to do yet.
    """
    run_recorded(monthly, day, settings, labels=[*run_tags(settings), f"{day:%Y-%m}", *labels])


def run_tags(settings: Settings) -> list[str]:
    """Tags of every run: ours, and the id of the run that called us, where there is one."""
    return ["vintage", *filter(None, [settings.run_tag])]


def run_recorded(run: Flow[..., Any], *args: Any, labels: list[str]) -> None:
    """Run a flow that is `traced`, recorded where a server answers; whatever the work raises is raised."""
    api_url = server()
    work: Callable[..., None] = unwrap(run.fn)
    if api_url is None:
        work(*args)
        return

    def tagged() -> None:
        with tags(*labels):
            as_run(run, work, *args)

    _outside(api_url).copy().run(tagged)


def server() -> str | None:
    """Address of the Prefect server that records this process's runs; None where none answers."""
    api_url = address()
    if api_url is None:
        return None
    error = ask(api_url)
    if error:
        with temporary_settings({PREFECT_API_URL: api_url}):
            give_up(error)
    return None if api_url in given_up else api_url


def address() -> str | None:
    """Address of the server that the environment or Prefect's profile names, else of ours, if any."""
    named = PREFECT_API_URL.value()
    return str(named) if named else address_of_ours()


@cache
def ask(api_url: str) -> Exception | None:
    """Ask the server once for its version; why it does not answer, if it does not."""
    quick: Any = {
        PREFECT_API_URL: api_url,
        PREFECT_API_REQUEST_TIMEOUT: min(QUICK, PREFECT_API_REQUEST_TIMEOUT.value()),
        PREFECT_CLIENT_MAX_RETRIES: 0,
    }
    with temporary_settings(quick):
        try:
            with get_client(sync_client=True) as client:
                client.raise_for_api_version_mismatch_once()
        except Exception as error:  # as in `as_run`
            return error
    return None


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
