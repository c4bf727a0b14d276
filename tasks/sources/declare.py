"""Declare sources and list them."""

import re
from collections.abc import Sequence
from typing import Literal

import polars as pl
from pydantic import ValidationError

from tasks.config import Settings
from tasks.errors import BadInputError, UsageError
from tasks.governance.declarations import add_declared, read_declarations, require_free_name
from tasks.governance.source_log import read_decisions, used_on
from tasks.governance.sources import Declared
from tasks.ingestion.raw_folder import local_data
from tasks.sources.files import Format, find_files, read_days, read_file, rename_ours
from tasks.sources.life import describe_lives
from tasks.store import tables

Matches = Literal["customer_id", "loan_id"]
SAMPLE = 1000  # rows that a guess looks at


def add_source(
    name: str,
    where: Sequence[str],
    settings: Settings,
    *,
    owner: str,
    kind: Format | None = None,
    key: str = "",
    day: str = "",
    delay_days: int = 0,
    valid_days: int = 62,
) -> str:
    """Declare a source; return the lines that were added. What is not said is guessed from its first file.

    Raises: BadInputError for files that are not there or do not show a key or date; UsageError for a name
    that cannot be one or is taken.
    """
    require_free_name(name, settings)
    if not all(place.strip() for place in where):
        raise UsageError("--where is empty; name a file, a folder, a pattern or an address.")
    kind = kind or _guess_format(where, settings)
    file = find_files(where, kind, settings)[0]
    sample = read_file(file, kind, settings, most=SAMPLE)
    key, matches = _guess_key(sample, key, settings)
    day = day or _guess_date(sample, key)
    read_days(_column(sample, day, "--date-column"), file)
    rename_ours(sample.drop({key, day}), file)
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
        message = ": ".join((*map(str, first["loc"]), first["msg"].removeprefix("Value error, ")))
        raise UsageError(f"The source cannot be declared so. {message}.") from error
    return add_declared(declared, settings)


def _guess_format(where: Sequence[str], settings: Settings) -> Format:
    kinds: tuple[Format, ...] = ("parquet", "csv")
    for place in where:
        path = local_data(settings.data, place) / place
        if (path / "_delta_log").is_dir():
            return "delta"
        for kind in kinds:
            if place.endswith(f".{kind}") or (path.is_dir() and any(path.rglob(f"*.{kind}"))):
                return kind
    if "://" in where[0]:
        raise BadInputError(f"What lies at {where[0]} cannot be told from its name. Say it with --format.")
    raise BadInputError(
        f"There is no Delta table, Parquet or CSV file at {settings.data / where[0]}. Correct --where."
    )


def _column(sample: pl.DataFrame, name: str, option: str) -> pl.Series:
    if name not in sample.columns:
        raise BadInputError(
            f"No column is named {name!r}; there are {', '.join(sample.columns)}. Correct {option}."
        )
    return sample[name]


def _guess_key(sample: pl.DataFrame, key: str, settings: Settings) -> tuple[str, Matches]:
    """The column whose values are our customers' or loans', and which of the two."""
    ids = _our_ids(settings)
    best: tuple[float, bool, str] = (0.0, False, "")  # a loan's id says more than a customer's
    for column in [key] if key else sample.select(pl.col(pl.String)).columns:
        values = _column(sample, column, "--key").cast(pl.String).drop_nulls()
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
    dated += sample.select(pl.selectors.date(), pl.selectors.datetime()).columns
    dated = [name for name in dated if sample[name].count()]
    likely = sorted(dated, key=lambda name: (_date_rank(name), sample.columns.index(name)))
    if not likely:
        raise BadInputError(
            "No column holds dates such as 2024-03-01. Say with --date-column of which day a row is."
        )
    return likely[0]


def _date_rank(name: str) -> int:
    words = name.lower()
    return 2 if re.search("label|last|due|birth|end", words) else int("snapshot" not in words)


def list_sources(settings: Settings) -> pl.DataFrame:
    """A row per source: name, owner, format, key, date, delay, what was decided on its use, where it stands.

    `life` is null for a source that was never in use.
    """
    lives = describe_lives(settings)
    rows = [
        {
            "name": declared.name,
            "owner": declared.owner,
            "format": declared.format,
            "key": declared.key,
            "date": declared.date,
            "delay": f"{declared.delay_days} d",
            "state": "own" if declared.own else _state(declared.name, settings),
            "life": lives.get(declared.name),
        }
        for declared in read_declarations(settings)
    ]
    return pl.DataFrame(rows, schema_overrides={"life": pl.String})


def _state(name: str, settings: Settings) -> str:
    lines = {line["what"]: line for line in read_decisions(settings, source=name)}
    probation = ", on probation" if lines.get("check", {}).get("probation") else ""
    if name in used_on(None, settings):
        return f"used from {lines['use']['from']}, {len(lines['use']['columns'])} columns{probation}"
    if "drop" in lines:
        return f"dropped from {lines['drop']['from']}"
    if "check" not in lines:
        return "declared, not audited yet"
    check = lines["check"]
    of_use = sum(check["kinds"][column] != "other" for column in check["admitted"])
    return f"audited, {of_use} of {len(check['kinds'])} columns of use{probation}"
