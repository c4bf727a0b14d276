"""Where the loop stands, month by month, read from the tables alone."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.registry.history import load_registry
from tasks.schemas.actions import keep_open
from tasks.schemas.catalog import TABLES
from tasks.schemas.monitoring import is_of_all_paths
from tasks.store import tables

COLUMNS = {
    "month": pl.Date(),
    "loans": pl.UInt32(),
    "set_aside": pl.Int64(),
    "scored": pl.UInt32(),
    "champion": pl.String(),
    "bad_rate": pl.Float64(),
    "auc": pl.Float64(),
    "to_do": pl.UInt32(),
    "new": pl.UInt32(),
    "status": pl.String(),
}

MISSING = {
    "table": pl.String(),
    "columns": pl.List(pl.String()),
    "first": pl.Date(),
    "last": pl.Date(),
    "months": pl.Int64(),
    "flow": pl.String(),
}
FLOWS = ("features", "inference", "monitoring")  # that write tables, in their order


def month_table(settings: Settings, *, until: date | None = None) -> pl.DataFrame:
    """One row per month with applications, or of a pause in them, in order; `until`: as known on that day.

    Columns: month (Date), loans (applications), set_aside (rows in quarantine), scored (applications),
    champion (model id), bad_rate and auc (of the month's loans, once ripe; else null), to_do (open actions),
    new (of these, opened in the month; both null where it was not monitored), status.
    """
    came = {*tables.snapshot_dates("gold.feature_store", settings), *_months_of_pause(settings)}
    days = sorted(day for day in came if not until or day <= until)
    if not days:
        return pl.DataFrame(schema=COLUMNS)
    months = _counts("gold.feature_store", settings, "loans")
    scored = _counts("gold.predictions", settings, "scored", champion=pl.col("model_id").first())
    set_aside = _sums(settings)
    ripe, actions = _ripe_cohorts(settings, until), _count_actions(settings)
    table = pl.LazyFrame({"month": days}, schema={"month": pl.Date})
    for part in (months, scored, set_aside, ripe, actions):
        table = table.join(part, on="month", how="left", validate="1:1")
    served = [e.effective_from for e in load_registry(settings).entries if e.state == "champion"]
    had_champion = pl.col("month") >= date.fromisoformat(min(served)) if served else pl.lit(value=False)
    unscored = pl.when(had_champion).then(pl.lit("not scored")).otherwise(pl.lit("no champion"))
    status = pl.when(pl.col("scored").is_null()).then(unscored).otherwise(pl.lit("not ripe"))
    status = pl.when(pl.col("loans") == 0).then(pl.lit("no applications")).otherwise(status)
    ripe_and_scored = pl.col("bad_rate").is_not_null() & pl.col("scored").is_not_null()
    status = pl.when(ripe_and_scored).then(pl.lit("ripe")).otherwise(status)
    table = table.with_columns(pl.col("loans").fill_null(0))
    return table.with_columns(status=status).select(*COLUMNS).sort("month").collect()


def resting_on_old_rows(first: date, last: date, flows: Sequence[str], settings: Settings) -> list[date]:
    """Months, in order, of which something is older than the rows of `first` to `last` that `flows` took in.

    Features of later months look back on these rows; scores and figures rest on them from the first month on.
    """
    later = {day for day in tables.snapshot_dates("gold.feature_store", settings) if day > last}
    scored = {day for day in tables.snapshot_dates("gold.predictions", settings) if day >= first}
    return sorted(later if {"inference", "monitoring"} <= {*flows} else later | scored)


def missing_columns(settings: Settings) -> pl.DataFrame:
    """What months lack that were written before such columns: MISSING, a row per table and set of columns."""
    rows: list[tuple[object, ...]] = []
    for name, table in TABLES.items():
        months: dict[tuple[str, ...], list[date]] = {}
        for day, columns in tables.missing_columns(name, settings).items():
            months.setdefault(tuple(sorted(columns)), []).append(day)
        for columns, days in months.items():
            rows.append((name, list(columns), min(days), max(days), len(days), table.flow))
    return pl.DataFrame(rows, schema=MISSING, orient="row")


def add_missing_columns(months: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The rows of `month_table` with `missing`: columns that the month lacks, such as gold.actions.owner."""
    lacking: dict[date, list[str]] = {}
    for name in TABLES:
        for day, columns in tables.missing_columns(name, settings).items():
            lacking.setdefault(day, []).extend(f"{name}.{column}" for column in sorted(columns))
    found = [lacking.get(day, []) for day in months["month"]]
    return months.with_columns(missing=pl.Series(found, dtype=pl.List(pl.String)))


def command_to_fill(missing: pl.DataFrame, settings: Settings) -> str:
    """The command that makes what `missing_columns` found.

    Features look back on the rows of all months before: where these get a column, later months run again too.
    """
    first, last = missing["first"].min(), missing["last"].max()
    if not missing["table"].str.starts_with("gold.").all():
        last = max(tables.snapshot_dates("bronze.deliveries", settings))
    flows = [flow for flow in FLOWS if flow in missing["flow"]]
    return f"vintage backfill --start {first} --end {last} --flows {','.join(flows)}"


def row_table(settings: Settings) -> pl.DataFrame:
    """Per month and source: rows received = good + quarantined + duplicates; `adds_up` says so."""
    if not tables.snapshot_dates("bronze.deliveries", settings):
        return pl.DataFrame()
    rows = tables.scan("bronze.deliveries", settings).sort("snapshot_date", "source")
    parts = ("n_received", "n_good", "n_quarantined", "n_duplicates")
    total = pl.sum_horizontal(parts[1:])
    return rows.select("snapshot_date", "source", *parts, adds_up=pl.col("n_received") == total).collect()


def why_no_months(settings: Settings) -> str:
    """Where months were looked for in vain, and what to do about it."""
    folder = settings.datamart.absolute()
    if not folder.exists():
        return (
            f"No month has run yet in {folder}: there is no such folder. Name the folder of the tables with "
            "--datamart or VINTAGE_DATAMART."
        )
    return (
        f"No month has run yet in {folder}. Begin with a simulated lender: vintage demo; or with your own "
        "files: vintage backfill --start D --end D"
    )


def paths_to_look_at(settings: Settings) -> dict[str, str]:
    """Places where the results of a run are, by what they hold."""
    places = {
        "tables (Delta)": settings.datamart,
        "models and their history": settings.model_store,
        "charts": settings.datamart / "charts",
    }
    return {name: str(place.absolute()) for name, place in places.items() if place.exists()}


def _months_of_pause(settings: Settings) -> list[date]:
    """Months whose loans came in and of which none is new."""
    if not tables.snapshot_dates("bronze.deliveries", settings):
        return []
    loans = tables.scan("bronze.deliveries", settings).filter(pl.col("source") == "loans")
    paused = loans.filter(pl.col("n_received") > 0, pl.col("n_new") == 0)
    return paused.select("snapshot_date").collect().to_series().to_list()


def _counts(name: str, settings: Settings, column: str, **more: pl.Expr) -> pl.LazyFrame:
    rows = tables.scan(name, settings)
    return rows.group_by(month="snapshot_date").agg(pl.len().alias(column), **more)


def _sums(settings: Settings) -> pl.LazyFrame:
    rows = tables.scan("bronze.deliveries", settings)
    return rows.group_by(month="snapshot_date").agg(set_aside=pl.col("n_quarantined").sum())


def _count_actions(settings: Settings) -> pl.LazyFrame:
    """Per monitored month its open actions, and those of them that were opened in it."""
    monitored = tables.snapshot_dates("gold.monitoring", settings)
    months = pl.LazyFrame({"month": monitored}, schema={"month": pl.Date})
    rows = keep_open(tables.scan("gold.actions", settings).collect()).lazy()
    new = pl.col("state").fill_null("opened") == "opened"
    counts = rows.group_by(month="snapshot_date").agg(to_do=pl.len(), new=new.sum())
    joined = months.join(counts, on="month", how="left", validate="1:1")
    return joined.with_columns(pl.col("to_do", "new").fill_null(0))


def _ripe_cohorts(settings: Settings, until: date | None) -> pl.LazyFrame:
    labels = tables.scan("gold.label_store", settings, until=until)
    bad_rates = labels.group_by(month="loan_start_date", seen="snapshot_date").agg(
        bad_rate=pl.col("label").mean()
    )
    figures = tables.scan("gold.monitoring", settings, until=until)
    aucs = figures.filter(pl.col("metric") == "auc", is_of_all_paths())
    aucs = aucs.select(seen="snapshot_date", auc="value")
    return bad_rates.join(aucs, on="seen", how="left", validate="m:1").drop("seen")
