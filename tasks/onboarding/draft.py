"""A first declaration of a lender, drafted from its files; what a person has to decide stands beside it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tasks.ingestion.date_spelling import ISO, read_spelled
from tasks.lender.declaration import CUSTOMER, DATE, TAPE_NAME
from tasks.lender.tape import TAPE
from tasks.onboarding.guess_columns import Guess, find_decimal, guess_column
from tasks.onboarding.guess_roles import (
    Part,
    Table,
    describe_applicants,
    describe_tape,
    find_tape,
    is_dated_before,
)
from tasks.onboarding.samples import Sample
from tasks.text import plain_name

DECIDE = "# decide: "
BANDS = [0, 25, 35, 50]


@dataclass(frozen=True)
class _Source:
    """Files that are one source, what they hold, and what the source probably is."""

    files: Sequence[str]
    sample: Sample
    table: Table
    part: Part


def draft_declaration(samples: Sequence[Sample], lender: str) -> str:
    """The text of a `lender.toml` for these files. What it is unsure of are comments that begin with DECIDE.

    Needs:  the first rows of each file, files whose names differ in digits alone being one source.
    """
    groups = _group(samples)
    tables = {name: _read_table(group[0]) for name, group in groups.items()}
    tape = find_tape(tables)
    ids = _ids_of(tables[tape]) if tape else []
    sources = {
        name: _Source(
            _files_of(group),
            group[0],
            tables[name],
            describe_tape(tables[name]) if name == tape else describe_applicants(tables[name], ids),
        )
        for name, group in groups.items()
    }
    blocks = [_head(lender, sources[tape] if tape else None)]
    before = [name for name in sources if tape and _is_dated_before(sources[name], sources[tape])]
    blocks += [
        _draft_source(TAPE_NAME if name == tape else name, one, before_the_loan=name in before)
        for name, one in sources.items()
    ]
    if tape and not any(one.part.role == "application" for one in sources.values()):
        blocks.append(
            f"{DECIDE}no file is about applicants: what the loan tape says of them is read by a second\n"
            '# source of the same file, role = "application", only = "<months on book> = \'0\'"'
        )
    return "\n\n".join(blocks) + "\n"


def _is_dated_before(applicants: _Source, tape: _Source) -> bool:
    return is_dated_before((applicants.table, applicants.part), (tape.table, tape.part))


def count_decisions(draft: str) -> int:
    """How many things the draft leaves to a person."""
    return draft.count(DECIDE)


def _group(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups: dict[tuple[str, tuple[str, ...]], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((_pattern(sample.file), tuple(sample.rows.columns)), []).append(sample)
    named: dict[str, list[Sample]] = {}
    for group in groups.values():
        name = plain_name(re.sub(r"\d+", "", group[0].file.split(".")[0])) or "source"
        name = name if name[0].isalpha() else f"source_{name}"
        named[name if name not in named else f"{name}_{len(named)}"] = group
    return named


def _pattern(file: str) -> str:
    return re.sub(r"\d+([-_.]?\d+)*", "*", file)


def _files_of(group: Sequence[Sample]) -> list[str]:
    return [_pattern(group[0].file)] if len(group) > 1 else [group[0].file]


def _read_table(sample: Sample) -> Table:
    decimal = find_decimal(sample.rows, sample.separator)
    return Table(
        sample.rows, {name: guess_column(name, sample.rows[name], decimal) for name in sample.rows.columns}
    )


def _ids_of(table: Table) -> list[pl.Series]:
    names = describe_tape(table).names
    return [
        table.rows[theirs].str.strip_chars().unique()
        for theirs, ours in names.items()
        if ours in ("loan_id", CUSTOMER)
    ]


def _head(lender: str, tape: _Source | None) -> str:
    lines = [
        "# A draft: docs/lender.md explains every word, and `vintage check` tries it.",
        "",
        "[lender]",
        f"name = {_text(lender)}",
        f'currency = "account currency"            {DECIDE}which',
    ]
    if tape is None:
        return "\n".join([*lines, f"{DECIDE}no file looks like a loan tape, one row per loan and month"])
    told_by, calendar = _told_by(tape.part), _calendar(tape)
    mob, dpd = (12, 90) if _longest(tape) > 12 else (6, 30)
    return "\n".join(
        [
            *lines,
            f"calendar = {_text(calendar)}",
            "",
            "[label]",
            f"mob = {mob}                     {DECIDE}months on book at which a loan is judged",
            f"dpd = {dpd}                     {DECIDE}so many days past due, or more, are a default",
            *_say_when_closed(tape.part),
            "",
            "[arrears]",
            f"told_by = {_text(told_by)}",
            *(_draft_status(tape) if told_by == "status" else []),
        ]
    )


def _told_by(part: Part) -> str:
    known = set(part.names.values())
    if "days_past_due" in known:
        return "days past due"
    if "instalments_behind" in known:
        return "instalments behind"
    return "status" if "status" in known and "overdue_amt" not in known else "amounts"


def _draft_status(tape: _Source) -> list[str]:
    """Days past due of each status code that the first rows hold: the number in it, else none."""
    theirs = next(name for name, ours in tape.part.names.items() if ours == "status")
    codes = tape.table.rows[theirs].drop_nulls().str.strip_chars().unique().sort().to_list()
    days = {code: re.search(r"\d+", code) for code in codes if code}
    table = ", ".join(f"{_text(code)} = {int(found[0]) if found else 0}" for code, found in days.items())
    return [f"status = {{ {table} }}   {DECIDE}days past due of each code; leave out what says nothing"]


def _say_when_closed(part: Part) -> list[str]:
    """What takes the place of the usual sign of a closed loan where the loan tape lacks its columns."""
    known = {"balance", "paid_amt"} <= set(part.names.values())
    return (
        [] if known else [f'closed_when = "FALSE"   {DECIDE}when is a loan closed, by SQL over the loan tape']
    )


def _calendar(tape: _Source) -> str:
    theirs = next((name for name, ours in tape.part.names.items() if ours == DATE), None)
    if theirs is None:
        return "month start"
    days = (
        tape.table.rows.select(read_spelled(theirs, tape.table.guesses[theirs].spelling))
        .to_series()
        .drop_nulls()
    )
    if (days.dt.day() == 1).all():
        return "month start"
    return "month end" if (days == days.dt.month_end()).all() else "any day"


def _longest(tape: _Source) -> float:
    """The longest term, or else age, in months that the loan tape tells; 0 where it tells none."""
    for ours in ("tenure", "installment_num"):
        for theirs in [name for name, named in tape.part.names.items() if named == ours]:
            values = tape.table.rows[theirs].cast(pl.Float64, strict=False).drop_nulls()
            return float(values.to_numpy().max(initial=0.0))
    return 0.0


def _draft_source(name: str, source: _Source, *, before_the_loan: bool) -> str:
    sample, part = source.sample, source.part
    decimal = find_decimal(sample.rows, sample.separator)
    spellings = {g.spelling for g in source.table.guesses.values() if g.spelling}
    said = {
        "separator": sample.separator if sample.separator != "," else "",
        "decimal": decimal if decimal != "." else "",
        "encoding": sample.encoding if sample.encoding != "utf-8" else "",
        "format": sample.kind if sample.kind != "csv" else "",
        "dates": next(iter(spellings)) if len(spellings) == 1 and spellings != {ISO} else "",
    }
    lines = [
        "[[source]]",
        f"name = {_text(name)}",
        f"role = {_text(part.role or 'application')}",
        f'owner = "unknown"                      {DECIDE}who answers for this file',
        f"files = {_list(source.files)}",
        *(f"{word} = {_text(value)}" for word, value in said.items() if value),
        *(["before_the_loan = true"] if before_the_loan else []),
        *([] if sample.header else [f"header = {_list(sample.rows.columns)}"]),
        *(
            []
            if sample.header
            else [f"{DECIDE}the file names no columns: put the sender's names here and below"]
        ),
        *(f"{DECIDE}{text}" for text in part.unsure),
        "",
        "[source.columns]",
        *(_draft_column(column, source) for column in sample.rows.columns),
    ]
    if part.role is None:  # nothing can be declared of it yet: the whole block is a comment
        why = f"# {', '.join(source.files)} is not declared: {'; '.join(part.unsure)}."
        return "\n".join([why, *(f"# {line}".rstrip() for line in lines)])
    return "\n".join(lines)


def _draft_column(name: str, source: _Source) -> str:
    guess, ours = source.table.guesses[name], source.part.names.get(name)
    is_tape = source.part.role == "loan tape"
    kind = _type_of(guess, ours, is_tape=is_tape)
    said = [f"type = {_text(kind)}"]
    if ours and ours != plain_name(name):
        said.append(f"as = {_text(ours)}")
    if kind in ("number", "whole number") and guess.nulls:
        said.append(f"nulls = {_list(guess.nulls)}")
    if kind == "list of words":
        said.append(f"words = {_list(guess.words)}")
    unsure = () if ours else guess.unsure
    if guess.personal and not ours:
        said.append("personal = true")
    elif guess.protected and not is_tape:
        bands = "" if kind == "word" else f", bands = {BANDS}"
        said.append(f"protected = true{bands}")
    copied = None if ours or is_tape else _copied(name, source.table.rows)
    if copied or (guess.constant and not ours and not is_tape):
        said.append("feature = false")
        unsure = (*unsure, *([f"the same as {copied}"] if copied else []))
    comment = f"   {DECIDE}{'; '.join(unsure)}" if unsure and not (is_tape and not guess.personal) else ""
    return f"{_key(name)} = {{ {', '.join(said)} }}{comment}"


def _type_of(guess: Guess, ours: str | None, *, is_tape: bool) -> str:
    if ours in (CUSTOMER, "loan_id"):
        return "id"
    if not is_tape or ours not in TAPE:
        return guess.type
    return TAPE[ours].type


def _copied(name: str, rows: pl.DataFrame) -> str | None:
    """The first column before this one that says the same in every row, if any."""
    before = rows.columns[: rows.columns.index(name)]
    return next((one for one in before if rows[one].equals(rows[name]) and rows[one].n_unique() > 1), None)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
