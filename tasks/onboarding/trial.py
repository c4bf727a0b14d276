"""All files of a lender, read and checked as the features flow would, and nothing kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.governance.policy import Policy
from tasks.governance.source_log import retired_on
from tasks.ingestion import delivery_checks
from tasks.labels.default_labels import CLOSED_AS, label_defaults
from tasks.lender.current import lender
from tasks.onboarding.outlook import foresee_first_model, measure_cohorts
from tasks.onboarding.source_trial import Refusal, SourceTrial, say_once, try_source
from tasks.onboarding.suspects import find_suspects
from tasks.schemas.catalog import SOURCES
from tasks.schemas.deliveries import Volume

Volumes = Mapping[str, Mapping[date, Volume]]
COUNTS = ("n_received", "n_good", "n_quarantined", "n_duplicates", "n_cleaned")


@dataclass(frozen=True)
class Trial:
    """What would become of a lender's files.

    `sources`: source, file, months, first, last, the counts of bronze.deliveries, rows without a month;
    `set_aside`: source, rule, rows; `columns`: tasks/onboarding/columns.py; `cohorts`: outlook.py;
    `suspects`: suspects.py; `refusals`: why a file or a month would not be taken in.
    """

    sources: pl.DataFrame
    set_aside: pl.DataFrame
    columns: pl.DataFrame
    cohorts: pl.DataFrame
    suspects: pl.DataFrame
    refusals: Sequence[str]
    label: str
    first_model: date | None
    outlook: str

    def as_rows(self) -> dict[str, Any]:
        """The same with each table as a list of its rows, for JSON and pages."""
        return {
            name: value.to_dicts() if isinstance(value, pl.DataFrame) else value
            for name, value in vars(self).items()
        }


def try_lender(settings: Settings) -> Trial:
    """Read all files of the data folder, and say what would become of them; nothing is written."""
    with TemporaryDirectory(prefix="vintage-check-") as name:
        trying = settings.model_copy(update={"datamart": Path(name)})
        words = _words_by_source()
        tried = [
            try_source(source, trying, Path(name), words=words.get(source.name, ()))
            for source in SOURCES.values()
        ]
        good, policy = {one.name: one.good for one in tried}, read_policy(settings.policy).policy
        labels = _label(good["loans"], policy, settings)
        applications = good["loans"].filter(pl.col("installment_num") == 0).collect()
        cohorts = measure_cohorts(applications, labels)
        suspects = find_suspects(good, labels, policy.audit, settings)
        strangers = _find_strangers(good)
    day, outlook = foresee_first_model(
        cohorts, needed=settings.first_training_cohorts, mob=settings.label_mob
    )
    return Trial(
        sources=pl.DataFrame([_sum_up(one) for one in tried]),
        set_aside=_list_rules(tried),
        columns=pl.concat([one.columns for one in tried]),
        cohorts=cohorts,
        suspects=suspects,
        refusals=[
            *(text for one in tried for text in one.refusals),
            *_find_odd_months(tried, settings),
            *strangers,
        ],
        label=settings.label_def,
        first_model=day,
        outlook=outlook,
    )


def _find_strangers(good: Mapping[str, pl.LazyFrame]) -> list[str]:
    """The sources of which no row is of a customer of the loan tape, though both have rows."""
    customers = good["loans"].select("customer_id").unique().collect()
    return [
        f"{name} has no row of any customer of the loan tape: say in both which column is called customer_id."
        for name, rows in good.items()
        if name != "loans" and customers.height
        if (ids := rows.select("customer_id").unique().collect()).height
        if ids.join(customers, on="customer_id", how="semi").is_empty()
    ]


def _words_by_source() -> dict[str, list[str]]:
    """By source, our names of the columns of words that are not personal."""
    return {
        source.name: [
            name
            for name, column in source.by_our_name.items()
            if column.type == "word" and not column.personal
        ]
        for source in lender().sources
    }


def _label(loans: pl.LazyFrame, policy: Policy, settings: Settings) -> pl.DataFrame:
    """Rows of gold.label_store of all months."""
    closed_as = CLOSED_AS[policy.label.closed_before_ripe]
    days = loans.select(pl.col("snapshot_date").unique()).collect().to_series().to_list()
    mob, dpd = settings.label_mob, settings.label_dpd
    return label_defaults(loans, days=days, mob=mob, dpd=dpd, closed_as=closed_as).collect()


def _sum_up(tried: SourceTrial) -> dict[str, Any]:
    months = tried.deliveries["snapshot_date"]
    counts = {name: int(tried.deliveries[name].sum()) for name in COUNTS}
    return {
        "source": tried.name,
        "file": tried.file,
        "months": len(months),
        "first": months.min(),
        "last": months.max(),
        **counts,
        "n_undated": tried.undated,
    }


def _list_rules(tried: Sequence[SourceTrial]) -> pl.DataFrame:
    rows = [(one.name, rule, n) for one in tried for rule, n in one.rules.items()]
    schema = {"source": pl.String(), "rule": pl.String(), "rows": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _find_odd_months(tried: Sequence[SourceTrial], settings: Settings) -> list[str]:
    """Why months would not come in by the number of their rows, or because a source lacks them."""
    volumes: Volumes = {one.name: _volumes(one) for one in tried}
    found: list[Refusal] = []
    for day in sorted(volumes["loans"]):
        retired = retired_on(day, settings)
        for one in tried:
            odd = delivery_checks.find_odd_number(one.name, volumes, SOURCES, day)
            if odd and one.name not in retired:
                words = f": an odd number ({odd}); --allow-volume takes them."
                found.append(Refusal(f"number of {one.name}", day, f"{one.file}, rows", words))
        empty = {name for name, months in volumes.items() if day not in months} - retired.keys()
        if volumes["loans"][day].n_new:
            absent = delivery_checks.find_absent(empty, SOURCES)
            found += [
                Refusal(f"absence of {name}", day, f"{name} has no rows", ", on which loans start.")
                for name in absent
            ]
    return say_once(found)


def _volumes(tried: SourceTrial) -> dict[date, Volume]:
    counts = tried.deliveries.select("snapshot_date", "n_received", "n_new")
    return {month: Volume(n, n_new) for month, n, n_new in counts.iter_rows()}
