"""gold.source_features: what other teams' sources said of an application, one row per feature.

Both values are null where a source said nothing: that too is published, and stays. A source or a column that
comes or goes changes rows, never the table. Key: (loan_id, source, feature).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from tasks.schemas.feature_store import FEATURES, SOURCE_OF
from tasks.text import plain_name

SOURCE_FEATURES: dict[str, pl.DataType] = {
    "loan_id": pl.String(),
    "snapshot_date": pl.Date(),
    "source": pl.String(),
    "feature": pl.String(),
    "number": pl.Float64(),
    "word": pl.String(),
}
# Why a column can be no feature, whoever vouches for it.
NAMELESS, TAKEN, EMPTY, UNREADABLE = "no name for it", "a name that is taken", "empty", "unreadable"
USELESS = (NAMELESS, TAKEN, EMPTY, UNREADABLE)
MAX_WORDS = 50  # more different texts than that are no category
BETWEEN = "__"  # between a source's name and its column's; no feature of ours has it


def kind_of(column: pl.Series) -> str:
    """How a model can use it: as a "number", as a "word" of few, or not at all ("other")."""
    if column.drop_nulls().n_unique() == 1:
        return "other"
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return "number"
    return "word" if column.dtype == pl.String and column.n_unique() <= MAX_WORDS else "other"


def name_feature(source: str, column: str) -> str:
    """Name of a source's column among the features, such as team_a__monthly_balance."""
    return f"{source}{BETWEEN}{plain_name(column)}"


def other_features(columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that came from other teams' sources, in their order."""
    return tuple(name for name in columns if BETWEEN in name)


def features_in(columns: Collection[str]) -> tuple[str, ...]:
    """All features among the columns: ours, then those of other sources."""
    there = set(columns)
    return (*(name for name in FEATURES if name in there), *other_features(columns))


def source_of(feature: str) -> str:
    """The source that a feature came from."""
    return SOURCE_OF.get(feature) or feature.split(BETWEEN)[0]


def other_sources(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of the other teams' sources among the columns, in their order."""
    return tuple(dict.fromkeys(source_of(name) for name in other_features(columns)))


def widen(
    applications: pl.DataFrame, rows: pl.DataFrame, used: Mapping[str, Mapping[str, str]]
) -> pl.DataFrame:
    """The same applications with a column per feature of the sources `used`, in that order.

    Needs:  loan_id of applications; rows of gold.source_features; "number" or "word" by source and column.
    Keys:   rows and their order are kept; null where a source said nothing.
    """
    wide = applications
    for source, kinds in used.items():
        names = {name_feature(source, column): kind for column, kind in kinds.items()}
        here = rows.filter(pl.col("source") == source)
        found = wide.select("loan_id")
        for name, kind in names.items():
            values = here.filter(pl.col("feature") == name).select("loan_id", pl.col(kind).alias(name))
            found = found.join(values, on="loan_id", how="left", validate="1:1", maintain_order="left")
        wide = wide.hstack(found.drop("loan_id"))
    return wide


def knows_other(columns: Sequence[str]) -> dict[str, pl.Expr]:
    """Whether each other team's source said anything of an application."""
    columns_of = {source: list[str]() for source in other_sources(columns)}
    for name in other_features(columns):
        columns_of[source_of(name)].append(name)
    return {source: pl.any_horizontal(pl.col(names).is_not_null()) for source, names in columns_of.items()}
