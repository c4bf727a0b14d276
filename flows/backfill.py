"""The four flows over a range of months, in date order."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from prefect import Flow, flow, tags

from flows.engine import labels_of, local_server, run_flow, say_where
from flows.features import features
from flows.inference import inference
from flows.monitoring import monitoring
from flows.training import training
from tasks.config import Settings
from tasks.errors import NothingToDoError
from tasks.report import draw_charts, publish_backfill

FLOWS: dict[str, Flow[..., Any]] = {
    "features": features,
    "training": training,
    "inference": inference,
    "monitoring": monitoring,
}
Step = Callable[[date, str], None]


def run_backfill(days: Sequence[date], names: Sequence[str], settings: Settings, *, step: Step) -> None:
    """Run the named flows for each day, on one Prefect server; `step` is told of each before it runs.

    A flow with nothing to do is passed over; an error ends the range, and what was done stays done.
    """

    @flow(flow_run_name="backfill-{start}-{end}")
    def backfill(start: date, end: date, flows: list[str]) -> None:  # noqa: ARG001 - shown in the Prefect UI
        say_where()
        for day in days:
            for name in names:
                step(day, name)
                with suppress(NothingToDoError):
                    run_flow(FLOWS[name], day, settings, "backfill")
        draw_charts(days[-1], settings)
        publish_backfill(settings)

    with local_server(), tags(*labels_of(settings)):
        backfill(days[0], days[-1], list(names))
