"""SQL of a declaration: that it can be read, and which columns it reads."""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator

BEFORE = "_before"  # ends the name of a column that holds what the month before said


def _as_sql(text: str) -> str:
    import polars as pl  # here: its threads must not start before the command line has met its signals

    try:
        _ = pl.sql_expr(text) if text else None
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{text!r} cannot be read as an SQL expression ({reason})") from error
    return text


# An expression of Polars SQL, or nothing.
Sql = Annotated[str, AfterValidator(_as_sql)]


def require_columns(expressions: Mapping[str, str], columns: Collection[str]) -> None:
    """Do nothing if expressions, each by what it is, read no other columns than these.

    Raises: ValueError.
    """
    import polars as pl

    for what, sql in expressions.items():
        for name in pl.sql_expr(sql).meta.root_names():
            if name not in columns:
                raise ValueError(f"{what} reads {name!r}, and no column is called so: see `as`")
