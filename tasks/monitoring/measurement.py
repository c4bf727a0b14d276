"""What a measured figure is: a number with its sample size, its interval, its limits and its status.

A figure without data says why in `status` and has a null value; it is never NaN, never zero, never green.
"""

from datetime import date
from typing import Any, Literal

import polars as pl

from tasks.schemas.catalog import TABLES

Figure = dict[str, Any]
Grade = Literal["green", "amber", "red"]
MEASURED = "measured"  # reported without a limit
COLUMNS = TABLES["gold.monitoring"].columns


def figure(
    metric: str,
    subject: str,
    n: int,
    value: float | None,
    *,
    ci: tuple[float | None, float | None] = (None, None),
    reference: float | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    status: str = MEASURED,
) -> Figure:
    """One figure; `limits` are amber and red, in the units of the value."""
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


def grade_high(value: float, amber: float, red: float) -> Grade:
    """Status of a figure of which much is bad: reached limits count."""
    return "red" if value >= red else "amber" if value >= amber else "green"


def grade_low(value: float, amber: float, red: float) -> Grade:
    """Status of a figure of which little is bad: below a limit counts."""
    return "red" if value < red else "amber" if value < amber else "green"


def to_rows(figures: list[Figure], *, as_of: date, window: str, model_id: str) -> pl.DataFrame:
    """Rows of gold.monitoring; `window` says which applications were measured."""
    frame = pl.DataFrame(figures, schema={name: COLUMNS[name] for name in figure("", "", 0, None)})
    constants = {"snapshot_date": pl.lit(as_of), "window": pl.lit(window), "model_id": pl.lit(model_id)}
    return frame.with_columns(**constants).select(*COLUMNS)
