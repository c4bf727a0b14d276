"""The files that a lender of car loans delivers: `;` between columns, a comma in decimals, days first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from simulator.car_loans.applicants import (
    draw_applicants,
    draw_defaults,
    true_default_probability,
)
from simulator.car_loans.payments import build_loans, contract_numbers
from simulator.population import customer_numbers
from simulator.terms import Lender, Stream, cohorts_of, draws, month_end

DECLARATION: Final = Path(__file__).with_name("lender.toml")
LOANS_FILE: Final = "loans.csv"
APPLICATIONS_FILE: Final = "applications.csv"
BUREAU_FILE: Final = "bureau.csv"
FIRST_CUSTOMER: Final = 7_000_000
UNKNOWN: Final = {"months_employed": 0.03, "region": 0.02, "net_income": 0.005}  # share of cells that say n/a


def write_loans(lender: Lender) -> Iterator[pl.DataFrame]:
    """The rows of loans.csv, cohort by cohort."""
    for cohort in cohorts_of(lender):
        applicants = draw_applicants(lender, cohort)
        defaults = draw_defaults(lender, cohort, applicants)
        yield build_loans(lender, cohort, _customers(lender, cohort), applicants, defaults)


def write_applications(lender: Lender) -> Iterator[pl.DataFrame]:
    """The rows of applications.csv: what each applicant wrote on the form."""
    for cohort in cohorts_of(lender):
        form = draw_applicants(lender, cohort).form
        chance = draws(lender, Stream.DIRT_ATTRIBUTES, cohort)
        gaps = {name: pl.Series(chance.random(len(form)) < share) for name, share in UNKNOWN.items()}
        yield _dated(lender, cohort, form).with_columns(
            pl.when(gap).then(pl.lit("n/a")).otherwise(_as_written(name)).alias(name)
            for name, gap in gaps.items()
        )


def write_bureau(lender: Lender) -> Iterator[pl.DataFrame]:
    """The rows of bureau.csv: of the applicants who have a file at the credit bureau."""
    for cohort in cohorts_of(lender):
        applicants = draw_applicants(lender, cohort)
        yield _dated(lender, cohort, applicants.bureau).filter(pl.Series(applicants.has_file))


def write_truth(lender: Lender) -> Iterator[pl.DataFrame]:
    """The rows of true_default_probability.csv."""
    for cohort in cohorts_of(lender):
        pd = true_default_probability(draw_applicants(lender, cohort))
        yield pl.DataFrame({"loan_id": contract_numbers(lender, cohort), "true_pd": pd})


def count_defaults(lender: Lender, cohort: int) -> int:
    """Return how many loans of the cohort are 90 or more days past due at MOB 12."""
    return int(draw_defaults(lender, cohort, draw_applicants(lender, cohort)).sum())


def _dated(lender: Lender, cohort: int, facts: pl.DataFrame) -> pl.DataFrame:
    """The facts with whose they are, and the end of the month in which the loan starts."""
    return facts.select(
        _customers(lender, cohort), pl.all(), reporting_date=pl.lit(month_end(lender, cohort))
    )


def _customers(lender: Lender, cohort: int) -> pl.Series:
    return pl.Series("customer_no", FIRST_CUSTOMER + customer_numbers(lender, cohort))


def _as_written(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).str.replace(".", ",", literal=True)


DIALECT: Final[dict[str, Any]] = {
    "separator": ";",
    "decimal_comma": True,
    "float_precision": 2,
    "date_format": "%d.%m.%Y",
}
