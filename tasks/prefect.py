"""How a function becomes a Prefect task, and what a flow run shows in the Prefect UI.

The work is done whether or not Prefect can record it: a server that fails is reported once and then
left alone.
"""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError
from polars.exceptions import ComputeError
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.runtime import task_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed

from tasks.errors import NothingToDoError, PassingError, StorageError, may_pass
from tasks.store_faults import explain

LOG = logging.getLogger("vintage")
SKIPPED = "Skipped"
P = ParamSpec("P")
R = TypeVar("R")

given_up: set[str] = set()  # addresses of servers that failed this process
_outcomes: ContextVar[list[Future[Any]] | None] = ContextVar("outcomes", default=None)


def in_flow_run() -> bool:
    """Whether this code is called by a Prefect flow run whose server answers."""
    return FlowRunContext.get() is not None and str(PREFECT_API_URL.value()) not in given_up


def io_task(function: Callable[P, R]) -> Callable[P, R]:
    """A Prefect task that is retried when a disk or network fails; outside a flow run, the plain function.

    Prefect cannot run a task without a server. The plain function is what a single flow on the command
    line and a test need, in none of the seconds that a server takes to start.
    """
    as_task = task(
        task_run_name=lambda: _readable(function.__name__, task_run.get_parameters()),
        retries=2,
        retry_delay_seconds=2,
        retry_condition_fn=_is_passing,
        cache_policy=NO_CACHE,
    )(traced(function))

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with translate_storage_errors(function.__name__):
            return as_run(as_task, function, *args, **kwargs) if in_flow_run() else function(*args, **kwargs)

    return call


def traced(work: Callable[P, R]) -> Callable[P, R | State]:
    """The work as Prefect calls it: what it gives or raises is kept for `as_run` too.

    Nothing to do ends the run as Completed, named Skipped.
    """

    @wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | State:
        outcome: Future[R] = Future()
        outcomes = _outcomes.get()
        if outcomes is not None:
            outcomes.append(outcome)
        try:
            result = work(*args, **kwargs)
        except NothingToDoError as nothing:
            outcome.set_exception(nothing)
            return Completed(name=SKIPPED, message=str(nothing))
        except BaseException as error:
            outcome.set_exception(error)
            raise
        outcome.set_result(result)
        return result

    return call


def as_run(run: Callable[..., Any], work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the work gives or raises, done once, and recorded by Prefect as far as its server lets it.

    Needs: `run`, the flow or task that Prefect makes of `traced(work)`. Where Prefect fails before the work
    began it is done unrecorded; where it fails later, what the work gave stands.
    """
    outcomes: list[Future[R]] = []  # more than one when Prefect tries again
    before = _outcomes.set(outcomes)
    try:
        run(*args, return_state=True, **kwargs)
    except Exception as error:  # whatever a server makes of a request, the work goes on
        give_up(error)
    finally:
        _outcomes.reset(before)
    return outcomes[-1].result() if outcomes else work(*args, **kwargs)


def give_up(error: Exception) -> None:
    """Record nothing more in the Prefect server of this context, and say so once."""
    api_url = str(PREFECT_API_URL.value())
    if api_url not in given_up:
        given_up.add(api_url)
        cause = error.__cause__ or error
        reason = str(cause).partition("\n")[0] or type(cause).__name__
        LOG.warning(
            "The Prefect server at %s does not answer (%s): the work goes on, unrecorded.", api_url, reason
        )


def all_sent(seconds: float) -> bool:
    """Whether Prefect's server got the logs and events of this process, after so many seconds at most."""
    workers = (APILogWorker, EventsWorker)
    left: list[Any] = [worker.drain_all(timeout=0 if given_up else seconds) for worker in workers]
    return not any(late for _, late in left)


@contextmanager
def translate_storage_errors(step: str) -> Generator[None]:
    """Report a disk, network or table that failed in one sentence; a mistake of the code passes through.

    Raises: PassingError for a fault that may pass, else StorageError.
    """
    try:
        yield
    except (OSError, DeltaError, ComputeError) as error:
        of_a_store = explain(str(error), step)
        if of_a_store:
            raise of_a_store from error
        reason = str(error).partition("\n")[0]
        passing = may_pass(error) or isinstance(error, CommitFailedError)
        of_a_file = passing or reason.startswith("parquet:")
        if isinstance(error, SchemaMismatchError) or (isinstance(error, ComputeError) and not of_a_file):
            raise
        kind = PassingError if passing else StorageError
        raise kind(
            f"{step} could not read or write: {reason}. No table is half written; see that the disk has room "
            "and the folder may be written to, then run the same command again."
        ) from error


def _is_passing(_task: object, _run: object, state: State) -> bool:
    error: Any = state.result(raise_on_failure=False)
    return may_pass(error) or isinstance(error, CommitFailedError)


def _readable(name: str, parameters: Mapping[str, Any]) -> str:
    """Name of a task's run, such as `monitor month 2024-03-01`."""
    days: Any = parameters.get("as_of") or parameters.get("days") or ()
    days = days if isinstance(days, Sequence) else [days]
    return " ".join([*name.split("_"), " to ".join(map(str, sorted({*days[:1], *days[-1:]})))])


def publish(key: str, verdict: str, *lines: str, table: Sequence[Mapping[str, Any]] = ()) -> None:
    """Put into the run's log what the flow did, and it and a table into an artifact; `verdict` comes first.

    Needs: a key of lowercase letters, digits and dashes, one for each flow: the page shows its history.
    """
    for line in (verdict, *lines):
        LOG.info("%s", line)
    if not in_flow_run():
        return
    parts = [f"**{verdict}**", "\n".join(f"- {line}" for line in lines), _as_markdown(table)]
    try:
        create_markdown_artifact("\n\n".join(filter(None, parts)), key=key, description=verdict)
    except Exception as error:
        give_up(error)


def _as_markdown(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table; an empty text when there are none."""
    rows = [list(row.values()) for row in table]
    if not rows:
        return ""
    head = [list(table[0]), ["---"] * len(table[0])]
    return "\n".join("| " + " | ".join(map(_shown, row)) + " |" for row in [*head, *rows])


def _shown(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell).replace("|", "\\|")
