"""A first declaration of a lender, drafted from its files; what a person has to decide stands beside it."""

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from tasks.ingestion.date_spelling import ISO, read_spelled
from tasks.lender.declaration import CUSTOMER, DATE, TAPE_NAME
from tasks.lender.tape import TAPE
from tasks.onboarding.draft_head import DECIDE, GuessedSource, as_list, as_text, draft_head
from tasks.onboarding.first_rows import applicants_in
from tasks.onboarding.guess_columns import Guess, find_decimal, guess_column
from tasks.onboarding.guess_roles import describe_applicants, is_dated_before, name_customer
from tasks.onboarding.guess_tape import Part, Table, describe_tape, find_tape, loan_starts
from tasks.onboarding.samples import Sample
from tasks.text import ascii_name, plain_name

BANDS = [0, 25, 35, 50]
COVERED = 0.99  # of the loans with a row in a source: of fewer, it may be missing


def draft_declaration(samples: Sequence[Sample], lender: str) -> str:
    """The text of a `lender.toml` for these files. What it is unsure of are comments that begin with DECIDE.

    Needs:  the first rows of each file, files whose names differ in digits alone being one source.
    """
    groups = _group(samples)
    tables = {name: _read_table(_rows_of(group)) for name, group in groups.items()}
    tape = find_tape(tables)
    others = [table for name, table in tables.items() if name != tape]
    tape_part = name_customer(tables[tape], describe_tape(tables[tape]), others) if tape else Part(None, {})
    starts = loan_starts(tables[tape] if tape else Table(samples[0].rows, {}), tape_part)
    sources = {
        name: GuessedSource(
            _files_of(group),
            group[0],
            tables[name],
            tape_part if name == tape else describe_applicants(tables[name], starts),
        )
        for name, group in groups.items()
    }
    blocks = [draft_head(lender, sources[tape] if tape else None, [*sources.values()])]
    for name, one in sources.items():
        before = name != tape and is_dated_before(one.table, one.part, starts)
        blocks.append(_draft_source(TAPE_NAME if name == tape else name, one, before_the_loan=before))
    if tape and not any(one.part.role == "application" for one in sources.values()):
        blocks.append(
            _draft_applicants(sources[tape], "applicants" if "applicants" not in sources else "people")
        )
    return "\n\n".join(blocks) + "\n"


def count_decisions(draft: str) -> int:
    """How many things the draft leaves to a person."""
    return draft.count(DECIDE)


def _group(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups: dict[tuple[str, tuple[str, ...]], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((_pattern(sample.file), tuple(sample.rows.columns)), []).append(sample)
    named: dict[str, list[Sample]] = {}
    for group in groups.values():
        name = ascii_name(re.sub(r"\d+", "", group[0].file.split(".")[0])) or "source"
        name = name if name[0].isalpha() else f"source_{name}"
        named[name if name not in named else f"{name}_{len(named)}"] = group
    return named


def _pattern(file: str) -> str:
    return re.sub(r"\d+([-_.]?\d+)*", "*", file)


def _rows_of(group: Sequence[Sample]) -> pl.DataFrame:
    """The first rows of each file of a source, together as many as are looked at of one."""
    most = max(one.rows.height for one in group)
    return pl.concat([one.rows.head(-(-most // len(group))) for one in group])


def _files_of(group: Sequence[Sample]) -> list[str]:
    return [_pattern(group[0].file)] if len(group) > 1 else [group[0].file]


def _read_table(rows: pl.DataFrame) -> Table:
    """Rows of a sample, and what each of their columns probably is."""
    decimal = find_decimal(rows)
    return Table(rows, {name: guess_column(name, rows[name], decimal) for name in rows.columns})


def _draft_applicants(tape: GuessedSource, name: str) -> str:
    """The loan tape's first rows as a source of their own, where no other file is about applicants."""
    rows, part, only = applicants_in(tape.table, tape.part)
    if part.role is None:
        return f"{DECIDE}no file is about applicants, and the loan tape does not say which rows are the first"
    source = replace(tape, table=_read_table(rows), part=part)
    return _draft_source(name, source, only=only)


def _draft_source(name: str, source: GuessedSource, *, before_the_loan: bool = False, only: str = "") -> str:
    sample, part = source.sample, source.part
    decimal = find_decimal(source.table.rows)
    spellings = {g.spelling for g in source.table.guesses.values() if g.spelling}
    said = {
        "separator": sample.separator if sample.separator != "," else "",
        "decimal": decimal,
        "format": sample.kind if sample.kind != "csv" else "",
        "dates": next(iter(spellings)) if len(spellings) == 1 and spellings != {ISO} else "",
        "only": only,
    }
    missing = round(100 * (1 - part.covered), 1)
    lines = [
        "[[source]]",
        f"name = {as_text(name)}",
        f"role = {as_text(part.role or 'application')}",
        f'owner = "unknown"                      {DECIDE}who answers for this file',
        f"files = {as_list(source.files)}",
        *(f"{word} = {as_text(value)}" for word, value in said.items() if value),
        *_draft_encoding(sample),
        *(_draft_delay(source) if part.role == "history" else []),
        *(["before_the_loan = true"] if before_the_loan else []),
        *(
            [f"may_be_missing = true                  {DECIDE}{missing:g} % of the loans have no row in it"]
            if part.covered < COVERED
            else []
        ),
        *([] if sample.header else [f"header = {as_list(sample.rows.columns)}"]),
        *(
            []
            if sample.header
            else [f"{DECIDE}the file names no columns: put the sender's names here and below"]
        ),
        *(f"{DECIDE}{text}" for text in part.unsure),
        "",
        "[source.columns]",
        *(_draft_column(column, source) for column in source.table.guesses),
    ]
    if part.role is None:  # nothing can be declared of it yet: the whole block is a comment
        why = f"# {', '.join(source.files)} is not declared: {'; '.join(part.unsure)}."
        return "\n".join([why, *(f"# {line}".rstrip() for line in lines)])
    return "\n".join(lines)


def _draft_delay(source: GuessedSource) -> list[str]:
    """What a person has to know of a history with rows of other days than a month's first."""
    key, day = source.part.theirs(CUSTOMER), source.part.theirs(DATE)
    if key is None or day is None:
        return []
    days = source.table.rows.select(key=key, day=read_spelled(day, source.table.guesses[day].spelling))
    if (days["day"].drop_nulls().dt.day() == 1).all():
        return []
    many = days.select("key", pl.col("day").dt.truncate("1mo")).is_duplicated().any()
    newest = "of several rows of a customer in a month the newest day counts: should the sender sum them?"
    return [
        f"delay_days = 1                       {DECIDE}rows of a loan's month may be later than it: left out",
        *([f"{DECIDE}{newest}"] if many else []),
    ]


def _draft_encoding(sample: Sample) -> list[str]:
    if sample.encoding == "utf-8":
        return []
    names = " ".join(sample.rows.columns)
    signs = "".join(sorted({sign for sign in names if not sign.isascii()}))
    guessed = sample.encoding != "utf-16" and signs
    unsure = f"   {DECIDE}are these letters right? {signs}" if guessed else ""
    return [f"encoding = {as_text(sample.encoding)}{unsure}"]


def _draft_column(name: str, source: GuessedSource) -> str:
    guess, ours = source.table.guesses[name], source.part.names.get(name)
    is_tape = source.part.role == "loan tape"
    kind = _type_of(guess, ours, is_tape=is_tape)
    said = [f"type = {as_text(kind)}"]
    if ours and ours != plain_name(name):
        said.append(f"as = {as_text(ours)}")
    if guess.sparse and not ours and kind not in ("list of words", "date"):
        said.append("required = false")
    if kind in ("number", "whole number") and guess.nulls:
        said.append(f"nulls = {as_list(guess.nulls)}")
    if kind == "list of words":
        said.append(f"words = {as_list(guess.words)}")
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


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else as_text(name)
