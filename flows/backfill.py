"""The four flows over a range of months, in date order."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from typing import Any

from prefect import Flow, flow

from flows.dask_cluster import Scheduler, task_runner
from flows.engine import Run, log_flow_run_url, run_flow, run_recorded, run_tags
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.ingestion.acceptance import has_come_in
from tasks.prefect import traced
from tasks.reporting.artifacts import publish_backfill
from tasks.store.writer import one_writer

FLOWS = ("features", "training", "inference", "monitoring")  # in the order in which a month runs them
LOG = logging.getLogger("vintage")
Step = Callable[[date, str], None]


def flow_named(name: str) -> Flow[..., Any]:
    """One of FLOWS, imported when it is asked for: scikit-learn alone takes a second."""
    return getattr(import_module(f"flows.{name}"), name)


def log_step(day: date, name: str) -> None:
    """Write each step into the log, where no terminal shows it."""
    LOG.info("%s of %s", name, day)


def run_backfill(
    days: Sequence[date],
    names: Sequence[str],
    settings: Settings,
    *,
    step: Step,
    workers: Scheduler | None = None,
) -> None:
    """Run the named flows for each day, as one Prefect run that names them; `step` is told of each before.

    A flow with nothing to do is passed over; an error ends the range, and what was done stays done. With
    `workers` months go to them side by side, as far as they may.
    Raises: NothingToDoError when that holds for every flow and day.
    """

    def backfill(start: date, end: date, flows: list[str]) -> None:  # noqa: ARG001 - shown in the Prefect UI
        log_flow_run_url()
        run_range(days, names, settings, step=step, workers=workers)

    runner: dict[str, Any] = {} if workers is None else {"task_runner": task_runner(workers)}
    as_flow = flow(flow_run_name="backfill-{start}-{end}", validate_parameters=False, **runner)
    run_recorded(as_flow(traced(backfill)), days[0], days[-1], list(names), labels=run_tags(settings))


def run_range(
    days: Sequence[date],
    names: Sequence[str],
    settings: Settings,
    *,
    step: Step,
    workers: Scheduler | None = None,
) -> None:
    """Run the named flows for each day, each as a Prefect run of its own.

    Raises: NothingToDoError when there was nothing to do for every flow and day.
    """
    with one_writer(settings, f"vintage backfill --start {days[0]} --end {days[-1]}"):
        with _runner(days, names, settings, workers) as run:
            idle = [_run_day(day, names, run, settings, step=step) for day in days]
        if idle[-1] is not None and all(idle):
            raise idle[-1]
        if "monitoring" in names:  # the charts are of its figures, and take as long as ten months' features
            from tasks.reporting.charts import draw_charts  # takes scikit-learn along, a second

            draw_charts(days[-1], settings)
        publish_backfill(days, names, settings)


@contextmanager
def _runner(
    days: Sequence[date], names: Sequence[str], settings: Settings, workers: Scheduler | None
) -> Generator[Run]:
    """What runs one flow for one day: this process, or workers as well."""

    def here(name: str, day: date) -> None:
        run_flow(flow_named(name), day, settings, "backfill")

    if workers is None:
        yield here
        return
    from flows.fan_out import fan_out  # here, as it takes the features along

    with fan_out(days, names, here, settings, workers) as run:
        yield run


def _run_day(
    day: date, names: Sequence[str], run: Run, settings: Settings, *, step: Step
) -> NothingToDoError | None:
    """Run the named flows; return why the last one had nothing to do, when none had.

    Of a month that has not come in yet there is nothing to train, score or measure either.
    """
    nothing, n_done = None, 0
    for name in names:
        step(day, name)
        try:
            run(name, day)
            n_done += 1
        except NothingToDoError as error:
            nothing = error
            if name == "features" and not has_come_in(day, settings):
                LOG.warning("%s", error)
                break
    return None if n_done else nothing
