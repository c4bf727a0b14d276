"""The part of a draft about the lender, its label and its arrears, which the loan tape tells."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from tasks.ingestion.date_spelling import read_spelled
from tasks.lender.declaration import DATE, Calendar
from tasks.lender.tape import ArrearsBy
from tasks.onboarding.guess_tape import Part, Table
from tasks.onboarding.samples import Sample
from tasks.text import plain_name

DECIDE = "# decide: "
# Codes of arrears that hold no number: of a loan that is paid as agreed, or paid off; of one that is lost.
PAID: Final = re.compile(
    r"^(c|p|ok|pp|current|active|performing|(fully_|pre)?paid(_off|_up|_in_full)?|closed|settled|new|issued)$"
)
LOST: Final = re.compile(
    r"^(d|df|co|wo|default(ed)?|charged?_?off|written_?off|write_off|loss|bad|npl|repossess\w*|foreclos\w*)$"
)
OPEN: Final = (  # what a loan tape would tell of label and arrears
    "",
    "[label]",
    "# mob = 6",
    "# dpd = 30",
    "",
    "[arrears]",
    '# told_by = "days past due"',
)
LOST_DAYS = 180  # so late is a loan that is lost


@dataclass(frozen=True)
class GuessedSource:
    """Files that are one source, what they hold, and what the source probably is."""

    files: Sequence[str]
    sample: Sample
    table: Table
    part: Part


def draft_head(lender: str, tape: GuessedSource | None, sources: Sequence[GuessedSource]) -> str:
    """The tables [lender], [label] and [arrears], given the loan tape and all sources."""
    lines = [
        "# A draft: docs/lender.md explains every word, and `vintage check` tries it.",
        "",
        "[lender]",
        f"name = {as_text(lender)}",
        f'currency = "account currency"            {DECIDE}which',
    ]
    if tape is None:
        why = "no file looks like a loan tape, one row per loan and month"
        return "\n".join([*lines, f"{DECIDE}{why}", *OPEN])
    told_by, longest = _told_by(tape.part), int(_longest(tape))
    mob, dpd = (12, 90) if longest > 12 else (min(6, longest or 6), 30)
    return "\n".join(
        [
            *lines,
            f"calendar = {as_text(_calendar(sources))}",
            "",
            "[label]",
            f"mob = {mob}                     {DECIDE}months on book at which a loan is judged",
            f"dpd = {dpd}                     {DECIDE}so many days past due, or more, are a default",
            *_say_when_closed(tape),
            "",
            "[arrears]",
            f"told_by = {as_text(told_by)}",
            *(_draft_status(tape) if told_by == "status" else []),
        ]
    )


def _told_by(part: Part) -> ArrearsBy:
    known = set(part.names.values())
    if "days_past_due" in known:
        return "days past due"
    if "instalments_behind" in known:
        return "instalments behind"
    return "status" if "status" in known and "overdue_amt" not in known else "amounts"


def _draft_status(tape: GuessedSource) -> list[str]:
    """Days past due of each status code that the first rows hold, and which codes tell none."""
    codes = tape.table.rows[tape.part.theirs("status") or ""].drop_nulls().str.strip_chars().unique().sort()
    days = {code: _days_of(code) for code in codes if code}
    table = ", ".join(f"{as_text(code)} = {n}" for code, n in days.items() if n is not None)
    unknown = [code for code, n in days.items() if n is None]
    more = f", as {', '.join(unknown)} until they are added" if unknown else ""
    return [f"status = {{ {table} }}   {DECIDE}days past due of each code; one left out says nothing{more}"]


def _days_of(code: str) -> int | None:
    """Days past due of a status code: the number in it, else 0 or LOST_DAYS by its meaning; None if unknown.

    Of a range, such as 31-60, the first number; a number below 10 counts instalments behind.
    """
    plain, number = plain_name(code), re.search(r"\d+", code)
    if number:
        n = int(number[0])
        return n * 30 if n < 10 and plain == number[0] else n
    return LOST_DAYS if LOST.match(plain) else 0 if PAID.match(plain) else None


def _say_when_closed(tape: GuessedSource) -> list[str]:
    """The sign of a loan that was closed early, if not the usual one: a row without balance and payment.

    A loan that is paid off in its last month was not closed early.
    """
    known = set(tape.part.names.values())
    if {"balance", "paid_amt"} <= known:
        return []
    early = "balance = 0 AND installment_num < tenure" if "tenure" in known else "balance = 0"
    sql = early if "balance" in known else "FALSE"
    return [f"closed_when = {as_text(sql)}   {DECIDE}when is a loan closed early, by SQL over the loan tape"]


def _calendar(sources: Sequence[GuessedSource]) -> Calendar:
    """On which days of a month the rows of the sources are dated."""
    days = [
        source.table.rows.select(read_spelled(theirs, source.table.guesses[theirs].spelling)).to_series()
        for source in sources
        if (theirs := source.part.theirs(DATE))
    ]
    dated = pl.concat([one.rename(DATE) for one in days]).drop_nulls() if days else pl.Series(dtype=pl.Date)
    if (dated.dt.day() == 1).all():
        return "month start"
    return "month end" if (dated == dated.dt.month_end()).all() else "any day"


def _longest(tape: GuessedSource) -> float:
    """The longest term, or else age, in months that the loan tape tells; 0 where it tells none."""
    for theirs in filter(None, map(tape.part.theirs, ("tenure", "installment_num"))):
        values = tape.table.rows[theirs].cast(pl.Float64, strict=False).drop_nulls()
        return float(values.to_numpy().max(initial=0.0))
    return 0.0


def as_text(value: str) -> str:
    """The value as text of a TOML file."""
    return json.dumps(value, ensure_ascii=False)


def as_list(values: Sequence[str]) -> str:
    """The values as a list of a TOML file."""
    return f"[{', '.join(map(as_text, values))}]"
