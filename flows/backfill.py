"""The four flows over a range of months, in date order."""

import logging
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from prefect import Flow, flow, tags

from flows.engine import labels_of, local_server, run_flow, say_where
from flows.features import features
from flows.inference import inference
from flows.monitoring import monitoring
from flows.training import training
from tasks.arrival import has_come_in
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.report import draw_charts, publish_backfill

FLOWS: dict[str, Flow[..., Any]] = {
    "features": features,
    "training": training,
    "inference": inference,
    "monitoring": monitoring,
}
LOG = logging.getLogger("vintage")
Step = Callable[[date, str], None]


def run_backfill(days: Sequence[date], names: Sequence[str], settings: Settings, *, step: Step) -> None:
    """Run the named flows for each day, on one Prefect server; `step` is told of each before it runs.

    A flow with nothing to do is passed over; an error ends the range, and what was done stays done.
    Errors: NothingToDoError when that holds for every flow and day.
    """
    idle: list[NothingToDoError | None] = []

    @flow(flow_run_name="backfill-{start}-{end}")
    def backfill(start: date, end: date, flows: list[str]) -> None:  # noqa: ARG001 - shown in the Prefect UI
        say_where()
        idle.extend(_run_day(day, names, settings, step=step) for day in days)
        if not all(idle):
            draw_charts(days[-1], settings)
            publish_backfill(settings)

    with local_server(), tags(*labels_of(settings)):
        backfill(days[0], days[-1], list(names))
    if idle[-1] is not None and all(idle):
        raise idle[-1]


def _run_day(day: date, names: Sequence[str], settings: Settings, *, step: Step) -> NothingToDoError | None:
    """Run the named flows; return why the last one had nothing to do, when none had.

    Of a month that has not come in yet there is nothing to train, score or measure either.
    """
    nothing, n_done = None, 0
    for name in names:
        step(day, name)
        try:
            run_flow(FLOWS[name], day, settings, "backfill")
            n_done += 1
        except NothingToDoError as error:
            nothing = error
            if name == "features" and not has_come_in(day, settings):
                LOG.warning("%s", error)
                break
    return None if n_done else nothing
