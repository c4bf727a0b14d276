"""The flows as Prefect deployments, whose forms ask for dates; `vintage deploy` serves them, one at a time.

What they run on is what the environment of the serving process says: VINTAGE_DATA, VINTAGE_DATAMART, ...
With `--pool` the workers of a Prefect work pool run them instead, wherever these are.
"""

from collections.abc import Callable, Mapping
from datetime import date
from inspect import unwrap
from typing import Annotated, Any, Literal

from prefect import Flow, flow, serve
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from pydantic import AfterValidator, Field

from flows.backfill import FLOWS, flow_named, log_step, run_range
from flows.engine import log_flow_run_url
from tasks.config import checked_settings
from tasks.errors import UsageError
from tasks.months import month_range, require_month_start
from tasks.prefect import traced

Month = Annotated[
    date,
    AfterValidator(require_month_start),
    Field(json_schema_extra={"pattern": r"^\d{4}-\d{2}-01$"}),
]
FlowName = Literal["features", "training", "inference", "monitoring"]


def _with_form(name: str) -> Flow[..., Any]:
    monthly = flow_named(name)
    work: Callable[..., None] = unwrap(monthly.fn)

    def run(snapshot_date: Month) -> None:
        work(snapshot_date, checked_settings({}))

    run.__name__ = name
    run.__doc__ = f"{monthly.fn.__doc__}\n\nArgs:\n    snapshot_date: First of a month, as 2024-03-01."
    return flow(name=name, flow_run_name=name + "-{snapshot_date}")(traced(run))


features, training, inference, monitoring = map(_with_form, FLOWS)


@flow(name="backfill", flow_run_name="backfill-{start}-{end}")
@traced
def backfill(start: Month, end: Month, flows: list[FlowName] = list(FLOWS)) -> None:  # noqa: B006 - shown in the form
    """Run the flows for each month from `start` to `end`, in date order.

    Args:
        start: First of a month, as 2024-03-01.
        end: First of a month, included.
        flows: Flows to run.
    """
    if start > end:
        raise UsageError(f"The start {start} is after the end {end}; swap them.")
    if not flows:
        raise UsageError(f"No flow is chosen; choose from {', '.join(FLOWS)}.")
    log_flow_run_url()
    names = [name for name in FLOWS if name in flows]
    run_range(month_range(start, end), names, checked_settings({}), step=log_step)


def main() -> None:
    """Serve all of them until told to end."""
    serve(*_deployed(), limit=1)


def hand_to_pool(pool: str, environment: Mapping[str, str]) -> None:
    """Let the workers of a work pool run all of them, each run with this environment over the worker's own.

    Raises: UsageError for a pool that is not there.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            raise UsageError(
                f"There is no work pool {pool}. Make it with: prefect work-pool create {pool} --type process"
            ) from None
    for one in _deployed(work_pool_name=pool, job_variables={"env": dict(environment)}):
        one.apply()


def _deployed(**more: Any) -> list[Any]:
    return [
        form.to_deployment("vintage", tags=["vintage"], entrypoint_type=EntrypointType.MODULE_PATH, **more)
        for form in (features, training, inference, monitoring, backfill)
    ]
