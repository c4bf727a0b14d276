"""Any months again, or all of them at once: one command, `vintage backfill`, in date order.

Trigger it as it is for every month of the data; choose other months or flows in the form.
"""

import os
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

FIRST, LAST = Path(os.environ.get("VINTAGE_MONTHS", "/vintage/months/months")).read_text().split()
FLOWS = ["features", "training", "inference", "monitoring"]
A_MONTH = {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])-01$"}

with DAG(
    "vintage_backfill",
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    params={
        "start": Param(FIRST, title="First month", description="First of a month, as 2024-03-01.", **A_MONTH),
        "end": Param(LAST, title="Last month", description="First of a month; included.", **A_MONTH),
        "flows": Param(FLOWS, type="array", items={"enum": FLOWS}, minItems=1, examples=FLOWS, title="Flows"),
    },
    doc_md=__doc__,
    tags=["vintage"],
) as dag:
    BashOperator(
        task_id="backfill",
        bash_command="exec vintage backfill --start {{ params.start }} --end {{ params.end }}"
        " --flows {{ params.flows | join(',') }}",
        env={"VINTAGE_RUN_TAG": "{{ run_id }}"},
        append_env=True,
        pool="vintage",
        # Every step may be done again, so a killed range simply starts over.
        retries=2,
        retry_delay=timedelta(seconds=20),
        execution_timeout=timedelta(hours=6),
        doc_md="The flows of each month, in date order; the log shows each one, with its Prefect run.",
    )
