"""Ask `vintage` which months the files hold, each night and when it is triggered; the other DAGs read them.

No service has to start again, and none but the one that runs the task reaches the files.
"""

from datetime import UTC, date, datetime

from airflow.sdk import DAG, Variable
from airflow.timetables.trigger import CronTriggerTimetable
from command import MONTHS, Command, refuse


class AskMonths(Command):
    """Keep what `vintage months` says, for the DAGs."""

    def execute(self, context):
        """Run the command, and keep its answer. Raises: as Command."""
        answer = self.answer(context)
        try:
            first, last = map(date.fromisoformat, answer.split())
        except ValueError:
            refuse(f"These are no two months: {answer}")
        Variable.set(MONTHS, f"{first} {last}")


with DAG(
    "vintage_months",
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["vintage"],
) as dag:
    AskMonths(task_id="ask", words=["months", "--quiet"], doc_md="`vintage months`")
