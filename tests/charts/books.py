"""Rows of gold.monitoring and what else the figures draw, made up month by month."""

from datetime import date

import polars as pl

from tasks.schemas.catalog import TABLES

COHORT = {
    "month": pl.Date,
    "n": pl.Int64,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "expected": pl.Float64,
}
COVERAGE = {"month": pl.Date, "subject": pl.String, "n": pl.UInt32, "value": pl.Float64, "status": pl.String}
MODEL = "2023-06-01-8906e5f6"


def month(number: int) -> date:
    """The first of the number-th month from January 2023 on."""
    return date(2023 + number // 12, number % 12 + 1, 1)


def figure_rows(
    metric: str,
    values: list[float | None],
    *,
    first: int = 0,
    subject: str = "score",
    status: str = "not scored",
    models: list[str] | None = None,
    n: int = 500,
) -> pl.DataFrame:
    """One row of gold.monitoring a month; a value of None has the `status`, others an interval of 0.04."""
    window = "month" if metric in ("psi", "csi") else "cohort"
    months = [month(first + number) for number in range(len(values))]
    rows = {
        "snapshot_date": months,
        "metric": metric,
        "subject": subject,
        "window": [f"{window} {day:%Y-%m}" for day in months],
        "n": [0 if value is None else n for value in values],
        "value": values,
        "ci_low": [None if value is None else value - 0.04 for value in values],
        "ci_high": [None if value is None else value + 0.04 for value in values],
        "reference": None,
        "amber": None,
        "red": None,
        "status": [status if value is None else "measured" for value in values],
        "model_id": models or ["none" if value is None else MODEL for value in values],
    }
    return pl.DataFrame(rows, schema=dict(TABLES["gold.monitoring"].columns))


def no_figures() -> pl.DataFrame:
    """gold.monitoring before its first row."""
    return pl.DataFrame(schema=dict(TABLES["gold.monitoring"].columns))


def cohort_rows(rates: list[float], *, expected: float | None = None, n: int = 500) -> pl.DataFrame:
    """A cohort of n loans a month, its bad rate with an interval of 0.04 either way."""
    rows = [(month(at), n, rate, rate - 0.04, rate + 0.04, expected) for at, rate in enumerate(rates)]
    return pl.DataFrame(rows, schema=COHORT, orient="row")


def coverage_rows(shares: dict[str, list[float | None]], *, n: int = 500) -> pl.DataFrame:
    """A share a month for each subject."""
    rows = [
        (month(number), subject, n, value, "not scored" if value is None else "measured")
        for subject, values in shares.items()
        for number, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=COVERAGE, orient="row")
