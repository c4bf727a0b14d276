"""What each file but the loan tape probably is: what was known of applicants, or a history."""

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from tasks.lender.declaration import CUSTOMER, DATE, Role
from tasks.onboarding.guess_columns import share_of
from tasks.onboarding.guess_tape import Part, Table, month_of
from tasks.onboarding.names import SYNONYMS
from tasks.text import ascii_name

FEW_IDS = 50  # so few values may be words that two files share
REPEATED = 1.5  # rows a customer from which on a file is a history
ID = re.compile(r"(^|_)(id|no|nr|num|number|key|ref)$|^(customer|client|loan|contract|account)")


def name_customer(tape: Table, part: Part, others: Sequence[Table]) -> Part:
    """What the loan tape probably is, with the customer's id, if no name tells it, by ids of other files.

    It is the column of which most values stand in a column of another file; none where the loan's id does.
    """
    loan = part.theirs("loan_id")
    if loan is None or CUSTOMER in part.names.values():
        return part
    ids = [
        table.rows[name].drop_nulls().str.strip_chars().unique()
        for table in others
        for name in table.guesses
        if table.guesses[name].type not in ("date", "number", "duration", "list of words")
    ]
    free = [name for name in tape.guesses if name not in part.names or name == loan]
    shares: dict[str, float] = {}
    for name in free:
        values = tape.rows[name].drop_nulls().str.strip_chars().unique()
        known = [share_of(values.is_in(one.implode())) for one in ids if len(one) > FEW_IDS < len(values)]
        shares[name] = max(known, default=0.0)
    best = max(shares, key=lambda name: (shares[name], name == loan))
    return (
        part if best == loan or shares[best] <= 0.5 else replace(part, names={**part.names, best: CUSTOMER})
    )


def describe_applicants(table: Table, starts: pl.DataFrame) -> Part:
    """What a source other than the loan tape probably is, given the tape's loans (`loan_starts`).

    Rows are of a history where a customer has many, and they do not come one with each loan.
    """
    ids = [starts[name].unique() for name in (CUSTOMER, "loan_id") if starts.height]
    key, share = _find_key(table, ids)
    dates = table.dates()
    if key is None:
        return Part(None, {}, ["no column says whose a row is"])
    unsure = [] if share or not ids else [f"{key!r} holds no id of the loan tape's first rows"]
    if not dates:
        return Part(None, {key: CUSTOMER}, ["no column says of which day a row is"])
    if len(dates) > 1:
        unsure.append(f"of which day is a row: {', '.join(dates)}?")
    rows = table.rows.select(id=pl.col(key).str.strip_chars(), month=month_of(table, dates[0])).drop_nulls()
    loans = _loans_of(rows, starts)
    per_customer = table.rows.height / max(1, table.rows[key].n_unique())
    is_history = per_customer > REPEATED and not _come_with_loans(rows, loans)
    role: Role = "history" if is_history else "application"
    covered = _share_covered(rows, loans) if role == "application" else 1.0
    shared = rows.filter(rows.is_duplicated()).height if role == "application" else 0
    if shared:
        unsure.append(
            f"{shared} rows share customer and month, where the newest day counts: is another id one a loan?"
        )
    return Part(role, {key: CUSTOMER, dates[0]: DATE}, unsure, covered)


def is_dated_before(table: Table, part: Part, starts: pl.DataFrame) -> bool:
    """Whether most applications are of a month before the first loan of the same customer, or that loan."""
    key, day = part.theirs(CUSTOMER), part.theirs(DATE)
    if part.role != "application" or key is None or day is None:
        return False
    applied = table.rows.select(id=pl.col(key).str.strip_chars(), month=month_of(table, day)).drop_nulls()
    first = _loans_of(applied, starts).group_by("id").agg(pl.min("began"))
    both = applied.join(first, on="id", how="inner", validate="m:1")
    return share_of(both["month"] < both["began"]) > 0.5


def _loans_of(rows: pl.DataFrame, starts: pl.DataFrame) -> pl.DataFrame:
    """The loans as `id` and `began`, by the customer's id or else the loan's: whichever the rows hold."""
    for name in (CUSTOMER, "loan_id"):
        loans = starts.select(id=name, began="began")
        if loans["id"].is_in(rows["id"].unique().implode()).any():
            return loans
    return starts.select(id=CUSTOMER, began="began").clear()


def _come_with_loans(rows: pl.DataFrame, loans: pl.DataFrame) -> bool:
    """Whether customers have about as many rows as loans, most of them of a loan's month or the one before.

    Rows before the first loan and after the last are not looked at.
    """
    near = pl.concat([loans.select("id", month=pl.col("began") - n) for n in (0, 1)]).unique()
    known = rows.filter(pl.col("month").is_between(loans["began"].min(), loans["began"].max()))
    known = known.join(loans, on="id", how="semi")
    many = known.height > REPEATED * loans.join(known, on="id", how="semi").height
    return not many and known.join(near, on=["id", "month"], how="semi").height > known.height / 2


def _share_covered(rows: pl.DataFrame, loans: pl.DataFrame) -> float:
    """The share of loans with a row, of those that began while there were rows; 1 where nothing tells it.

    The last month of rows is left out: a sample may end within it.
    """
    asked = loans.filter((pl.col("began") >= rows["month"].min()) & (pl.col("began") < rows["month"].max()))
    return asked.join(rows, on="id", how="semi").height / asked.height if asked.height else 1.0


def _find_key(table: Table, ids: Sequence[pl.Series]) -> tuple[str | None, float]:
    """The column that says whose a row is, and which share of its values are ids of the loan tape."""
    best: tuple[float, bool, str | None] = (0.0, False, None)
    for name, guess in table.guesses.items():
        if guess.type in ("date", "duration", "list of words") or guess.constant:
            continue
        values = table.rows[name].drop_nulls().str.strip_chars().unique()
        plain = ascii_name(name)
        shared = [
            (share_of(values.is_in(one.implode())), share_of(one.is_in(values.implode()))) for one in ids
        ]
        known = max((max(both) for both in shared), default=0.0)
        named = bool(re.search(SYNONYMS[CUSTOMER], plain) or ID.search(plain))
        if len(values) > 1 and (named or (known > 0.5 and len(values) > 50)):
            best = max(best, (known, named, name), key=lambda one: one[:2])
    return best[2], best[0]
