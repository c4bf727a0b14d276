"""`vintage backfill`: the flows over a range of months."""

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from flows.cli.options import day_option, with_settings
from flows.console import print_frame, print_months, print_stale, progress
from tasks.config import Settings
from tasks.errors import UsageError


class FlowName(StrEnum):
    """The four flows, in the order a month runs them."""

    features = "features"
    training = "training"
    inference = "inference"
    monitoring = "monitoring"


@with_settings("data", "datamart", "model_store", "restate", "allow_volume")
def backfill(
    settings: Settings,
    start: Annotated[date, day_option("First date.")],
    end: Annotated[date, day_option("Last date, included.")],
    flows: Annotated[str, typer.Option(help="Flows to run, separated by commas.")] = ",".join(FlowName),
    workers: Annotated[int, typer.Option(min=1, help="Processes that run months side by side.")] = 1,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler to run them, as tcp://host:8786.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which steps would run, and why.")] = False,
) -> None:
    """Run the flows for each month from --start to --end, in date order.

    With --workers or --cluster features of all months are built side by side, and scores where no training
    is among the flows.
    """
    if start > end:
        raise UsageError(f"--start {start} is after --end {end}; swap them.")
    names = [name.strip() for name in flows.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(FlowName)]
    if unknown or not names:
        raise UsageError(
            f"--flows {flows!r} names no flow {', '.join(unknown)}; choose from {', '.join(FlowName)}."
        )
    chosen = [name for name in FlowName if name in names]
    if dry_run:
        _print_plan(start, end, chosen, settings)
        return
    run_months(start, end, chosen, settings, workers=workers, cluster=cluster)
    print_months_so_far(settings)
    if settings.restate and FlowName.features in names:
        print_stale(start, end, names, settings)


def _print_plan(start: date, end: date, names: list[FlowName], settings: Settings) -> None:
    from tasks.months import month_range
    from tasks.reporting.backfill_plan import plan_backfill

    steps = plan_backfill(month_range(start, end), names, settings)
    print_frame(steps, left=("month", "flow", "runs", "why"))


def run_months(
    start: date,
    end: date,
    names: list[FlowName],
    settings: Settings,
    *,
    workers: int = 1,
    cluster: str | None = None,
) -> None:
    """Run the named flows for each month of the range, and show how far it is."""
    from flows.backfill import run_backfill
    from flows.dask_cluster import scheduler
    from tasks.months import month_range

    days = month_range(start, end)
    with scheduler(workers, cluster) as them, progress(len(days) * len(names)) as step:
        run_backfill(days, names, settings, step=step, workers=them)


def print_months_so_far(settings: Settings) -> None:
    """Print a line per month of the datamart, and where to look."""
    from tasks.reporting.status import month_table

    print_months(month_table(settings), settings)
