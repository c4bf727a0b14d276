"""The four flows of one month; catch-up runs every month of the data, in date order.

Each task is one command: `vintage run FLOW --date D`. Exit code 99, nothing to do yet, shows as skipped.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param
from airflow.timetables.trigger import CronTriggerTimetable

FIRST, LAST = Path(os.environ.get("VINTAGE_MONTHS", "/vintage/months/months")).read_text().split()
WORK = {
    "features": "Bring the month's rows from `data/` to bronze, silver, quarantine and gold.",
    "training": "Train a challenger when enough cohorts are ripe, promote it through the gate; else skipped.",
    "inference": "Score the month's applications with that day's champion; skipped before there is one.",
    "monitoring": "Measure stability, coverage and, once ripe, performance.",
}
# The month asked for, else that of the logical date where the data holds it, else the last of the data: a
# manual run has no logical date, or today's, which the form puts there.
RUN_MONTH = "(dag_run.logical_date.strftime('%Y-%m-01') if dag_run.logical_date else '')"
MONTH = f"{{{{ params.month or ({RUN_MONTH} if '{FIRST}' <= {RUN_MONTH} <= '{LAST}' else '{LAST}') }}}}"

with DAG(
    "vintage_monthly",
    schedule=CronTriggerTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime.fromisoformat(f"{FIRST}T00:00:00+00:00"),
    end_date=datetime.fromisoformat(f"{LAST}T00:00:00+00:00"),
    catchup=True,
    # Months wait for the month before, not for a free run: a failed month, cleared, must find room to start.
    max_active_runs=1000,
    params={
        "month": Param(
            None,
            type=["null", "string"],
            pattern=r"^\d{4}-(0[1-9]|1[0-2])-01$",
            title="Month",
            description=f"First of a month, {FIRST} to {LAST}. Empty: the month of the logical date if it is "
            f"one of them, else {LAST}.",
        )
    },
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=20),
        "execution_timeout": timedelta(hours=1),
    },
    doc_md=__doc__,
    tags=["vintage"],
) as dag:
    before = None
    for flow, doc in WORK.items():
        task = BashOperator(
            task_id=flow,
            bash_command=f"exec vintage run {flow} --date {MONTH}",
            env={"VINTAGE_RUN_TAG": "{{ run_id }}"},
            append_env=True,
            # Months follow each other, and one writer works at a time.
            pool="vintage",
            depends_on_past=True,
            weight_rule="absolute",
            # A skipped training leaves the champion of before in its place.
            trigger_rule="none_failed",
            doc_md=doc,
        )
        if before:
            before >> task
        before = task
