"""The first rows of a loan tape as a source of applications, where no other file is about applicants."""

import re
from typing import Final

import polars as pl

from tasks.ingestion.date_spelling import ISO
from tasks.lender.declaration import CUSTOMER, DATE
from tasks.onboarding.guess_tape import Part, Table, month_of
from tasks.text import plain_name

TOLD_BY = ("installment_num", "loan_start_date", DATE)  # what tells a loan's first row
# Where the month and the year stand among what signs part in a date.
MONTH_AND_YEAR: Final = {
    "day/month/year": (2, 3),
    "month/day/year": (1, 3),
    "day/month/year of two digits": (2, 3),
    "month/day/year of two digits": (1, 3),
    "YYYY/M/D": (1, 2),
}
# What a loan tape says of the loan as it was granted; the rest of what the loop knows by name comes later.
GRANTED = ("tenure", "loan_amt", *TOLD_BY)
UNSURE = "leave out what was not known when the applicant asked: these are the first rows of the loan tape"


def applicants_in(table: Table, tape: Part) -> tuple[pl.DataFrame, Part, str]:
    """The first rows of a loan tape, what they are as a source, and the SQL over its texts that tells them.

    Left out is what tells how the loan went on.
    """
    key = tape.theirs(CUSTOMER) or tape.theirs("loan_id")
    names = {name: ours for name, ours in ((key, CUSTOMER), (tape.theirs(DATE), DATE)) if name}
    kept = [name for name in table.guesses if name in names or tape.names.get(name, GRANTED[0]) in GRANTED]
    unsure, sql = [UNSURE], _is_first(table, tape)
    if not sql:
        unsure.append("say in `only` which row is the first of a loan, by SQL over its texts")
    age, start, day = (tape.theirs(ours) for ours in TOLD_BY)
    rows = table.rows
    if age:
        rows = rows.filter(pl.col(age).cast(pl.Float64, strict=False) == 0)
    elif start and day:
        rows = rows.filter(month_of(table, start) == month_of(table, day))
    return rows.select(kept), Part("application" if len(names) > 1 else None, names, unsure), sql


def _is_first(table: Table, part: Part) -> str:
    """SQL, over texts by our names, that holds of a loan's first row; empty where none is known."""
    age, start, day = (part.theirs(ours) for ours in TOLD_BY)
    if age:
        zeros = table.rows[age].filter(table.rows[age].cast(pl.Float64, strict=False) == 0).unique().sort()
        return " OR ".join(f"{plain_name(age)} = '{zero}'" for zero in zeros)
    if not start or not day or table.guesses[start].spelling != table.guesses[day].spelling:
        return ""
    spelling, columns = table.guesses[day].spelling, (DATE, plain_name(start))
    if spelling == ISO:
        return "LEFT({}, 7) = LEFT({}, 7)".format(*columns)
    if spelling not in MONTH_AND_YEAR:
        return ""
    sign = re.search(r"[-/.]", str(table.rows[day].drop_nulls()[0]))
    parts = [
        " = ".join(f"SPLIT_PART({name}, '{sign[0]}', {place})" for name in columns)
        for place in MONTH_AND_YEAR[spelling]
        if sign
    ]
    return " AND ".join(parts)
