"""What each file probably is to the lender: the loan tape, what was known of applicants, or a history."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from tasks.ingestion.date_spelling import read_spelled
from tasks.lender.declaration import CUSTOMER, DATE, Role
from tasks.lender.tape import ARREARS_COLUMNS, TAPE
from tasks.months import month_number
from tasks.onboarding.guess_columns import Guess, share_of
from tasks.text import plain_name

NUMBER: Final = "(_?(id|no|nr|num|number|nummer|key|ref))?"
# How a column of a loan tape is often named; the first that fits takes the name, each name once.
SYNONYMS: Final[dict[str, str]] = {
    "loan_id": r"^(loan|contract|account|agreement|facility|credit|deal|vertrags?|darlehens?|kredit|konto)"
    rf"{NUMBER}$",
    CUSTOMER: rf"^(customer|client|borrower|member|applicant|obligor|party|person|debtor|kunden?){NUMBER}$",
    "days_past_due": r"(^|_)(days?_(past_due|late|overdue|in_arrears)|dpd|verzugstage)(_|$)",
    "instalments_behind": r"instal+ments?_(behind|missed|overdue)|months_(behind|in_arrears|past_due)",
    "overdue_amt": r"overdue|arrears|past_due|r(ü|ue)ckstand",
    "loan_start_date": r"(start|open|origin|grant|disburs|booking)\w*(_date|_day|_on)?$|^(start|open|grant)|"
    r"beginn$",
    "installment_num": r"instal+ment_(num|no|nr)|months?_on_book|(^|_)mob(_|$)|loan_age|^age$",
    "tenure": r"tenure|tenor|(^|_)term(_|$)|n_instal|laufzeit",
    "loan_amt": r"loan_am|amount_(financed|granted|lent)|(orig\w*|initial)_(am|balance|principal)|principal$|"
    r"(kredit|darlehens)betrag",
    "paid_amt": r"(^|_)paid|payment_(amt|amount)|received",
    "due_amt": r"(^|_)due(_am|$)|^instal+ment(_am\w*)?$|scheduled|^(monats)?rate$",
    "balance": r"balance|outstanding|(^|_)upb(_|$)|restschuld",
    "status": r"status|delinquen",
}
SNAPSHOT = re.compile(r"snapshot|report|as_of|month|period|cut_?off|stichtag")
MIN_TAPE = 4  # columns of a loan tape that a file must have to be one
REPEATED = 1.5  # rows a customer from which on a file is a history
MAX_IDS = 5  # columns that are tried as ids where names tell nothing
ID = re.compile(r"(^|_)(id|no|nr|num|number|key|ref)$|^(customer|client|loan|contract|account)")


@dataclass(frozen=True)
class Table:
    """Sample rows of a source, all text, and what each column probably is."""

    rows: pl.DataFrame
    guesses: Mapping[str, Guess]

    def dates(self) -> list[str]:
        """The columns of dates, those first that are named after a snapshot."""
        names = [name for name, guess in self.guesses.items() if guess.type == "date"]
        return sorted(names, key=lambda name: not SNAPSHOT.search(plain_name(name)))


@dataclass(frozen=True)
class Part:
    """What a source probably is: its role, and our name of each column that the loop knows by name.

    `role` is None where no column says whose a row is, or when; `unsure` lists what a person has to decide.
    """

    role: Role | None
    names: Mapping[str, str]
    unsure: Sequence[str] = ()


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
    known = set(names.values())
    unsure = _say_of_single_rows(table, names)
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


def describe_applicants(table: Table, ids: Sequence[pl.Series]) -> Part:
    """What a source other than the loan tape probably is, given the tape's ids of customers and of loans."""
    key, share = _find_key(table, ids)
    dates = table.dates()
    if key is None:
        return Part(None, {}, ["no column says whose a row is"])
    unsure = [] if share or not ids else [f"{key!r} holds no id of the loan tape's first rows"]
    if not dates:
        return Part(None, {key: CUSTOMER}, ["no column says of which day a row is"])
    if len(dates) > 1:
        unsure.append(f"of which day is a row: {', '.join(dates)}?")
    per_customer = table.rows.height / max(1, table.rows[key].n_unique())
    role: Role = "history" if per_customer > REPEATED else "application"
    return Part(role, {key: CUSTOMER, dates[0]: DATE}, unsure)


def is_dated_before(applicants: tuple[Table, Part], tape: tuple[Table, Part]) -> bool:
    """Whether most applications are of a month before the first loan of the same customer, or that loan."""
    (rows, part), (loans, known) = applicants, tape
    theirs = {ours: name for name, ours in known.names.items()}
    began = theirs.get("loan_start_date", theirs.get(DATE))
    mine = {ours: name for name, ours in part.names.items()}
    if part.role != "application" or began is None:
        return False
    new = pl.lit(value=True)
    if "loan_start_date" not in theirs and "installment_num" in theirs:
        new = pl.col(theirs["installment_num"]).cast(pl.Float64, strict=False) == 0
    started = loans.rows.filter(new).with_columns(began=_month_of(loans, began))
    applied = rows.rows.select(
        id=pl.col(mine[CUSTOMER]).str.strip_chars(), applied=_month_of(rows, mine[DATE])
    )
    for ours in (CUSTOMER, "loan_id"):
        if ours in theirs:
            first = started.group_by(id=pl.col(theirs[ours]).str.strip_chars()).agg(pl.min("began"))
            both = applied.join(first, on="id").drop_nulls()
            if both.height:
                return share_of(both["applied"] < both["began"]) > 0.5
    return False


def _month_of(table: Table, column: str) -> pl.Expr:
    return month_number(read_spelled(column, table.guesses[column].spelling))


def _name_tape(table: Table) -> dict[str, str]:
    """Our names of the columns of a loan tape, by theirs."""
    named: dict[str, str] = {}
    columns = {plain_name(name): name for name in table.rows.columns}
    for ours, pattern in SYNONYMS.items():
        exact = [columns[ours]] if ours in columns else []
        found = [name for plain, name in columns.items() if re.search(pattern, plain)]
        fitting = [
            name for name in (*exact, *found) if name not in named and _fits(table.guesses[name], ours)
        ]
        if fitting:
            named[fitting[0]] = ours
    snapshots = [name for name in table.dates() if name not in named]
    if snapshots:
        named[snapshots[0]] = DATE
    return named


def _find_ages(table: Table) -> dict[str, str]:
    """Our names of a loan tape's columns whose names tell nothing: loan, day, months on book, arrears.

    Months on book grow with the months of a date, for each value of an id that many rows share.
    """
    ids = [name for name, guess in table.guesses.items() if guess.type in ("whole number", "text", "word")]
    for day in table.dates():
        for key in ids[:MAX_IDS]:
            rows = table.rows.select(key=key, month=_month_of(table, day))
            if not 1.5 < rows.height / rows["key"].n_unique() < rows.height / 2 or rows.is_duplicated().any():
                continue
            for age in [name for name in ids if name != key and table.guesses[name].type == "whole number"]:
                since = rows.select(
                    "key", since=pl.col("month") - table.rows[age].cast(pl.Float64, strict=False)
                )
                kept = since.drop_nulls().group_by("key").agg(pl.col("since").n_unique() == 1)["since"]
                if share_of(kept) > 0.95:
                    named = {key: "loan_id", day: DATE, age: "installment_num"}
                    return named | _find_behind(table, key, age, [name for name in ids if name not in named])
    return _find_beginnings(table, ids)


def _find_beginnings(table: Table, ids: Sequence[str]) -> dict[str, str]:
    """The same where no column tells months on book: a second date, of which each loan has one, tells it.

    The first rows of most loans are of the month of that date.
    """
    for day in table.dates():
        for key, start in [(key, start) for key in ids[:MAX_IDS] for start in table.dates() if start != day]:
            rows = table.rows.select(key=key, month=_month_of(table, day), start=_month_of(table, start))
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


def _find_behind(table: Table, key: str, age: str, columns: Sequence[str]) -> dict[str, str]:
    """The column of instalments behind, if any: mostly 0, sometimes 2 or more, rising by one at most."""
    rows = table.rows.select(key, pl.col(age, *columns).cast(pl.Float64, strict=False)).sort(key, age)
    for name in [one for one in columns if table.guesses[one].type == "whole number"]:
        behind = rows[name].drop_nulls()
        steps = rows.select(pl.col(name).diff().over(key)).to_series().drop_nulls()
        most = behind.max()
        late = isinstance(most, float) and most >= 2
        if late and share_of(behind == 0) > 0.7 and share_of(steps <= 1) > 0.98:
            return {name: "instalments_behind"}
    return {}


def _fits(guess: Guess, ours: str) -> bool:
    """Whether a column of that type can hold what a loan tape's column means."""
    if ours in ("loan_id", CUSTOMER, "status"):
        return guess.type not in ("date", "duration", "list of words")
    if TAPE[ours].type == "date":
        return guess.type == "date"
    return guess.type in ("number", "whole number")


def _find_key(table: Table, ids: Sequence[pl.Series]) -> tuple[str | None, float]:
    """The column that says whose a row is, and which share of its values are ids of the loan tape."""
    best: tuple[float, bool, str | None] = (0.0, False, None)
    for name, guess in table.guesses.items():
        if guess.type in ("date", "duration", "list of words") or guess.constant:
            continue
        values = table.rows[name].drop_nulls().str.strip_chars().unique()
        plain = plain_name(name)
        shared = [
            (share_of(values.is_in(one.implode())), share_of(one.is_in(values.implode()))) for one in ids
        ]
        known = max((max(both) for both in shared), default=0.0)
        named = bool(re.search(SYNONYMS[CUSTOMER], plain) or ID.search(plain))
        if len(values) > 1 and (named or (known > 0.5 and len(values) > 50)):
            best = max(best, (known, named, name), key=lambda one: one[:2])
    return best[2], best[0]
