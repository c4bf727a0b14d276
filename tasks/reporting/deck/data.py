"""What the deck is made from, and how it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.lender.declaration import Identity
from tasks.reporting.facts import Facts
from tasks.reporting.story import Story, tell
from tasks.schemas.monitoring import keep_metrics


@dataclass(frozen=True)
class DeckData:
    """All that the deck is made from, as of one monitored date.

    `now` and `past` are gold.monitoring of the date and up to it, `actions` gold.actions up to it,
    `economics` gold.economics up to it, `months` the month table, `sources` bronze.deliveries up to it,
    `rows` the rows of each table, `card` that of the champion, `models` the registry (effective_from,
    model_id, state, why), `reasons` the most frequent first reasons of the day's scores with their shares,
    `mix` the applications a month by score path, `history` the median months of history that applicants
    of a month (2024-06) had behind them, `developed_on` those of the loans on which a model was judged,
    `triggers` those of the `policy` in words; the first model learns from `first_cohorts`, each ripe
    `label_mob` months after its applications; `lender` says whose loans they are, and in which currency;
    `scored` are pd and amount of the day's scored applications.
    """

    day: date
    lender: Identity
    now: pl.DataFrame
    past: pl.DataFrame
    actions: pl.DataFrame
    economics: pl.DataFrame
    months: pl.DataFrame
    sources: pl.DataFrame
    rows: Mapping[str, int]
    card: Mapping[str, Any]
    models: Sequence[Mapping[str, str]]
    reasons: Sequence[tuple[str, float]]
    mix: pl.DataFrame
    history: Mapping[str, float]
    developed_on: Mapping[str, float]
    triggers: Sequence[Mapping[str, str]]
    policy: Policy
    policy_name: str
    label_mob: int
    first_cohorts: int
    scored: pl.DataFrame

    @cached_property
    def facts(self) -> Facts:
        """What the story is made from."""
        return Facts(self.day, self.past, self.actions_now, self.economics, self.policy, self.scored)

    @cached_property
    def story(self) -> Story:
        """The story of the day."""
        return tell(self.facts)

    @property
    def actions_now(self) -> pl.DataFrame:
        """gold.actions of the day."""
        return self.actions.filter(pl.col("snapshot_date") == self.day)

    @property
    def model_id(self) -> str:
        """Id of the champion; empty before the first."""
        return self.card["model_id"] if self.card else ""


def one_of(data: DeckData, metric: str) -> Mapping[str, Any] | None:
    """The month's first figure of a metric that has a value."""
    rows = keep_metrics(data.now, metric).drop_nulls("value")
    return rows.row(0, named=True) if rows.height else None


APPROVER = "Model risk"  # who says of a model that waits whether it may serve


def waiting_models(data: DeckData) -> list[str]:
    """Challengers that the gate did not reject and nobody has decided on, in order."""
    last = {row["model_id"]: row["state"] for row in data.models}
    return [model_id for model_id, state in last.items() if state == "challenger"]


def lacks_economics(data: DeckData) -> bool:
    """Whether applications of the day were scored and older code measured no money of them."""
    scored = data.months.filter(pl.col("month") == data.day)["scored"].sum()
    return bool(scored) and data.facts.money("profit") is None


def name_former_models(row: Mapping[str, Any], data: DeckData) -> str:
    """Who scored the loans of a figure where the model in service scored none of them; else nothing."""
    by = row["model_id"].split()
    if data.model_id in by:
        return ""
    return "the model before" if len(by) == 1 else "earlier models"


def describe_interval(row: Mapping[str, Any], digits: int = 3) -> str:
    """The limits of a figure's interval."""
    return f"{row['ci_low']:.{digits}f} to {row['ci_high']:.{digits}f}"


def compare_expected(past: pl.DataFrame) -> pl.DataFrame:
    """month, expected, low, high, realised: AUC that was forecast at scoring, of cohorts that are ripe now.

    Needs:  gold.monitoring.
    """
    month = pl.col("window").str.slice(-7).alias("month")
    headline = keep_metrics(past, "expected_auc").filter(pl.col("subject") == "score")
    forecast = headline.select(month, expected="value", low="ci_low", high="ci_high")
    ripe = keep_metrics(past, "auc").filter(
        pl.col("window").str.starts_with("cohort"), pl.col("subject") == "score"
    )
    newest = ripe.sort("snapshot_date").unique("window", keep="last", maintain_order=True)
    realised = newest.select(month, realised="value").drop_nulls()
    return forecast.drop_nulls().join(realised, on="month", how="inner", validate="1:1").sort("month")
