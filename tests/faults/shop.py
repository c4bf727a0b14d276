"""A folder with files, tables and models, and the command line run in it."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from flows.cli.main import command
from tasks.config import Settings
from tasks.ingestion.date_spelling import ISO, read_month
from tasks.schemas.catalog import SOURCES, TABLES
from tasks.schemas.source import RAW_DATE
from tasks.store import tables
from tests.book import FILES, Book, month

Edit = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Outcome:
    """Exit code of a command and all that it printed."""

    code: int
    said: str


@dataclass(frozen=True)
class Shop:
    """Where a test receives files, runs flows and looks at tables."""

    root: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            data=self.root / "data", datamart=self.root / "datamart", model_store=self.root / "model_store"
        )

    def file(self, source: str) -> Path:
        return self.settings.data / FILES[source]

    def receive(self, book: Book) -> "Shop":
        book.write(self.settings.data)
        return self

    def command(self, *words: str, reads_data: bool = True) -> Outcome:
        """Run the command line in this process; some commands take no --data."""
        said, code = io.StringIO(), 0
        names = {"datamart": "datamart", "model-store": "model_store"}
        if reads_data:
            names["data"] = "data"
        folders = [w for option, name in names.items() for w in (f"--{option}", str(self.root / name))]
        with redirect_stdout(said), redirect_stderr(said):
            try:
                command([*words, *folders])
            except SystemExit as end:
                code = int(end.code or 0)
        return Outcome(code, said.getvalue().replace("\n", " "))

    def run(self, flow: str, number: int, *options: str) -> Outcome:
        return self.command("run", flow, "--date", str(month(number)), *options)

    def rows(self, name: str, number: int) -> pl.DataFrame:
        """Rows of one month of a table, none while the table is not there."""
        day = month(number)
        if day not in tables.snapshot_dates(name, self.settings):
            return pl.DataFrame(schema=TABLES[name].columns)
        return tables.read(name, self.settings, on=day)

    def review(self, number: int) -> str:
        return self.command("status", "--review", str(month(number))).said

    def published(self) -> list[date]:
        return tables.snapshot_dates("gold.feature_store", self.settings)

    def contents(self, *names: str) -> dict[str, pl.DataFrame]:
        """Every row of the named tables (all but bronze by default), sorted."""
        chosen = names or [name for name in TABLES if not name.startswith("bronze")]
        frames = {name: tables.scan(name, self.settings).collect() for name in chosen}
        return {name: frame.select(sorted(frame.columns)).sort(pl.all()) for name, frame in frames.items()}

    def versions(self) -> dict[str, int]:
        return {name: tables.version_of(name, self.settings) for name in TABLES}

    def assert_reconciled(self) -> None:
        """Rows in = good + quarantined + duplicates, by the tables; rows without a month count in none."""
        delivered = tables.scan("bronze.deliveries", self.settings).collect()
        assert set(delivered["source"]) <= set(SOURCES)
        for (source,), rows in delivered.group_by("source"):
            received, good, set_aside = (
                self._counts(f"{layer}.{source}") for layer in ("bronze", "silver", "quarantine")
            )
            for row in rows.iter_rows(named=True):
                day = row["snapshot_date"]
                counted = good.get(day, 0), set_aside.get(day, 0)
                assert received.get(day, 0) == row["n_received"]
                assert row["n_received"] == sum(counted) + row["n_duplicates"]
                assert counted == (row["n_good"], row["n_quarantined"])

    def _counts(self, name: str) -> dict[date, int]:
        """Rows of each month of a table, of quarantine those whose month can be told."""
        rows = tables.scan(name, self.settings).collect()
        if name.startswith("quarantine") and rows.height:
            rows = rows.filter(read_month(RAW_DATE, ISO).is_not_null())
        return dict(rows.group_by("snapshot_date").len().iter_rows())


def first_of(number: int, n: int = 1, *, mob: int | None = None) -> pl.Expr:
    """Which rows of a raw file are the first `n` of a month, for loans of a month on book."""
    here = pl.col("snapshot_date") == str(month(number))
    if mob is not None:
        here &= pl.col("installment_num") == str(mob)
    return here & (here.cum_sum() <= n)


def put(column: str, value: str | None, where: pl.Expr) -> Edit:
    """An edit that writes `value` into a column of the rows `where`."""
    text = pl.lit(value, pl.String)
    return lambda rows: rows.with_columns(pl.when(where).then(text).otherwise(column).alias(column))


def refused(shop: Shop, *said: str, number: int = 0) -> None:
    """The month fails with a message that holds all of `said`, and none of it is published."""
    outcome = shop.run("features", number)
    assert outcome.code == 1
    assert [text for text in said if text not in outcome.said] == [], outcome.said
    assert "Traceback" not in outcome.said
    assert month(number) not in shop.published()
    assert shop.rows("bronze.deliveries", number).is_empty()
    assert shop.rows("silver.loans", number).is_empty()
