"""Features from other teams' sources: joined as of each application, kept by month, read side by side."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
from prefect.logging import get_logger

from tasks.config import Settings
from tasks.core.point_in_time import WORKING, join_as_of
from tasks.errors import BadInputError
from tasks.prefect import io_task
from tasks.schemas.feature_store import KEYS
from tasks.schemas.source_features import name_feature, widen
from tasks.schemas.sources import Declared
from tasks.storage import models, tables
from tasks.storage.declarations import read_declarations, read_declared
from tasks.storage.source_files import DAY, KEY, read_rows
from tasks.storage.source_history import Kinds, ever_used, used_on

TABLE = "gold.source_features"


def join_source(
    applications: pl.DataFrame, declared: Declared, settings: Settings, *, where: Sequence[str] | None = None
) -> pl.DataFrame:
    """The applications with the source's columns as they could be known, and ROW_DAY.

    Needs:  loan_id, customer_id, snapshot_date; `where`, to read another delivery.
    Errors: those of `read_rows`.
    """
    last: date = applications["snapshot_date"].max()  # pyright: ignore[reportAssignmentType] - a date
    rows = read_rows(declared, settings, until=last, where=where)
    clash = [name for name in rows.columns if name in (*KEYS, *WORKING)]
    return join_as_of(
        applications,
        rows.drop(clash),
        on=declared.matches,
        key=KEY,
        day=DAY,
        delay_days=declared.delay_days,
        valid_days=declared.valid_days,
    )


def sources_to_take_in(settings: Settings) -> dict[str, Kinds]:
    """The columns that are or were in use, by source; a dropped source may lose its declaration."""
    declared = {source.name for source in read_declarations(settings)}
    needed = declared | set(used_on(None, settings))
    return {name: kinds for name, kinds in ever_used(settings).items() if name in needed}


@io_task
def take_in_sources(days: Sequence[date], settings: Settings) -> None:
    """Replace the partitions of `days` in gold.source_features by what the sources in use say.

    A source whose files are gone gives no rows: monitoring sees its coverage fall and the fallback scores.
    Errors: BadInputError for a file that cannot be used, or one that changed for a published month.
    """
    used = sources_to_take_in(settings)
    applications = tables.scan("gold.feature_store", settings, on=days).select(KEYS).collect()
    found = [_features_of(name, kinds, applications, settings) for name, kinds in used.items()]
    rows = pl.concat(found)
    _refuse_changed(rows, days, settings)
    if rows.height:
        tables.replace_partitions(TABLE, rows, days=days, settings=settings)


def _features_of(name: str, kinds: Kinds, applications: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Rows of gold.source_features from one source."""
    declared = read_declared(name, settings)
    try:
        joined = join_source(applications, declared, settings)
    except BadInputError as error:
        if not str(error).startswith("There is no"):
            raise
        get_logger("vintage").warning("Nothing of the source %s: %s", name, error)
        joined = applications
    return to_rows(joined, name, kinds)


def to_rows(joined: pl.DataFrame, source: str, kinds: Kinds) -> pl.DataFrame:
    """A row of gold.source_features for each value of the columns `kinds` that is there.

    Errors: BadInputError for a column that was of numbers and is not any more.
    """
    parts = [pl.DataFrame(schema=tables.TABLES[TABLE].columns)]
    for column, kind in kinds.items():
        values = (
            joined[column]
            if column in joined.columns
            else pl.Series([None] * joined.height, dtype=pl.Float64)
        )
        if kind == "number" and values.dtype == pl.String:
            text = values.str.strip_chars().replace("", None)
            values = text.cast(pl.Float64, strict=False)
            odd = text.filter(values.is_null() & text.is_not_null())
            if len(odd):
                raise BadInputError(
                    f"The source {source}, column {column}, was of numbers and now says {odd[0]!r}. Ask its "
                    f"owner, or audit it again: vintage sources check {source}"
                )
        number = _finite(values.cast(pl.Float64)) if kind == "number" else None
        word = values.cast(pl.String) if kind == "word" else None
        part = joined.select(
            "loan_id",
            "snapshot_date",
            source=pl.lit(source),
            feature=pl.lit(name_feature(source, column)),
            number=pl.lit(None, pl.Float64) if number is None else number,
            word=pl.lit(None, pl.String) if word is None else word,
        )
        parts.append(part.filter(pl.any_horizontal(pl.col("number", "word").is_not_null())))
    return pl.concat([part.select(parts[0].columns) for part in parts])


def _finite(values: pl.Series) -> pl.Series:
    """The same numbers, null where they are none."""
    return pl.select(pl.when(values.is_finite()).then(values)).to_series()


def _refuse_changed(rows: pl.DataFrame, days: Sequence[date], settings: Settings) -> None:
    """Do nothing if what is published of the same sources and features says the same, or is restated."""
    published = tables.scan(TABLE, settings, on=days).collect()
    if published.is_empty() or settings.restate:
        return
    columns = ["loan_id", "source", "feature", "number", "word"]
    asked = rows.select("source", "feature").unique()
    before = published.join(asked, on=["source", "feature"], how="semi").select(columns)
    gone = before.join(rows.select(columns), on=columns, how="anti", nulls_equal=True)
    if gone.height:
        name = gone["source"][0]
        raise BadInputError(
            f"The source {name} changed for {days[0]}, a month that is published: {gone.height} values, such "
            f"as {gone['feature'][0]} of {gone['loan_id'][0]}. Nothing of it was written; ask its owner, or "
            f"take the new values with: vintage run features --date {days[0]} --restate"
        )


def read_applications(day: date, model_ids: Sequence[str], settings: Settings) -> pl.DataFrame:
    """The day's rows of gold.feature_store, with the features of other sources that the models learned."""
    applications = tables.read("gold.feature_store", settings, on=day)
    return add_source_features(applications, sources_of(model_ids, settings), settings, until=day)


def sources_of(model_ids: Sequence[str], settings: Settings) -> dict[str, Kinds]:
    """The columns of other teams' sources that the models learned from, by their cards."""
    found: dict[str, Kinds] = {}
    for model_id in model_ids:
        for name, kinds in models.read_card(model_id, settings)["data"]["sources"].items():
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
    """The same rows with a column per feature of the sources `used`; as they are when there are none."""
    if not used:
        return applications
    rows = tables.scan(TABLE, settings, until=until, version=version)
    return widen(applications, rows.filter(pl.col("source").is_in(list(used))).collect(), used)
