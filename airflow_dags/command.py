"""What the DAGs are made of: the months of the data, and one `vintage` command as a task.

Its exit code says what becomes of the task: 0 success; 99, nothing to do yet, skipped; 75, a fault that may
pass, or an end by a signal, another try; anything else is a refusal, which another try would only repeat.
"""

import logging
import os
import subprocess
from datetime import date, timedelta
from typing import Any, NoReturn

from airflow.sdk import Asset, BaseOperator, ExceptionRetryPolicy, RetryAction, RetryRule, Variable
from airflow.sdk.exceptions import AirflowSkipException

# The first and the last month of the data: what `vintage months` said when the services came up, or the DAG
# vintage_months was run. Until then this month alone, so that Airflow opens whatever the files are like.
MONTHS = "vintage_months"
FIRST, LAST = Variable.get(MONTHS, default=f"{date.today():%Y-%m-01} {date.today():%Y-%m-01}").split()
WORK = {
    "features": "Bring the month's rows from `data/` to bronze, silver, quarantine and gold.",
    "training": "Train a challenger when enough cohorts are ripe, promote it through the gate; else skipped.",
    "inference": "Score the month's applications with that day's champion; skipped before there is one.",
    "monitoring": "Measure stability, coverage and, once ripe, performance.",
}
# What other DAGs may wait for: `schedule=[Asset("gold.predictions")]`.
OUTLETS = {
    "inference": [Asset("gold.predictions", uri="x-vintage://gold/predictions")],
    "monitoring": [Asset("gold.monitoring", uri="x-vintage://gold/monitoring")],
}
NOTHING_TO_DO, MAY_PASS = 99, 75
# A handler of the command's own ends it with 128 plus the signal's number.
ENDED_BY_SIGNAL = (128 + 9, 128 + 15)
WITHOUT_MEMORY = (6, 9)  # signals by which the system ends a command where memory is short
OURS = "vintage: "  # begins the sentences that the command ends with
LOG = logging.getLogger("airflow.task")


class MayPassError(SystemExit):
    """The command ended for a reason that may be gone at the next try."""


class RefusalError(SystemExit):
    """The command refused, and would again."""


def refuse(sentence: str) -> NoReturn:
    """End the task for good with the sentence as its error. Raises: RefusalError."""
    LOG.error(sentence)
    raise RefusalError(1)


class Command(BaseOperator):
    """Run `vintage` with the given words; what it prints is the log, and its closing sentence the error.

    The errors are SystemExits, because Airflow prints any other with a traceback of its own machinery.
    """

    template_fields = ("words",)

    def __init__(self, *, words: list[str], **kwargs: Any) -> None:
        """Take the words after `vintage`, which may be templates, and what any operator takes."""
        settings = {
            "pool": "vintage",  # one writer at a time
            "weight_rule": "absolute",  # the oldest month first
            # A skipped training leaves the champion of before in its place.
            "trigger_rule": "none_failed",
            # Losses of the scheduler or the API server count as tries, so there are many. Refusals use none.
            "retries": 20,
            "retry_delay": timedelta(seconds=20),
            "retry_policy": ExceptionRetryPolicy([RetryRule(RefusalError, RetryAction.FAIL)]),
        }
        super().__init__(**(settings | kwargs))
        self.words = words

    def execute(self, context: Any) -> None:
        """Run the command. Raises: AirflowSkipException, MayPassError, RefusalError."""
        self.answer(context)

    def answer(self, context: Any) -> str:
        """The last line that the command prints. Raises: as `execute`."""
        tagged = {**os.environ, "VINTAGE_RUN_TAG": context["run_id"]}
        command = ["vintage", *self.words]
        LOG.info(" ".join(command))
        code, last_line = self._run(command, tagged)
        if code == NOTHING_TO_DO:
            raise AirflowSkipException(last_line)
        if code < 0 or code in (MAY_PASS, *ENDED_BY_SIGNAL):
            LOG.error(last_line)
            raise MayPassError(code)
        if code:
            refuse(last_line)
        return last_line

    def _run(self, command: list[str], environment: dict[str, str]) -> tuple[int, str]:
        """The exit code, and the command's own last sentence or, if there was none, the last line printed."""
        last_line = f"{command[0]} ended without a word"
        # It stays in the group of this process, which Airflow ends as a whole.
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in map(str.rstrip, process.stdout or []):
                LOG.info(line)
                if line.startswith(OURS) or not last_line.startswith(OURS):
                    last_line = line or last_line
            code = process.wait()
        finally:
            process.kill()
        if code >= 0:
            return code, last_line
        why = ", as the system does where memory is short" if -code in WITHOUT_MEMORY else ""
        return code, f"{command[0]} was killed by signal {-code}{why}"


def months() -> list[str]:
    """First days of the months from the first to the last of the data."""
    days = [date.fromisoformat(FIRST)]
    while days[-1] < date.fromisoformat(LAST):
        days.append((days[-1] + timedelta(days=31)).replace(day=1))
    return [str(day) for day in days]
