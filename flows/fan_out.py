"""Months side by side on Dask workers: features, and scoring where no training decides who scores.

Taking in files, training and monitoring stay here, in date order. A month's name, its flow and the settings
as plain values go to a worker; rows stay in the tables.
"""

from asyncio import CancelledError as LoopCancelledError
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from httpx import HTTPError
from prefect import Flow, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TagsContext
from prefect.exceptions import PrefectException

from flows.dask_cluster import Scheduler, connected
from flows.engine import Run, run_flow
from flows.features import ingestion
from tasks.config import Settings, checked_settings
from tasks.errors import NothingToDoError, PassingError
from tasks.prefect import give_up, in_flow_run
from tasks.store.writer import write_for_another

SIDE_BY_SIDE = {
    "features": ("flows.features", "gold_features"),
    "inference": ("flows.inference", "inference"),
}
Wait = Callable[[], None]  # wait for a month that was handed over, and raise what it raised


@contextmanager
def fan_out(
    days: Sequence[date], names: Sequence[str], here: Run, settings: Settings, of: Scheduler
) -> Generator[Run]:
    """Take in the files of `days` and hand their months over; call what it gives in date order.

    Needs:  `here`, which runs a flow in this process.
    Raises: PassingError when the scheduler does not answer. What a month raises is raised in its turn.
    """
    with connected(of) as client:
        hand_over = partial(_hand_over, client, settings)
        waiting: dict[tuple[str, date], Wait] = {}
        if "features" in names:
            waiting |= {("features", day): wait for day, wait in _features(days, settings, hand_over)}
        if "inference" in names and "training" not in names:
            waiting |= {("inference", day): hand_over("inference", day) for day in _built(days, waiting)}

        def run(name: str, day: date) -> None:
            if name in SIDE_BY_SIDE:
                (waiting.get((name, day)) or hand_over(name, day))()
            else:
                here(name, day)

        yield run


def _features(
    days: Sequence[date], settings: Settings, hand_over: Callable[[str, date], Wait]
) -> Generator[tuple[date, Wait]]:
    """Each month once its files are in, up to the first that is refused, with what waits for its features."""
    for day in days:
        try:
            run_flow(ingestion, day, settings, "backfill")
        except NothingToDoError as nothing:
            yield day, partial(_raise, nothing)
        except Exception as error:
            yield day, partial(_raise, error)
            return
        else:
            yield day, hand_over("features", day)


def _built(days: Sequence[date], waiting: Mapping[tuple[str, date], Wait]) -> Generator[date]:
    """Each month once its features are there, up to the first that failed, which is raised in its turn."""
    for day in days:
        try:
            with suppress(NothingToDoError):
                waiting.get(("features", day), lambda: None)()
        except Exception:  # whatever it is, `run` waits for the same month again and raises it in its turn
            return
        yield day


def _raise(error: Exception) -> None:
    raise error


def run_month(name: str, day: date, values: Mapping[str, Any]) -> str | None:
    """Run a flow of SIDE_BY_SIDE in a worker; return why there was nothing to do, None when it is done.

    Needs:  the settings that were given, as plain `values`.
    """
    settings = checked_settings(values)
    write_for_another(settings)
    try:
        run_flow(_flow_of(name), day, settings, "backfill")
    except NothingToDoError as nothing:
        return str(nothing)
    return None


def _flow_of(name: str) -> Flow[..., Any]:
    module, attribute = SIDE_BY_SIDE[name]
    return getattr(import_module(module), attribute)


_as_task: Any = task(task_run_name="{name} {day}", cache_policy=NO_CACHE)(run_month)


@flow(name="backfill")
def _backfill() -> None:
    """What a worker takes for the flow run that its months are of."""


def _hand_over(client: Any, settings: Settings, name: str, day: date) -> Wait:
    """Let a worker run a month, recorded by Prefect as far as its server lets it."""
    month = (name, day, plain_values(settings))
    future: Any = None
    context = FlowRunContext.get()
    if context is not None and in_flow_run():
        try:
            with _sendable(context):
                future = _as_task.submit(*month)
        except (HTTPError, PrefectException) as error:
            give_up(error)
    future = future or client.submit(run_month, *month, pure=False)
    return partial(_wait, future, client, month)


@contextmanager
def _sendable(context: FlowRunContext) -> Generator[None]:
    """The context of the flow run as it can be sent to a worker: without the work, which holds what cannot.

    And without its tags, as in `engine.monthly_flow`.
    """
    with context.model_copy(update={"flow": _backfill}), TagsContext(current_tags=set()):
        yield


def _wait(future: Any, client: Any, month: tuple[str, date, Mapping[str, Any]]) -> None:
    """Wait for a month.

    Raises: what the month raised; PassingError when workers died on it, or the scheduler.
    """
    from distributed import KilledWorker

    name, day, _ = month
    try:
        try:
            nothing = future.result()
        except (HTTPError, PrefectException) as error:
            give_up(error)
            nothing = client.submit(run_month, *month, pure=False).result()
    except KilledWorker as error:
        raise PassingError(
            f"The workers that ran {name} of {day} died, one after another; most often memory is short. No "
            "table is half written: run the same command again, with fewer --workers."
        ) from error
    except (CancelledError, LoopCancelledError) as error:
        raise PassingError(
            f"The Dask scheduler was lost while {name} of {day} ran. No table is half written: run the same "
            "command again once it is back."
        ) from error
    if nothing:
        raise NothingToDoError(nothing)


def plain_values(settings: Settings) -> dict[str, Any]:
    """The settings that were given, as values that a worker makes them from, in whichever folder it runs."""
    values = settings.model_dump(mode="json", include=set(settings.model_fields_set))
    folders = {name: str(v.absolute()) for name in values if isinstance(v := getattr(settings, name), Path)}
    return {**values, **folders}
