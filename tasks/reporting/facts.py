"""The facts of a month that its story and its report are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.months import month_range, months_before
from tasks.reporting.words import months_in
from tasks.schemas.economics import ALL, keep_economics
from tasks.schemas.feature_store import MEASURES_OF, SOURCE_OF
from tasks.schemas.monitoring import keep_metrics
from tasks.schemas.predictions import COMPLETE, describe_path

OUTSIDE = ("amber", "red")
RANK = {"red": 0, "amber": 1, "info": 2}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What a story is made from: gold.monitoring and gold.economics up to the `day`, and its gold.actions.

    `scored` holds the pd and amount of each application of the day that was scored.
    """

    day: date
    past: pl.DataFrame
    actions: pl.DataFrame
    economics: pl.DataFrame
    policy: Policy
    scored: pl.DataFrame

    @cached_property
    def now(self) -> pl.DataFrame:
        """gold.monitoring of the day."""
        return self.past.filter(pl.col("snapshot_date") == self.day)

    def outside(self, *metrics: str) -> list[Row]:
        """Figures of the day, of these metrics, that are amber or red: the worst, the lowest ratio first."""
        rows = keep_metrics(self.now, *metrics, paths=True).filter(pl.col("status").is_in(OUTSIDE))
        ratio = pl.when(metric="fairness").then("value")
        found = rows.sort("metric", ratio, "subject").to_dicts()
        return sorted(found, key=lambda row: RANK[row["status"]])

    @property
    def lacks_source(self) -> bool:
        """Whether the coverage of a source is red."""
        rows = self.outside("coverage")
        return any(row["status"] == "red" and row["subject"] != "scoring" for row in rows)

    @property
    def paused_since(self) -> date | None:
        """First month of the pause in which nobody has applied; None where somebody does."""
        if "no applications" not in self.now["status"].to_list():
            return None
        paused = self.past.filter(pl.col("status") == "no applications")
        return first_of_run(set(paused["snapshot_date"]), self.day)

    @property
    def all_complete(self) -> bool:
        """Whether the complete model scored every application of the day."""
        mix = keep_metrics(self.now, "path_mix", paths=True)
        return mix["subject"].to_list() == [describe_path(COMPLETE)]

    @property
    def champion(self) -> str:
        """Id of the model that the day's scores are of; empty without any."""
        rows = keep_metrics(self.now, "psi")
        return str(rows["model_id"][0] or "") if rows.height else ""

    def money(self, figure: str, basis: str = "expected", path: str = ALL) -> Row | None:
        """The day's figure of gold.economics at the cut-off, of the newest window; None without a value."""
        rows = keep_economics(self.economics, figure, basis=basis, path=path)
        today = rows.filter(pl.col("snapshot_date") == self.day).drop_nulls("value")
        if figure == "profit":
            today = today.filter(pl.col("cutoff") == self.policy.cutoff_pd)
        cohorts = today.filter(pl.col("window").str.starts_with("cohorts"))
        chosen = cohorts if cohorts.height else today
        return chosen.row(0, named=True) if chosen.height else None

    def profit_at(self, cutoff: float) -> float | None:
        """Expected profit of the day at a cut-off of whole percents; None where it is not measured."""
        rows = keep_economics(self.economics, "profit", basis="expected", path=ALL).drop_nulls("value")
        at = rows.filter(pl.col("snapshot_date") == self.day, pl.col("cutoff").round(2) == cutoff)
        return float(at["value"][0]) if at.height else None

    def approved_at(self, cutoff: float) -> float | None:
        """Share of the day's scored applications with a PD up to a cut-off; None without any."""
        n = self.scored.height
        return self.scored.filter(pl.col("pd") <= cutoff).height / n if n else None

    def bad_rates(self, window: str) -> tuple[float, float] | None:
        """Observed and predicted bad rate of all grades of a window together; None where none is measured."""
        rows = keep_metrics(self.now, "grade_bad_rate").filter(pl.col("window") == window)
        rows = rows.drop_nulls(["value", "reference"])
        n = int(rows["n"].sum())
        if not n:
            return None
        observed, predicted = (float((rows["n"] * rows[name]).sum()) / n for name in ("value", "reference"))
        return observed, predicted

    @property
    def best_cutoff(self) -> Row | None:
        """The cut-off that earns most: by the newest ripe cohorts, and by the forecast before there are any.

        Also by the forecast while a source is missing, since those cohorts had it.
        """
        realised, forecast = self.money("best_cutoff", "realised"), self.money("best_cutoff")
        return (forecast or realised) if self.lacks_source else (realised or forecast)

    @property
    def better_cutoff(self) -> str:
        """On which side of the policy's cut-off the best one surely is, `lower` or `higher`; else nothing."""
        best, cutoff = self.best_cutoff, self.policy.cutoff_pd
        if best is None or best["ci_low"] <= cutoff <= best["ci_high"]:
            return ""
        return "lower" if best["value"] < cutoff else "higher"

    @property
    def gain_of_best(self) -> float:
        """What the best cut-off earns a month more than the policy's, by the same loans; 0 if not known."""
        best = self.best_cutoff
        most, own = (self.money(name, best["basis"] if best else "") for name in ("best_profit", "profit"))
        if best is None or most is None or own is None:
            return 0.0
        return (most["value"] - own["value"]) / months_in(best["window"])


def outside_since(row: Row, past: pl.DataFrame) -> date:
    """First month of the unbroken run, up to the row's own, in which its figure was outside its limits."""
    same = past.filter(
        pl.col("metric") == row["metric"],
        pl.col("subject") == row["subject"],
        pl.col("status").is_in(OUTSIDE),
    )
    return first_of_run(set(same["snapshot_date"]), row["snapshot_date"])


def months_outside(row: Row, past: pl.DataFrame) -> int:
    """How many months that run has."""
    return len(month_range(outside_since(row, past), row["snapshot_date"]))


def first_of_run(months: set[date], day: date) -> date:
    """First month of the unbroken run of `months` up to a day."""
    while months_before(day, 1) in months:
        day = months_before(day, 1)
    return day


def source_of(feature: str) -> str:
    """The source of a feature, or of a measure of a history."""
    measured = next((name for name, measures in MEASURES_OF.items() if feature in measures), "other data")
    return SOURCE_OF.get(feature, measured).replace("_", " ")
