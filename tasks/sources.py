"""Declare sources, list them, and decide which columns of them features may use."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import polars as pl
from pydantic import ValidationError

from tasks.config import Settings
from tasks.errors import BadInputError, UsageError
from tasks.schemas.sources import Declared
from tasks.storage import tables
from tasks.storage.declarations import add_declared, read_declarations, read_declared
from tasks.storage.source_files import Format, find_files, scan_file
from tasks.storage.source_history import Kinds, note_decision, read_decisions, used_on

Matches = Literal["customer_id", "loan_id"]
SAMPLE = 1000  # rows that a guess looks at


def add_source(
    name: str,
    where: Sequence[str],
    settings: Settings,
    *,
    owner: str,
    key: str = "",
    day: str = "",
    delay_days: int = 0,
    valid_days: int = 62,
) -> str:
    """Declare a source; return the lines that were added. What is not said is guessed from its first file.

    Errors: BadInputError for files that are not there or do not show a key or date; UsageError for a name
    that cannot be one; PolicyError for one that is taken.
    """
    kind = _guess_format(where, settings)
    sample = scan_file(find_files(where, kind, settings)[0], kind).head(SAMPLE).collect()
    key, matches = _guess_key(sample, key, settings)
    day = day or _guess_date(sample, key)
    try:
        declared = Declared(
            name=name,
            owner=owner,
            where=tuple(where),
            format=kind,
            key=key,
            matches=matches,
            date=day,
            delay_days=delay_days,
            valid_days=valid_days,
        )
    except ValidationError as error:
        first = error.errors()[0]
        said = ": ".join((*map(str, first["loc"]), first["msg"].removeprefix("Value error, ")))
        raise UsageError(f"The source cannot be declared so. {said}.") from error
    return add_declared(declared, settings)


def _guess_format(where: Sequence[str], settings: Settings) -> Format:
    kinds: tuple[Format, ...] = ("parquet", "csv")
    for place in where:
        path = settings.data / place
        if (path / "_delta_log").is_dir():
            return "delta"
        for kind in kinds:
            if place.endswith(f".{kind}") or (path.is_dir() and any(path.rglob(f"*.{kind}"))):
                return kind
    raise BadInputError(
        f"There is no Delta table, Parquet or CSV file at {settings.data / where[0]}. Mend --where."
    )


def _guess_key(sample: pl.DataFrame, key: str, settings: Settings) -> tuple[str, Matches]:
    """The column whose values are our customers' or loans', and which of the two."""
    ids = _our_ids(settings)
    if key and key not in sample.columns:
        raise BadInputError(f"No column is named {key!r}; there are {', '.join(sample.columns)}. Mend --key.")
    best: tuple[float, bool, str] = (0.0, False, "")  # a loan's id says more than a customer's
    for column in [key] if key else sample.select(pl.col(pl.String)).columns:
        values = sample[column].cast(pl.String).drop_nulls()
        for matches, known in ids.items():
            found = float(values.is_in(known.implode()).sum()) / max(1, len(values))
            best = max(best, (found, matches == "loan_id", column), key=lambda one: one[:2])
    found, of_loans, key = best
    if not found:
        raise BadInputError(
            f"No column of {', '.join(sample.columns[:8])} ... holds our customers' or loans' ids. Say which "
            "one does with --key, after the months have come in with: vintage backfill"
        )
    return key, "loan_id" if of_loans else "customer_id"


def _our_ids(settings: Settings) -> dict[Matches, pl.Series]:
    if not tables.snapshot_dates("gold.feature_store", settings):
        return {}
    rows = tables.scan("gold.feature_store", settings).select("customer_id", "loan_id").collect()
    return {"customer_id": rows["customer_id"], "loan_id": rows["loan_id"]}


def _guess_date(sample: pl.DataFrame, key: str) -> str:
    """The first column of dates, those first that are named after a snapshot of features."""
    text = sample.select(pl.col(pl.String).exclude(key).str.slice(0, 10).str.to_date(strict=False))
    dated = [name for name in text.columns if text[name].null_count() == sample[name].null_count()]
    dated += sample.select(pl.selectors.temporal()).columns
    likely = sorted(dated, key=lambda name: (_date_rank(name), sample.columns.index(name)))
    if not likely:
        raise BadInputError(
            "No column holds dates. Say with --date-column which one says when a row was known."
        )
    return likely[0]


def _date_rank(name: str) -> int:
    words = name.lower()
    return 2 if re.search("label|last|due|birth|end", words) else int("snapshot" not in words)


def list_sources(settings: Settings) -> pl.DataFrame:
    """A row per source: name, owner, format, key, date, delay, and what was decided on it."""
    rows = [
        {
            "name": declared.name,
            "owner": declared.owner,
            "format": declared.format,
            "key": declared.key,
            "date": declared.date,
            "delay": f"{declared.delay_days} d",
            "state": "own" if declared.own else _state(declared.name, settings),
        }
        for declared in read_declarations(settings)
    ]
    return pl.DataFrame(rows)


def _state(name: str, settings: Settings) -> str:
    lines = {line["what"]: line for line in read_decisions(settings, source=name)}
    if name in used_on(None, settings):
        return f"used from {lines['use']['from']}, {len(lines['use']['columns'])} columns"
    if "drop" in lines:
        return f"dropped from {lines['drop']['from']}"
    if "check" not in lines:
        return "declared, not audited yet"
    check = lines["check"]
    return f"audited, {len(check['admitted'])} of {len(check['kinds'])} columns admitted"


def override(name: str, column: str, settings: Settings, *, by: str, reason: str) -> None:
    """Admit a column that the audit refused; who and why stand in the history.

    Errors: UsageError before the audit, or for a column that it did not refuse.
    """
    refused = _last_check(name, settings)["refused"]
    if column not in refused:
        known = ", ".join(refused) or "none"
        raise UsageError(f"{name} has no refused column {column!r}; the last audit refused: {known}.")
    fields = {"column": column, "check": refused[column], "by": by, "reason": reason}
    note_decision("override", name, fields, settings)


def use(name: str, start: date, settings: Settings, *, by: str, reason: str) -> Kinds:
    """Let trainings from a day on use the admitted columns of a source; return them with their kinds.

    Errors: UsageError before the audit, after a change of the declaration, or when no column is left.
    """
    check = _last_check(name, settings)
    if check["declared"] != read_declared(name, settings).model_dump(mode="json"):
        raise UsageError(f"{name} was declared anew since its audit. Audit it: vintage sources check {name}")
    columns = admitted_columns(name, settings)
    if not columns:
        raise UsageError(
            f"The audit of {name} left no column that a model can use; there is nothing to take."
        )
    note_decision("use", name, {"from": str(start), "by": by, "reason": reason, "columns": columns}, settings)
    return columns


def admitted_columns(name: str, settings: Settings) -> Kinds:
    """The columns of an audited source that a model can use: admitted by the audit, or by a person since.

    Errors: UsageError before the audit.
    """
    check = _last_check(name, settings)
    lines = read_decisions(settings, source=name)
    admitted = {*check["admitted"], *(line["column"] for line in lines if line["what"] == "override")}
    return {column: kind for column, kind in check["kinds"].items() if column in admitted and kind != "other"}


def audited_sources(settings: Settings) -> list[str]:
    """Names of the sources of which an audit left columns, in order."""
    names = {line["source"] for line in read_decisions(settings) if line["what"] == "check"}
    return [name for name in sorted(names) if admitted_columns(name, settings)]


def drop(name: str, start: date, settings: Settings, *, by: str, reason: str) -> None:
    """Let no training from a day on use a source; models that learned from it keep it.

    Errors: UsageError for a source that is not in use.
    """
    if name not in used_on(None, settings):
        raise UsageError(f"{name} is not in use; vintage sources list shows what is.")
    note_decision("drop", name, {"from": str(start), "by": by, "reason": reason}, settings)


def _last_check(name: str, settings: Settings) -> dict[str, Any]:
    read_declared(name, settings)
    checks = [line for line in read_decisions(settings, source=name) if line["what"] == "check"]
    if not checks:
        raise UsageError(f"{name} was not audited yet. Audit it: vintage sources check {name}")
    return checks[-1]
