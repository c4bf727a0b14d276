"""Every month of the data, or those chosen in the form, one task each, in date order.

The first failure ends the run: no later month is touched. Fix what its log says, then clear the failed task
with all that is downstream of it, and the run goes on from there.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowSkipException, DownstreamTasksSkipped
from command import FIRST, LAST, OUTLETS, WORK, Command, months, refuse

MONTHS, FLOWS = {day[:7]: day for day in months()}, [*WORK]
CHOICE = {"type": "string", "enum": [*MONTHS.values()]}


def skip_if_not_chosen(context):
    """Keep a task that was cleared, with all downstream of it, to the months of the form."""
    params, day = context["params"], MONTHS[context["ti"].task_id]
    if not params["start"] <= day <= params["end"]:
        raise AirflowSkipException("Not among the months that were chosen.")


with DAG(
    "vintage_backfill",
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    params={
        "start": Param(FIRST, title="First month", **CHOICE),
        "end": Param(LAST, title="Last month", description="Included.", **CHOICE),
        "flows": Param(FLOWS, type="array", items={"enum": FLOWS}, minItems=1, examples=FLOWS, title="Flows"),
    },
    doc_md=__doc__,
    tags=["vintage"],
) as dag:

    @task(doc_md="Skips the months that were not chosen in the form, all at once.")
    def choose(params):
        """Skip what the form leaves out. Raises: RefusalError when that is everything."""
        start, end = params["start"], params["end"]
        if start > end:
            refuse(f"The first month, {start}, is after the last, {end}. Trigger again with both swapped.")
        left_out = [name for name, day in MONTHS.items() if not start <= day <= end]
        if left_out:
            raise DownstreamTasksSkipped(tasks=left_out)

    before = choose()
    # Without it the last month alone would tell whether the run failed, and it may have been left out.
    after = EmptyOperator(task_id="all_months", trigger_rule="none_failed")
    for name, day in MONTHS.items():
        month = Command(
            task_id=name,
            words=["backfill", "--start", day, "--end", day, "--flows", "{{ params.flows | join(',') }}"],
            outlets=[asset for assets in OUTLETS.values() for asset in assets],
            pre_execute=skip_if_not_chosen,
            doc_md="The flows of the month, each with its Prefect run, and the charts up to it.",
        )
        before >> month >> after
        before = month
