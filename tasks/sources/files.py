"""The files of other teams' sources: found, read and typed, or refused with a message that names the file."""

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError

from tasks.config import Settings, unreadable_sign
from tasks.errors import BadInputError
from tasks.governance.sources import Declared
from tasks.ingestion.raw_folder import local_data
from tasks.schemas.feature_store import KEYS
from tasks.sources.as_of_join import WORKING
from tasks.sources.sizes import require_fits

Format = Literal["csv", "parquet", "delta"]
KEY, DAY = "_key", "_day"  # the declared key and date among the columns that are read
OURS = (*KEYS, *WORKING, KEY, DAY)


class SourceGoneError(BadInputError):
    """Nothing lies where a source was declared to be: it stopped, or its declaration is wrong."""


def find_files(where: Sequence[str], kind: Format, settings: Settings) -> list[str]:
    """Paths or addresses that hold the rows: a folder stands for its files of the format, below it too.

    Raises: SourceGoneError when there is none; BadInputError for a Delta table among them.
    """
    found: list[str] = []
    for place in where:
        if "://" in place:
            found.append(place)
            continue
        data = local_data(settings.data, place)
        path = data / place
        if kind == "delta" and path.is_dir():
            found.append(str(path))
        elif path.is_dir():
            for log in path.rglob("_delta_log"):
                raise BadInputError(f"{log.parent} is a Delta table. Declare it as one, with format delta.")
            found += sorted(str(file) for file in path.rglob(f"*.{kind}"))
        elif path.is_file():
            found.append(str(path))
        else:
            root = Path(path.anchor) if Path(place).is_absolute() else data
            found += sorted(str(file) for file in root.glob(str(path.relative_to(root))) if file.is_file())
    if not found:
        places = " or ".join(str(settings.data / place) for place in where)
        raise SourceGoneError(f"There is no {kind} file at {places}. Put it there, or name another place.")
    return found


def read_file(file: str, kind: Format, settings: Settings, *, most: int | None = None) -> pl.DataFrame:
    """Rows of one file, table or address, the first `most` or all; CSV as text.

    Raises: SourceGoneError when nothing is there; BadInputError for what cannot be read, or does not fit into
            the memory of the settings.
    """
    pattern = "://" in file  # else the brackets in its name are brackets
    try:
        _require_readable(file, kind)
        require_fits(file, kind, settings)
        if kind == "delta":
            rows = _read_delta(file)
        elif kind == "parquet":
            rows = pl.scan_parquet(file, glob=pattern)
        else:
            rows = pl.scan_csv(file, infer_schema=False, glob=pattern)
        return (rows if most is None else rows.head(most)).collect()
    except (pl.exceptions.PolarsError, OSError, DeltaError, ValueError, LookupError) as error:
        if _is_gone(error, kind):
            raise SourceGoneError(
                f"There is no {kind} file at {file}. Put it there, or name another place."
            ) from error
        raise BadInputError(f"{file} cannot be read as {kind}: {_first_line(error)}.") from error


def _require_readable(file: str, kind: Format) -> None:
    sign = unreadable_sign(Path(file)) if kind == "delta" and "://" not in file else None
    if sign:
        raise BadInputError(f"{file} cannot be read as delta: its path holds a {sign}. Put it elsewhere.")


def _read_delta(file: str) -> pl.LazyFrame:
    """The rows by delta-rs: Polars' own reading misses the files where a folder's name holds a space."""
    table = QueryBuilder().register("rows", DeltaTable(file))
    return pl.DataFrame(table.execute("select * from rows")).lazy()


def _is_gone(error: Exception, kind: Format) -> bool:
    """Whether there is nothing to read; a Delta table that lacks one of its files is broken instead."""
    if kind == "delta":
        return isinstance(error, TableNotFoundError)
    empty = "expanded paths were empty"  # how Polars tells of an address without files
    return isinstance(error, FileNotFoundError) or empty in str(error)


def read_rows(
    declared: Declared,
    settings: Settings,
    *,
    until: date,
    where: Sequence[str] | None = None,
    needs: Collection[str] = (),
) -> pl.DataFrame:
    """Every row dated `until` or before once: KEY (text), DAY (Date) and the other columns as they came.

    A column that has a name of ours is called their_<name>.

    Needs:  `where`, to read another delivery of the same source; `needs`, columns that it had before.
    Keys:   one row per (KEY, DAY), sorted by them; rows without a key or a date are left out.
    Raises: SourceGoneError when nothing is there; BadInputError that names the file and the column: no such
            key or date, dates that cannot be read, a column of `needs` that was lost, a type that cannot be
            brought together, several different rows of one key and date.
    """
    files = find_files(where or declared.where, declared.format, settings)
    frames = [_read_file(file, declared, settings) for file in files]
    _require_kept_columns(needs, files, frames, until)
    try:
        rows = pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise BadInputError(f"{declared.name}: {_find_clash(files, frames)}.") from error
    known = rows.filter(pl.col(KEY).is_not_null(), pl.col(DAY) <= until)
    rows = known.unique(maintain_order=True).sort(KEY, DAY)
    twice = rows.filter(pl.struct(KEY, DAY).is_duplicated())
    if twice.height:
        raise BadInputError(
            f"{declared.name} has several different rows of one key and date, such as {twice[KEY][0]} on "
            f"{twice[DAY][0]} ({twice.height} such rows). Ask {declared.owner} which of them counts."
        )
    return rows


def read_numbers(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows with text columns as numbers where every value is one; categories as text."""
    text = rows.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    words = [name for name, kind in text.schema.items() if kind == pl.String and name != KEY]
    text = text.with_columns(pl.col(words).str.strip_chars().replace("", None))
    numbers = text.select(pl.col(words).cast(pl.Float64, strict=False))
    lost = numbers.null_count() - text.select(words).null_count()
    whole = [name for name in words if lost[name][0] == 0 and numbers[name].count()]
    return text.with_columns(numbers.select(whole))


def _read_file(file: str, declared: Declared, settings: Settings) -> pl.DataFrame:
    rows = read_file(file, declared.format, settings)
    for column in (declared.key, declared.date):
        if column not in rows.columns:
            raise BadInputError(
                f"{file} has no column {column!r}, which {declared.name} is declared to have; it has "
                f"{', '.join(rows.columns[:8])}{' ...' if rows.width > 8 else ''}. Correct the declaration."
            )
    ids = rows[declared.key]
    if ids.dtype.is_nested() or ids.dtype == pl.Binary:
        raise BadInputError(
            f"{file}, column {ids.name}, is of the type {ids.dtype}, which is no id. Declare another key."
        )
    key = ids.cast(pl.String).str.strip_chars().replace("", None)
    day = read_days(rows[declared.date], file)
    kept = (
        rows.drop(declared.date) if declared.date == declared.key else rows.drop(declared.key, declared.date)
    )
    return rename_ours(kept, file).with_columns(key.alias(KEY), day.alias(DAY))


def rename_ours(rows: pl.DataFrame, file: str) -> pl.DataFrame:
    """The same rows; a column named as one of ours, which it would be taken for, is called their_<name>.

    Raises: BadInputError when that name is taken.
    """
    names = {name: f"their_{name}" for name in rows.columns if name in OURS}
    for name, new in names.items():
        if new in rows.columns:
            raise BadInputError(
                f"{file} has a column {name!r}, which is a name of ours and is read as {new!r}, and a column "
                f"{new!r} too. Ask the sender to rename one of them."
            )
    return rows.rename(names)


def read_days(column: pl.Series, file: str) -> pl.Series:
    """The day (Date) of each row of a column of `file`, null where it says nothing.

    Raises: BadInputError for a value that is no date such as 2024-03-01.
    """
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.date()  # of its own time zone: a cast would give that of UTC
    if isinstance(column.dtype, pl.Date | pl.Null):
        return column.cast(pl.Date)
    if column.dtype != pl.String and not column.dtype.is_integer():
        raise BadInputError(
            f"{file}, column {column.name}, is of the type {column.dtype}, which is no date. Declare another "
            "date column."
        )
    text = column.cast(pl.String).str.strip_chars().replace("", None)
    days = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    odd = column.filter(days.is_null() & text.is_not_null())
    if len(odd):
        raise BadInputError(
            f"{file}, column {column.name}: {str(odd[0])!r} is no date such as 2024-03-01 "
            f"({len(odd)} such rows). Ask the sender, or declare another date column."
        )
    return days


def _require_kept_columns(
    needs: Collection[str], files: Sequence[str], frames: Sequence[pl.DataFrame], until: date
) -> None:
    """Do nothing if the newest rows until a day have the columns of `needs` that older ones have, or any."""
    days = [frame.filter(pl.col(DAY) <= until).select(pl.max(DAY)).item() for frame in frames]
    known = [(day, file, frame) for day, file, frame in zip(days, files, frames, strict=True) if day]
    newest = max((day for day, _, _ in known), default=None)
    for column in needs:
        had = any(column in frame.columns for day, _, frame in known if day != newest)
        nowhere = not any(column in frame.columns for frame in frames)
        for day, file, frame in known:
            if day == newest and column not in frame.columns and (had or nowhere):
                raise BadInputError(
                    f"{file} has no column {column!r} any more, which models learned from. Ask its owner, or "
                    "end the use of the source with: vintage sources drop"
                )


def _find_clash(files: Sequence[str], frames: Sequence[pl.DataFrame]) -> str:
    """Which column is of types that cannot be brought together, and in which two files."""
    seen: dict[str, tuple[str, pl.DataFrame]] = {}
    for file, frame in zip(files, frames, strict=True):
        for column in frame.columns:
            first, before = seen.setdefault(column, (file, frame.select(column)))
            try:
                pl.concat([before, frame.select(column)], how="vertical_relaxed")
            except pl.exceptions.PolarsError:
                kinds = before.schema[column], frame.schema[column]
                return f"column {column} is of the type {kinds[0]} in {first} and {kinds[1]} in {file}"
    return "its files do not go together"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
