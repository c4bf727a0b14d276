"""What a measurement is: a number with its sample size, its interval, its limits and its status.

One without data says why in `status` and has a null value; it is never NaN, never zero, never green.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from tasks.schemas.monitoring import METRICS, Monitoring

Measurement = dict[str, Any]
Grade = Literal["green", "amber", "red"]
Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class RedFigure:
    """A red figure of an earlier month."""

    metric: str
    subject: str
    value: float
    day: date

    def __str__(self) -> str:
        """The figure in words."""
        return f"{self.metric} of {self.subject} on {self.day}"


MEASURED = "measured"  # reported without a limit
NO_LIMITS: Limits = (None, None)


def measurement(
    metric: str,
    subject: str,
    n: int,
    value: float | None,
    *,
    ci: tuple[float | None, float | None] = (None, None),
    reference: float | None = None,
    limits: Limits = NO_LIMITS,
    status: str | None = None,
) -> Measurement:
    """One measurement; `limits` are amber and red, in the units of the value.

    Without a `status` it is graded by its limits, or `measured` where it has none.
    """
    if status is None:
        status = MEASURED if value is None or limits == NO_LIMITS else grade(metric, value, limits)
    return {
        "metric": metric,
        "subject": subject,
        "n": n,
        "value": value,
        "ci_low": ci[0],
        "ci_high": ci[1],
        "reference": reference,
        "amber": limits[0],
        "red": limits[1],
        "status": status,
    }


def grade(metric: str, value: float, limits: Limits) -> Grade:
    """Status of a value: where high is worse a limit counts once reached, where low is worse below it."""
    worse = METRICS[metric].worse
    seen = abs(value) if worse == "either" else value
    beyond = [limit is not None and (seen < limit if worse == "low" else seen >= limit) for limit in limits]
    return "red" if beyond[1] else "amber" if beyond[0] else "green"


def to_rows(measured: list[Measurement], *, as_of: date, window: str, model_id: str) -> pl.DataFrame:
    """Rows for gold.monitoring, whose schema is theirs to meet together; `window` says what was measured."""
    columns = {name: column.dtype for name, column in Monitoring.columns().items()}
    same = {"snapshot_date": as_of, "window": window, "model_id": model_id}
    return pl.DataFrame([one | same for one in measured], schema=columns)
