"""The four flows of one month, for Airflow's own schedule, backfills and API.

Each task is one command: `vintage run FLOW --date D`. Exit code 99, nothing to do yet, shows as skipped.
Switched on from the start, it catches up on nothing: past months run when a backfill asks for them.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowRescheduleException
from airflow.timetables.trigger import CronTriggerTimetable
from command import FIRST, LAST, OUTLETS, WORK, Command, months, refuse

# The month asked for, else that of the logical date where the data holds it, else the last of the data: a
# manual run has no logical date, or today's, which the form puts there.
RUN_MONTH = "(dag_run.logical_date.strftime('%Y-%m-01') if dag_run.logical_date else '')"
MONTH = f"{{{{ params.month or ({RUN_MONTH} if '{FIRST}' <= {RUN_MONTH} <= '{LAST}' else '{LAST}') }}}}"
DATE = "%Y-%m-%d"


def after_the_month_before(context):
    """Let months run in date order: training one after a later one is refused, so that none may be missed.

    Not `depends_on_past`, which lets every month after a failed one wait without a word.
    Raises: RefusalError when the run before failed, AirflowRescheduleException while it goes on.
    """
    run = context["dag_run"]
    before = context["ti"].get_previous_dagrun() if run.run_type != "manual" else None
    if before and before.state == "failed":
        refuse(f"The run of {before.logical_date:{DATE}} failed. Fix and clear it, then clear this one.")
    if before and before.state in ("queued", "running"):
        raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=30))


with DAG(
    "vintage_monthly",
    schedule=CronTriggerTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime.fromisoformat(f"{FIRST}T00:00:00+00:00"),
    end_date=datetime.fromisoformat(f"{LAST}T00:00:00+00:00"),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    params={
        "month": Param(
            None,
            type=["null", "string"],
            enum=[None, *months()],
            title="Month",
            description=f"Empty: the month of the logical date if the data holds it, else {LAST}.",
        )
    },
    doc_md=__doc__,
    tags=["vintage"],
) as dag:
    before = None
    for flow, doc in WORK.items():
        step = Command(
            task_id=flow,
            words=["run", flow, "--date", MONTH],
            outlets=OUTLETS.get(flow, []),
            pre_execute=None if before else after_the_month_before,
            doc_md=doc,
        )
        if before:
            before >> step
        before = step
