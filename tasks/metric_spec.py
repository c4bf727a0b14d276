"""The form of a metric of gold.monitoring; those that there are: tasks/schemas/monitoring.py."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

MONTHS = "months"  # the drawing of any metric over the months
PATH = r"(?:^|\s)(?:without .+|with all sources)$"  # how a subject ends that names a score path


def split_subject(subject: str) -> tuple[str, str]:
    """A subject without its score path, and that with a space before it: "score", " without bureau"."""
    found = re.search(PATH, subject)
    return (subject[: found.start()], f" {found[0].strip()}") if found else (subject, "")


@dataclass(frozen=True)
class MetricSpec:
    """A metric: its `title` in a sentence, its `unit` on an axis, and how a value is written (`form`).

    `worse` is the side on which its limits lie ("either": far from 0 or 1 both ways), "" without limits.
    `amber` and `red` say in words what makes it so, with the policy's numbers in braces; where they are empty
    a limit is all. `policy` is the table of the policy with its limits; else they are in `[limits.<name>]`.
    A metric with a `section` has one of that title in the report, with its finding, the drawing `chart`
    ("months": its value over the months), and when to `escalate` (else: if it is red).
    `by_subject`: a month has a row for each of several subjects, such as features, sources or grades.
    """

    name: str
    title: str
    unit: str
    form: str = ".3f"
    worse: Literal["", "high", "low", "either"] = ""
    policy: str = ""
    amber: str = ""
    red: str = ""
    section: str = ""
    chart: str = ""
    escalate: str = ""
    by_subject: bool = False
    counted: str = ""  # what `n` counts, where it is not loans or applications

    @property
    def drawing(self) -> str:
        """Name of its drawing: the metric's own where it is drawn over the months; "" without one."""
        return self.name if self.chart == MONTHS else self.chart

    def write(self, value: float) -> str:
        """A value in the form of the metric."""
        return f"{value:{self.form}}"

    def write_n(self, n: int) -> str:
        """The sample size in words."""
        return f"of {n:,} {self.counted}" if self.counted else f"n = {n:,}"

    def name_of(self, row: Mapping[str, Any]) -> str:
        """A row of the metric in words: title, the subject where there are several, and the score path."""
        subject, path = split_subject(row["subject"])
        of = f" of {subject}" if self.by_subject and subject else ""
        return f"{self.title}{of}{path}"
