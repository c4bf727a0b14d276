"""Every table of the datamart: its columns and the key it is sorted by."""

from dataclasses import dataclass
from functools import cache, cached_property

import dataframely as dy
import polars as pl

from tasks.lender.current import OfTheLender, lender
from tasks.lender.declaration import Lender
from tasks.schemas.actions import Actions
from tasks.schemas.decisions import Decisions
from tasks.schemas.deliveries import Deliveries
from tasks.schemas.economics import Economics
from tasks.schemas.feature_store import feature_store_of
from tasks.schemas.history_sums import sums_of
from tasks.schemas.label_store import LabelStore
from tasks.schemas.monitoring import Monitoring
from tasks.schemas.predictions import Predictions, ShadowPredictions
from tasks.schemas.source import Source
from tasks.schemas.source_features import SOURCE_FEATURES


@dataclass(frozen=True)
class Table:
    """A Delta table: `columns` with dtypes, partitioned by snapshot_date; raw rows may share a `key`.

    `flow` is the one that writes it.
    """

    columns: dict[str, pl.DataType]
    key: tuple[str, ...]
    flow: str = "features"

    @cached_property
    def empty(self) -> pl.DataFrame:
        """The table without a row."""
        return pl.DataFrame(schema=self.columns)


def _of_schema(schema: type[dy.Schema], flow: str = "features") -> Table:
    columns = {name: column.dtype for name, column in schema.columns().items()}
    return Table(columns, tuple(schema.primary_key()), flow)


def _of_source(source: Source) -> dict[str, Table]:
    raw, key = source.raw_columns(), source.raw_key()
    return {
        f"bronze.{source.name}": Table(raw, key),
        f"silver.{source.name}": Table(source.silver_columns(), tuple(source.silver.primary_key())),
        f"quarantine.{source.name}": Table({**raw, "rule": pl.String()}, key),
    }


@cache
def _sources_of(declared: Lender) -> dict[str, Source]:
    return {source.name: Source(source) for source in declared.sources}


@cache
def tables_of(declared: Lender) -> dict[str, Table]:
    """Every table of a lender, by name."""
    return {
        **{
            name: table
            for source in _sources_of(declared).values()
            for name, table in _of_source(source).items()
        },
        "bronze.deliveries": _of_schema(Deliveries),
        **{f"state.{one}": Table(sums, ("customer_id",)) for one, sums in sums_of(declared).items()},
        "gold.feature_store": Table(feature_store_of(declared), ("loan_id",)),
        "gold.source_features": Table(SOURCE_FEATURES, ("loan_id", "source", "feature")),
        "gold.label_store": _of_schema(LabelStore),
        "gold.predictions": _of_schema(Predictions, "inference"),
        "gold.shadow_predictions": _of_schema(ShadowPredictions, "inference"),
        "gold.monitoring": _of_schema(Monitoring, "monitoring"),
        "gold.actions": ACTIONS,
        "gold.economics": _of_schema(Economics, "monitoring"),
        "gold.decisions": _of_schema(Decisions, "inference"),
    }


ACTIONS = _of_schema(Actions, "monitoring")  # whoever lends
SOURCES = OfTheLender(_sources_of)
TABLES = OfTheLender(tables_of)


def tape() -> Source:
    """The lender's loan tape."""
    return SOURCES[lender().tape.name]


def in_order(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows sorted by day and key, whatever order they come in; by all columns where keys are shared."""
    if is_ordered(rows, table):  # most often, and much cheaper than sorting again
        return rows
    by = _sorted_by(table)
    ordered = rows.sort(by)
    return ordered if is_ordered(ordered, table) else rows.sort(*by, *sorted(set(table.columns) - set(by)))


def is_ordered(rows: pl.DataFrame, table: Table) -> bool:
    """Whether day and key rise from row to row, so that no two rows share them either."""
    if rows.height < 2:
        return True
    rises = pl.lit(value=False)
    for name in reversed(_sorted_by(table)):
        now, last = pl.col(name), pl.col(name).shift()
        rises = (now > last) | ((now == last) & rises)
    return bool(rows.select(rises.slice(1).fill_null(value=False).all()).item())


def _sorted_by(table: Table) -> list[str]:
    return list(dict.fromkeys(("snapshot_date", *table.key)))
