"""The files of other teams' sources: found, read and typed, or refused with a message that names the file."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import polars as pl

from tasks.config import Settings
from tasks.errors import BadInputError
from tasks.schemas.sources import Declared

Format = Literal["csv", "parquet", "delta"]
KEY, DAY = "_key", "_day"  # the declared key and date among the columns that are read


def find_files(where: Sequence[str], kind: Format, settings: Settings) -> list[str]:
    """Paths or addresses that hold the rows: a folder stands for its files of the format, below it too.

    Errors: BadInputError when there is none.
    """
    found: list[str] = []
    for place in where:
        path = settings.data / place
        if "://" in place or (kind == "delta" and path.is_dir()):
            found.append(place if "://" in place else str(path))
        elif path.is_dir():
            found += sorted(str(file) for file in path.rglob(f"*.{kind}"))
        elif path.is_file():
            found.append(str(path))
        else:
            found += sorted(str(file) for file in path.parent.glob(path.name) if file.is_file())
    if not found:
        places = " or ".join(str(settings.data / place) for place in where)
        raise BadInputError(f"There is no {kind} file at {places}. Put it there, or name another place.")
    return found


def read_rows(
    declared: Declared, settings: Settings, *, until: date, where: Sequence[str] | None = None
) -> pl.DataFrame:
    """Every row dated `until` or before once: KEY (text), DAY (Date) and the other columns as they came.

    Needs:  `where`, to read another delivery of the same source.
    Keys:   one row per (KEY, DAY), sorted by them; rows without a key are left out.
    Errors: BadInputError that names the file and the column: no such key or date, dates that cannot be read,
            a type that cannot be brought together, several different rows of one key and date.
    """
    files = find_files(where or declared.where, declared.format, settings)
    frames = [_read_file(file, declared) for file in files]
    try:
        rows = pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise BadInputError(
            f"The files of {declared.name} do not go together: {_first_line(error)}."
        ) from error
    known = rows.filter(pl.col(KEY).is_not_null(), pl.col(DAY) <= until)
    rows = known.unique(maintain_order=True).sort(KEY, DAY)
    twice = rows.filter(pl.struct(KEY, DAY).is_duplicated())
    if twice.height:
        raise BadInputError(
            f"{declared.name} has several different rows of one key and date, such as {twice[KEY][0]} on "
            f"{twice[DAY][0]} ({twice.height} such rows). Ask {declared.owner} which of them counts."
        )
    return rows


def scan_file(file: str, kind: Format) -> pl.LazyFrame:
    """Lazy rows of one file or table, CSV as text."""
    if kind == "delta":
        return pl.scan_delta(file)
    return pl.scan_parquet(file) if kind == "parquet" else pl.scan_csv(file, infer_schema=False)


def read_numbers(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows with text columns as numbers where every value is one; categories as text."""
    text = rows.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    words = [name for name, kind in text.schema.items() if kind == pl.String and name != KEY]
    numbers = text.select(pl.col(words).str.strip_chars().replace("", None).cast(pl.Float64, strict=False))
    lost = numbers.null_count() - text.select(pl.col(words).replace("", None)).null_count()
    whole = [name for name in words if lost[name][0] == 0 and numbers[name].count()]
    return text.with_columns(numbers.select(whole))


def _read_file(file: str, declared: Declared) -> pl.DataFrame:
    try:
        rows = scan_file(file, declared.format).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInputError(f"{file} cannot be read as {declared.format}: {_first_line(error)}.") from error
    for column in (declared.key, declared.date):
        if column not in rows.columns:
            raise BadInputError(
                f"{file} has no column {column!r}, which {declared.name} is declared to have; it has "
                f"{', '.join(rows.columns[:8])}{' ...' if rows.width > 8 else ''}. Mend the declaration."
            )
    day = _read_days(rows[declared.date], file)
    kept = (
        rows.drop(declared.date) if declared.date == declared.key else rows.drop(declared.key, declared.date)
    )
    return kept.with_columns(rows[declared.key].cast(pl.String).alias(KEY), day.alias(DAY))


def _read_days(column: pl.Series, file: str) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.date()  # of its own time zone: a cast would give that of UTC
    if column.dtype == pl.Date:
        return column
    days = column.cast(pl.String).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    odd = column.filter(days.is_null())
    if len(odd):
        raise BadInputError(
            f"{file}, column {column.name}: {str(odd[0])!r} is no date such as 2024-03-01 "
            f"({len(odd)} such rows). Ask the sender, or declare another date column."
        )
    return days


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
