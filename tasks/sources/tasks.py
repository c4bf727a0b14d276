"""Features from other teams' sources: joined as of each application, kept by month, read side by side."""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError, TableNotReadyError, UsageError
from tasks.governance.declarations import read_declared
from tasks.governance.source_log import Kinds, dropped_on, ever_used, read_decisions
from tasks.governance.sources import Declared
from tasks.prefect import io_task
from tasks.registry.history import load_registry
from tasks.registry.registered_files import read_card
from tasks.schemas.feature_store import KEYS
from tasks.schemas.source_features import name_feature, widen
from tasks.sources.files import SourceGoneError, find_files
from tasks.sources.join import join_source
from tasks.store import restatements, tables

LOG = logging.getLogger("vintage")
TABLE = "gold.source_features"


def sources_to_take_in(settings: Settings) -> dict[str, Kinds]:
    """The columns that are or were in use, by source: models that learned from a dropped one read on."""
    return ever_used(settings)


@io_task
def take_in_past(name: str, kinds: Kinds, settings: Settings) -> list[date]:
    """Take in what the columns `kinds` of a source said of every month that is there; return the months.

    The source need not be in use yet: it is read as it is declared now.
    Raises: SourceGoneError when nothing is there; BadInputError for a file that cannot be used, or one that
            changed for a published month.
    """
    days = tables.snapshot_dates("gold.feature_store", settings)
    if days:
        applications, published = _read_months(days, settings)
        declared = read_declared(name, settings)
        rows = to_rows(join_source(applications, declared, settings, needs=kinds), name, kinds)
        _replace(rows, published, {name}, days, settings)
    return days


@io_task
def take_in_sources(days: Sequence[date], settings: Settings) -> None:
    """Replace what the sources that are or were in use say in the partitions of `days`.

    A source whose files are gone says nothing: monitoring sees its coverage fall and the fallback scores.
    Raises: BadInputError for a file that cannot be used, or one that changed for a published month;
            UsageError for a source in use that is not declared any more.
    """
    used = sources_to_take_in(settings)
    applications, published = _read_months(days, settings)
    rows = [_features_of(name, kinds, applications, published, settings) for name, kinds in used.items()]
    _replace(pl.concat(rows), published, used, days, settings)


def _read_months(days: Sequence[date], settings: Settings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The keys of the applications of `days`, and what is published of the sources."""
    applications = tables.scan("gold.feature_store", settings, on=days).select(KEYS).collect()
    return applications, tables.scan(TABLE, settings, on=days).collect()


def _replace(
    rows: pl.DataFrame,
    published: pl.DataFrame,
    sources: Collection[str],
    days: Sequence[date],
    settings: Settings,
) -> None:
    """Write the rows of the `sources` in the place of theirs that are published."""
    _require_unchanged(rows, published, settings)
    others = published.filter(~pl.col("source").is_in(list(sources)))
    tables.replace_partitions(TABLE, pl.concat([rows, others]), days=days, settings=settings)


def _features_of(
    name: str, kinds: Kinds, applications: pl.DataFrame, published: pl.DataFrame, settings: Settings
) -> pl.DataFrame:
    """Rows of gold.source_features from one source; those `published` of a dropped one that is broken."""
    try:
        joined = join_source(applications, _declared_as_used(name, settings), settings, needs=kinds)
    except (BadInputError, UsageError) as error:
        last = applications.select(pl.max("snapshot_date")).item()
        dropped = dropped_on(last, name, settings)
        if not (dropped or isinstance(error, SourceGoneError)):
            raise
        LOG.warning("Nothing of the source %s: %s", name, error)
        said = published.filter(source=name)
        if dropped and said.height:
            return said.select(tables.TABLES[TABLE].columns.keys())
        joined = applications
    return to_rows(joined, name, kinds)


def _declared_as_used(name: str, settings: Settings) -> Declared:
    """The declaration of a source, which may have moved since it was taken into use, but means the same.

    Raises: UsageError.
    """
    declared = read_declared(name, settings)
    lines = [line for line in read_decisions(settings, source=name) if line["what"] == "use"]
    then = Declared.model_validate(lines[-1]["declared"])
    moved = {"owner": declared.owner, "where": declared.where}
    if then.model_copy(update=moved) != declared:
        raise UsageError(
            f"{settings.sources} declares {name} otherwise than when it was taken into use. Restore its "
            "lines, or declare it once more under another name, and audit and use that."
        )
    return declared


def to_rows(joined: pl.DataFrame, source: str, kinds: Kinds) -> pl.DataFrame:
    """A row of gold.source_features for each application and each of the columns `kinds`.

    Raises: BadInputError for a column that was of numbers and is not any more.
    """
    parts = [tables.TABLES[TABLE].empty]
    for column, kind in kinds.items():
        nothing = pl.Series([None] * joined.height, dtype=pl.Float64)
        values = joined[column] if column in joined.columns else nothing
        part = joined.select(
            "loan_id",
            "snapshot_date",
            source=pl.lit(source),
            feature=pl.lit(name_feature(source, column)),
            number=_numbers(values, source) if kind == "number" else pl.lit(None, pl.Float64),
            word=_words(values, source) if kind == "word" else pl.lit(None, pl.String),
        )
        parts.append(part.select(parts[0].columns))
    return pl.concat(parts)


def _numbers(values: pl.Series, source: str) -> pl.Series:
    """The numbers of a column, null where they are none.

    Raises: BadInputError for what is not a number.
    """
    if values.dtype == pl.String:
        text = values.str.strip_chars().replace("", None)
        values = text.cast(pl.Float64, strict=False)
        odd = text.filter(values.is_null() & text.is_not_null())
        if len(odd):
            raise _changed(source, text.name, "numbers", f"says {odd[0]!r}")
    if not values.dtype.is_numeric() and not isinstance(values.dtype, pl.Boolean | pl.Null):
        raise _changed(source, values.name, "numbers", f"is of the type {values.dtype}")
    numbers = values.cast(pl.Float64)
    return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()


def _words(values: pl.Series, source: str) -> pl.Series:
    if values.dtype.is_nested() or values.dtype == pl.Binary:
        raise _changed(source, values.name, "words", f"is of the type {values.dtype}")
    return values.cast(pl.String)


def _changed(source: str, column: str, was: str, now: str) -> BadInputError:
    return BadInputError(
        f"The source {source}, column {column}, was of {was} and now {now}. Ask its owner, or audit it "
        f"again: vintage sources check {source}"
    )


def _require_unchanged(rows: pl.DataFrame, published: pl.DataFrame, settings: Settings) -> None:
    """Do nothing if what is published of the same months and features says the same; note a restatement.

    Raises: BadInputError when it does not, and the settings do not ask for a restatement.
    """
    columns = rows.columns
    now = rows.join(published, on=["snapshot_date", "source", "feature"], how="semi")
    before = published.join(rows, on=["source", "feature"], how="semi").select(columns)
    changed = before.join(now, on=columns, how="anti", nulls_equal=True)
    if changed.is_empty():
        return
    first = changed.sort("snapshot_date", "source", "feature", "loan_id").row(0, named=True)
    name, day = first["source"], first["snapshot_date"]
    if not settings.restate:
        raise BadInputError(
            f"The source {name} changed for {day}, a month that is published: {changed.height} values, such "
            f"as {first['feature']} of {first['loan_id']}. Nothing of it was written; ask its owner, or "
            f"take the new values with: vintage run features --date {day} --restate"
        )
    for (month, source), some in changed.group_by("snapshot_date", "source", maintain_order=True):
        entry = {"snapshot_date": str(month), "what": f"values of {source}", "changed": some.height}
        restatements.note(settings, entry, versions={TABLE: tables.version_of(TABLE, settings)})


def sources_of(model_ids: Sequence[str], settings: Settings) -> dict[str, Kinds]:
    """The columns of other teams' sources that the models learned from, by their cards."""
    registry, found = load_registry(settings), dict[str, Kinds]()
    for model_id in model_ids:
        for name, kinds in read_card(registry, model_id)["data"]["sources"].items():
            found[name] = {**found.get(name, {}), **kinds}
    return found


def add_source_features(
    applications: pl.DataFrame,
    used: Mapping[str, Kinds],
    settings: Settings,
    *,
    until: date | None = None,
    version: int | None = None,
) -> pl.DataFrame:
    """The same rows with a column per feature of the sources `used`; as they are when there are none.

    Raises: TableNotReadyError when what a source said of one of the months was not taken in.
    """
    if not used:
        return applications
    rows = tables.scan(TABLE, settings, until=until, version=version)
    rows = rows.filter(pl.col("source").is_in(list(used))).collect()
    for source, kinds in used.items():
        for column in kinds:
            _require_taken_in(applications, rows.filter(feature=name_feature(source, column)), source)
    return widen(applications, rows, used)


def add_as_of(applications: pl.DataFrame, used: Mapping[str, Kinds], settings: Settings) -> pl.DataFrame:
    """The same rows with a column per feature of the sources `used`, as their files say now; null where gone.

    Needs:  loan_id, customer_id, snapshot_date. Nothing is taken in.
    Raises: BadInputError for a file that cannot be used; UsageError for a source that is not declared.
    """
    nothing = tables.TABLES[TABLE].empty
    asked = used if applications.height else {}
    rows = [_features_of(name, kinds, applications, nothing, settings) for name, kinds in asked.items()]
    return widen(applications, pl.concat([nothing, *rows]), used)


def files_of(used: Mapping[str, Kinds], settings: Settings) -> list[Path]:
    """What changes with the files of this machine that the sources `used` lie in now."""
    found: list[Path] = []
    for name in used:
        with suppress(SourceGoneError, UsageError):  # it says nothing, or is declared no more
            declared = read_declared(name, settings)
            files = find_files(declared.where, declared.format, settings)
            found += [Path(one) for one in files if "://" not in one]
    return [path / "_delta_log" if path.is_dir() else path for path in found]


def _require_taken_in(applications: pl.DataFrame, rows: pl.DataFrame, source: str) -> None:
    missing = applications.join(rows, on="loan_id", how="anti")["snapshot_date"]
    if len(missing):
        raise TableNotReadyError(
            f"{TABLE} lacks what {source} said of months from {missing.min()} to {missing.max()}. Take it in "
            f"with: vintage backfill --flows features --start {missing.min()} --end {missing.max()}"
        )
