"""Which file is the loan tape, and which of its columns the loop knows by name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tasks.ingestion.date_spelling import read_spelled
from tasks.lender.declaration import CUSTOMER, DATE, Role
from tasks.lender.tape import ARREARS_COLUMNS, TAPE
from tasks.months import month_number
from tasks.onboarding.guess_columns import Guess, share_of
from tasks.onboarding.names import SNAPSHOT, SYNONYMS
from tasks.text import ascii_name, plain_name

MIN_TAPE = 4  # columns of a loan tape that a file must have to be one
NEARLY_ALL = 0.95  # of the rows or loans of a sample: so many hold what is guessed
MAX_CODES = 20  # states of arrears that codes tell apart
MAX_IDS = 5  # columns that are tried as ids where names tell nothing


@dataclass(frozen=True)
class Table:
    """Sample rows of a source, all text, and what each column probably is."""

    rows: pl.DataFrame
    guesses: Mapping[str, Guess]

    def dates(self) -> list[str]:
        """The columns of dates, those first that are named after a snapshot."""
        names = [name for name, guess in self.guesses.items() if guess.type == "date"]
        return sorted(names, key=lambda name: not SNAPSHOT.search(ascii_name(name)))


@dataclass(frozen=True)
class Part:
    """What a source probably is: its role, and our name of each column that the loop knows by name.

    `role` is None where no column says whose a row is, or when; `unsure` lists what a person has to decide;
    `covered` is the share of the loans with a row in a source of applications.
    """

    role: Role | None
    names: Mapping[str, str]
    unsure: Sequence[str] = ()
    covered: float = 1.0

    def theirs(self, ours: str) -> str | None:
        """The file's name of a column of ours; None where none is known."""
        return next((name for name, known in self.names.items() if known == ours), None)


def find_tape(tables: Mapping[str, Table]) -> str | None:
    """The source with most columns of a loan tape, by their names or else by their cells; None if none is."""
    found = {name: len(_name_tape(table)) for name, table in tables.items()}
    best = max(found, key=lambda name: (found[name], tables[name].rows.height), default=None)
    if best is not None and found[best] >= MIN_TAPE:
        return best
    return next((name for name, table in tables.items() if _find_ages(table)), None)


def describe_tape(table: Table) -> Part:
    """What the columns of a loan tape probably are."""
    named = _name_tape(table)
    names = named if len(named) >= MIN_TAPE else _find_ages(table)
    names = names | _find_start(table, names)
    names = names | _find_behind(table, names)
    odd_age = _find_odd_age(table, names)
    names = {name: ours for name, ours in names.items() if name != odd_age}
    known = set(names.values())
    unsure = _say_of_single_rows(table, names)
    if odd_age:
        unsure.append(
            f"{odd_age!r} is not the number of months since the loan's start, so it is not installment_num"
        )
    unsure += [
        f"no column seems to be {name!r}: {TAPE[name].meaning}"
        for name in ("loan_id", DATE)
        if name not in known
    ]
    if not known & {"loan_start_date", "installment_num"}:
        unsure.append("when does a loan begin? call a column loan_start_date or installment_num")
    if not any(known.issuperset(columns) for columns in ARREARS_COLUMNS.values()):
        told = ", ".join(" and ".join(columns) for columns in ARREARS_COLUMNS.values())
        unsure.append(f"what tells arrears? call columns one of {told}")
    return Part("loan tape", names, unsure)


def _say_of_single_rows(table: Table, names: Mapping[str, str]) -> list[str]:
    """That a loan tape says nothing of a loan's months, if it has one row a loan."""
    loans = [table.rows[theirs] for theirs, ours in names.items() if ours == "loan_id"]
    if not loans or loans[0].n_unique() < len(loans[0]):
        return []
    return ["each loan has one row, and a label needs one a month: ask for the loans' months"]


def month_of(table: Table, column: str) -> pl.Expr:
    return month_number(read_spelled(column, table.guesses[column].spelling))


def _name_tape(table: Table) -> dict[str, str]:
    """Our names of the columns of a loan tape, by theirs."""
    named: dict[str, str] = {}
    columns = {plain_name(name): name for name in table.rows.columns}
    for ours, pattern in SYNONYMS.items():
        exact = [columns[ours]] if ours in columns else []
        found = [
            name
            for plain, name in columns.items()
            if re.search(pattern, plain) or re.search(pattern, ascii_name(name))
        ]
        fitting = [
            name for name in (*exact, *found) if name not in named and _fits(table.guesses[name], ours)
        ]
        if fitting:
            named[fitting[0]] = ours
    loan = next((name for name, ours in named.items() if ours == "loan_id"), None)
    snapshots = [name for name in table.dates() if name not in named]
    if snapshots:
        named[max(snapshots, key=lambda name: _rate_snapshot(table, loan, name))] = DATE
    return named


def _rate_snapshot(table: Table, loan: str | None, day: str) -> tuple[bool, float]:
    """Whether a column of dates is named after a snapshot, and how many months a loan has by it."""
    rows = table.rows.select(loan=pl.col(loan) if loan else pl.lit(0), month=month_of(table, day))
    months = rows.group_by("loan").agg(pl.col("month").n_unique())["month"]
    return bool(SNAPSHOT.search(ascii_name(day))), float(months.sum()) / max(1, len(months))


def _find_start(table: Table, names: Mapping[str, str]) -> dict[str, str]:
    """The day on which a loan began, if no column is known to say so.

    Each loan has one such date, none after its rows; of several that is the last.
    """
    part = Part("loan tape", names)
    loan, day = part.theirs("loan_id"), part.theirs(DATE)
    if loan is None or day is None or {"loan_start_date", "installment_num"} & set(names.values()):
        return {}
    found: dict[str, float] = {}
    for start in [name for name in table.dates() if name not in names and not table.guesses[name].personal]:
        rows = table.rows.select(loan=loan, month=month_of(table, day), start=month_of(table, start))
        once = rows.drop_nulls().group_by("loan").agg(pl.col("start").n_unique() == 1)["start"]
        if min(share_of(once), share_of(rows["start"] <= rows["month"])) > NEARLY_ALL:
            found[start] = float(rows["start"].sum())
    return {max(found, key=lambda name: found[name]): "loan_start_date"} if found else {}


def _find_odd_age(table: Table, names: Mapping[str, str]) -> str | None:
    """The column of months on book, where it does not say the months since the loan's start."""
    part = Part("loan tape", names)
    age, start, day = (part.theirs(ours) for ours in ("installment_num", "loan_start_date", DATE))
    if age is None or start is None or day is None:
        return None
    since = month_of(table, day) - month_of(table, start)
    same = table.rows.select(since == pl.col(age).cast(pl.Float64, strict=False)).to_series().drop_nulls()
    return None if share_of(same) > 0.5 else age


def loan_starts(table: Table, part: Part) -> pl.DataFrame:
    """Each loan of the sample once: `loan_id`, `customer_id` (text), the number of the month it `began` in.

    The customer's id is the loan's where none is known.
    """
    loan, start, day = (part.theirs(ours) for ours in ("loan_id", "loan_start_date", DATE))
    began = start or day
    if loan is None or began is None:
        return pl.DataFrame(schema={"loan_id": pl.String(), CUSTOMER: pl.String(), "began": pl.Int32()})
    rows = table.rows
    age = part.theirs("installment_num")
    if start is None and age is not None:
        rows = rows.filter(pl.col(age).cast(pl.Float64, strict=False) == 0)
    return (
        rows.select(
            loan_id=pl.col(loan).str.strip_chars(),
            customer_id=pl.col(part.theirs(CUSTOMER) or loan).str.strip_chars(),
            began=month_of(table, began),
        )
        .drop_nulls()
        .unique("loan_id", keep="first", maintain_order=True)
    )


def _find_ages(table: Table) -> dict[str, str]:
    """Our names of a loan tape's columns whose names tell nothing: loan, day, months on book, arrears.

    Months on book grow with the months of a date, for each value of an id that many rows share.
    """
    ids = [name for name, guess in table.guesses.items() if guess.type in ("whole number", "text", "word")]
    for day in table.dates():
        for key in ids[:MAX_IDS]:
            rows = table.rows.select(key=key, month=month_of(table, day))
            if not 1.5 < rows.height / rows["key"].n_unique() < rows.height / 2 or rows.is_duplicated().any():
                continue
            for age in [name for name in ids if name != key and table.guesses[name].type == "whole number"]:
                since = rows.select(
                    "key", since=pl.col("month") - table.rows[age].cast(pl.Float64, strict=False)
                )
                kept = since.drop_nulls().group_by("key").agg(pl.col("since").n_unique() == 1)["since"]
                if share_of(kept) > 0.95:
                    return {key: "loan_id", day: DATE, age: "installment_num"}
    return _find_beginnings(table, ids)


def _find_beginnings(table: Table, ids: Sequence[str]) -> dict[str, str]:
    """The same where no column tells months on book: a second date, of which each loan has one, tells it.

    The first rows of most loans are of the month of that date.
    """
    for day in table.dates():
        for key, start in [(key, start) for key in ids[:MAX_IDS] for start in table.dates() if start != day]:
            rows = table.rows.select(key=key, month=month_of(table, day), start=month_of(table, start))
            loans = (
                rows.drop_nulls()
                .group_by("key")
                .agg(
                    first=pl.col("month").min() == pl.col("start").min(),
                    once=(pl.col("start").n_unique() == 1) & ~pl.col("month").is_duplicated().any(),
                    n=pl.len(),
                )
            )
            if (
                share_of(loans["n"] > 1) > 0.5
                and share_of(loans["once"]) > 0.95
                and share_of(loans["first"]) > 0.5
            ):
                return {key: "loan_id", day: DATE, start: "loan_start_date"}
    return {}


def _find_behind(table: Table, names: Mapping[str, str]) -> dict[str, str]:
    """The column that tells arrears, if none is known to: mostly 0, or one word, and changing within loans.

    Instalments behind rise by one a month at most, days past due by 31.
    """
    part = Part("loan tape", names)
    loan, day = part.theirs("loan_id"), part.theirs(DATE)
    known = set(names.values())
    if loan is None or day is None or any(known.issuperset(some) for some in ARREARS_COLUMNS.values()):
        return {}
    ordered = table.rows.with_columns(_month=month_of(table, day)).sort(loan, "_month")
    for name in [one for one in table.guesses if one not in names]:
        kind = table.guesses[name].type
        if kind == "whole number":
            number = ordered.select(loan, value=pl.col(name).cast(pl.Float64, strict=False))
            for ours, rise, late in (("instalments_behind", 1, 2), ("days_past_due", 31, 30)):
                if _is_behind(number, loan, rise, late):
                    return {name: ours}
        if kind == "word" and 1 < ordered[name].n_unique() <= MAX_CODES:
            changed = ordered.group_by(loan).agg(pl.col(name).n_unique() > 1)[name]
            if 0 < share_of(changed) < 0.5:
                return {name: "status"}
    return {}


def _is_behind(ordered: pl.DataFrame, loan: str, rise: int, late: int) -> bool:
    """Whether `value` is mostly 0, `late` or more at times, and rises by `rise` a month at most."""
    values = ordered["value"].drop_nulls()
    steps = ordered.select(pl.col("value").diff().over(loan)).to_series().drop_nulls()
    most = values.max()
    is_late = isinstance(most, float) and most >= late
    return is_late and share_of(values == 0) > 0.7 and share_of(steps <= rise) > 0.98


def _fits(guess: Guess, ours: str) -> bool:
    """Whether a column of that type can hold what a loan tape's column means."""
    if ours in ("loan_id", CUSTOMER, "status"):
        return guess.type not in ("date", "duration", "list of words")
    if TAPE[ours].type == "date":
        return guess.type == "date"
    return guess.type in ("number", "whole number")
