"""Applications that a person must look at: not scored, by no validated path, set aside, or never labelled."""

from datetime import date

import polars as pl

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.features.presence import has_no_applications
from tasks.lender.current import lender
from tasks.months import months_before
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import settings_on
from tasks.schemas.catalog import SOURCES, tape
from tasks.schemas.feature_store import HAS_SOURCE
from tasks.store import tables

WELL_FORMED = r"^CUS_0x[0-9a-f]{1,122}$"
HIDDEN = "(unreadable id)"
COLUMNS = ("loan_id", "customer_id", "pd", "grade", "path", "reason")


def applications_to_review(as_of: date, settings: Settings) -> pl.DataFrame:
    """One row per application and reason, sorted: COLUMNS. No personal data, whatever came in.

    `path` is the score path, as gold.predictions records it; it, pd and grade are null where the application
    was not scored, loan_id where its row was not usable.

    Raises: TableNotReadyError when nothing of the day was taken in, or its features were not built.
    """
    if as_of not in tables.snapshot_dates("bronze.deliveries", settings):
        raise TableNotReadyError(
            f"Nothing of {as_of} was taken in. Do it with: vintage run features --date {as_of}"
        )
    if not has_no_applications(as_of, settings):
        tables.require("gold.feature_store", as_of, settings, flow="features")
    settings = settings_on(as_of, settings)
    findings = [
        _loans_set_aside(as_of, settings),
        *(_rows_set_aside(name, as_of, settings) for name in SOURCES if name != "loans"),
        *_without_loan(as_of, settings),
        *_without_a_source(as_of, settings),
        *_with_shared_ids(as_of, settings),
        _not_scored(as_of, settings),
        _by_no_validated_path(as_of, settings),
        _not_labelled(as_of, settings),
    ]
    scored = tables.scan("gold.predictions", settings, on=[as_of])
    scores = scored.select("loan_id", "pd", "grade", path="fallback")
    found = _add_loans(pl.concat(findings).unique(), _applications(as_of, settings))
    listed = found.join(scores, on="loan_id", how="left", validate="m:1").select(COLUMNS)
    return listed.sort("customer_id", "loan_id", "reason").collect()


def _add_loans(found: pl.LazyFrame, applications: pl.LazyFrame) -> pl.LazyFrame:
    """The findings with the loan of the day where they name the customer alone, if there is one."""
    own = applications.select("customer_id", "loan_id")
    by_customer = found.filter(pl.col("loan_id").is_null()).drop("loan_id")
    loans = by_customer.join(own, on="customer_id", how="left", validate="m:m")
    return pl.concat([found.drop_nulls("loan_id"), loans], how="diagonal")


def _applications(as_of: date, settings: Settings) -> pl.LazyFrame:
    return tables.scan("gold.feature_store", settings, on=[as_of])


def _found(rows: pl.LazyFrame, reason: pl.Expr | str) -> pl.LazyFrame:
    """customer_id, loan_id, reason of rows; those of other tables than the applications tell no loan."""
    reasons = pl.lit(reason) if isinstance(reason, str) else reason
    loan = any(flag in rows.collect_schema().names() for flag in HAS_SOURCE.values())
    loan_id = pl.col("loan_id") if loan else pl.lit(None, pl.String)
    return rows.select("customer_id", loan_id=loan_id, reason=reasons)


def _raw(name: str, as_of: date, settings: Settings) -> pl.LazyFrame:
    """Rows of a quarantine table with customer_id, hidden where the field may hold something else."""
    column = SOURCES[name].in_bronze("customer_id") or SOURCES[name].in_bronze("loan_id")
    text = pl.col(str(column)).str.strip_chars()
    shown = pl.when(text.str.contains(WELL_FORMED)).then(text).otherwise(pl.lit(HIDDEN))
    return tables.scan(f"quarantine.{name}", settings, on=[as_of]).with_columns(customer_id=shown)


def _loans_set_aside(as_of: date, settings: Settings) -> pl.LazyFrame:
    """Quarantined loan rows that may be an application: all but those that plainly are of an older loan."""
    rows = _raw("loans", as_of, settings)
    mob, start = (tape().in_bronze(name) for name in ("installment_num", "loan_start_date"))
    months = pl.col(mob).str.strip_chars().cast(pl.Int32, strict=False) if mob else pl.lit(1)
    older = months >= 1
    if start:
        older &= ~pl.col(start).str.starts_with(f"{as_of:%Y-%m}")
    kept = rows.filter(older.fill_null(value=False).not_())
    return _found(kept, pl.format("its loan row is in quarantine: {}", "rule"))


def _rows_set_aside(name: str, as_of: date, settings: Settings) -> pl.LazyFrame:
    return _found(_raw(name, as_of, settings), pl.format(f"its row of {name} is in quarantine: {{}}", "rule"))


def _needed() -> list[str]:
    """The sources of applications without which no score path is meant to answer."""
    return [source.name for source in lender().applications if not source.may_be_missing]


def _without_loan(as_of: date, settings: Settings) -> list[pl.LazyFrame]:
    """Customers of whom a source came in on the day, as it does with an application, but no loan did."""
    loans = tables.scan("silver.loans", settings, on=[as_of])
    set_aside = _raw("loans", as_of, settings)
    found: list[pl.LazyFrame] = []
    for name in _needed():
        known = tables.scan(f"silver.{name}", settings, on=[as_of])
        alone = known.join(loans, on="customer_id", how="anti").join(set_aside, on="customer_id", how="anti")
        found.append(_found(alone, f"has {name} of that day but no loan row"))
    return found


def _without_a_source(as_of: date, settings: Settings) -> list[pl.LazyFrame]:
    """Applications that lack a source that every score path rests on; they are scored as nulls."""
    applications = _applications(as_of, settings)
    return [
        _found(applications.filter(~pl.col(HAS_SOURCE[name])), f"no {name} known on that day")
        for name in _needed()
    ]


def _by_no_validated_path(as_of: date, settings: Settings) -> pl.LazyFrame:
    """Applications scored by a path that was not measured before its model served."""
    scored = tables.scan("gold.predictions", settings, on=[as_of]).select("loan_id", "model_id", "fallback")
    registry, models = load_registry(settings), scored.select(pl.col("model_id").unique()).collect()
    validated = [
        (model_id, path)
        for model_id in models.to_series().sort()
        for path in read_card(registry, model_id)["fallbacks"]
    ]
    known = pl.LazyFrame(validated, schema={"model_id": pl.String, "fallback": pl.String}, orient="row")
    lacking = scored.join(known, on=["model_id", "fallback"], how="anti")
    applications = _applications(as_of, settings).join(lacking, on="loan_id", how="inner", validate="1:1")
    return _found(applications, "its score path was not validated")


def _with_shared_ids(as_of: date, settings: Settings) -> list[pl.LazyFrame]:
    """Applicants who share a personal id, which has a pattern, with another customer."""
    found: list[pl.LazyFrame] = []
    for source in lender().applications:
        ids = [name for name, one in source.by_our_name.items() if one.personal and one.pattern]
        for name in ids:
            people = tables.scan(f"silver.{source.name}", settings, until=as_of).drop_nulls(name)
            bearers = people.group_by(name).agg(n=pl.col("customer_id").n_unique()).filter(pl.col("n") > 1)
            shared = people.join(bearers, on=name, how="semi")
            applicants = _applications(as_of, settings).join(shared, on="customer_id", how="semi")
            found.append(_found(applicants, f"shares its {source.theirs[name]} with another customer"))
    return found


def _not_scored(as_of: date, settings: Settings) -> pl.LazyFrame:
    champion = champion_on(load_registry(settings), as_of)
    why = "not scored" if champion else "not scored: no champion was effective"
    scored = tables.scan("gold.predictions", settings, on=[as_of])
    return _found(_applications(as_of, settings).join(scored, on="loan_id", how="anti"), why)


def _not_labelled(as_of: date, settings: Settings) -> pl.LazyFrame:
    """Loans that ripen on the day and got no label: the row is missing, set aside, or the loan was closed."""
    started = months_before(as_of, settings.label_mob)
    labels = tables.scan("gold.label_store", settings, on=[as_of])
    missing = _applications(started, settings).join(labels, on="loan_id", how="anti")
    return _found(missing, f"no label: no usable row at MOB {settings.label_mob}, or closed before it")
