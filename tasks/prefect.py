"""How a function becomes a Prefect task, and what a flow run shows in the Prefect UI."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from deltalake.exceptions import DeltaError
from polars.exceptions import ComputeError
from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from tasks.errors import NothingToDoError, StorageError

SKIPPED = "Skipped"
P = ParamSpec("P")
R = TypeVar("R")


def in_flow_run() -> bool:
    """Whether this code is called by a Prefect flow run."""
    return FlowRunContext.get() is not None


def io_task(function: Callable[P, R]) -> Callable[P, R]:
    """A Prefect task that is retried when a disk or network fails; outside a flow run, the plain function.

    Prefect cannot run a task without a server. The plain function is what a single flow on the command
    line and a test need, in none of the seconds that a server takes to start.
    """
    retried = task(retries=2, retry_delay_seconds=2, retry_condition_fn=_is_transient, cache_policy=NO_CACHE)

    @retried
    @wraps(function)
    def as_task(*args: P.args, **kwargs: P.kwargs) -> R | State:
        try:
            return function(*args, **kwargs)
        except NothingToDoError as nothing:
            return skipped(nothing)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with failing_clearly(function.__name__):
            if in_flow_run():
                return outcome(as_task(*args, return_state=True, **kwargs))
            return function(*args, **kwargs)

    return call


def skipped(nothing: NothingToDoError) -> State:
    """The state of a run that had nothing to do: Completed, named Skipped."""
    return Completed(name=SKIPPED, message=str(nothing))


def outcome(state: State) -> Any:
    """What a run gave, or raised. Errors: NothingToDoError for a state of `skipped`."""
    if state.name == SKIPPED:
        raise NothingToDoError(state.message or "Nothing to do.")
    return state.result()


@contextmanager
def failing_clearly(step: str) -> Generator[None]:
    """Tell a disk, network or table that failed in one sentence; what is our own mistake passes through.

    Errors: StorageError.
    """
    try:
        yield
    except (OSError, DeltaError, ComputeError) as error:
        reason = str(error).partition("\n")[0]
        raise StorageError(
            f"{step} could not read or write: {reason}. No table is half written; see that the disk has room "
            "and the folder may be written to, then run the same command again."
        ) from error


def _is_transient(_task: object, _run: object, state: Any) -> bool:
    return isinstance(state.result(raise_on_failure=False), OSError | DeltaError)


def publish(key: str, *, markdown: str, table: list[dict[str, Any]] | None = None) -> None:
    """Show a summary, and a table where there is one, on the Prefect UI's Artifacts page.

    Needs: a key of lowercase letters, digits and dashes. Outside a flow run nothing happens.
    """
    if not in_flow_run():
        return
    headline = markdown.splitlines()[0]
    create_markdown_artifact(markdown, key=key, description=headline)
    if table:
        create_table_artifact(table, key=f"{key}-table", description=headline)
