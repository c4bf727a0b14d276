"""The facts of a month that its story and its report are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.schemas.economics import ALL, keep_economics
from tasks.schemas.monitoring import keep_metrics
from tasks.schemas.predictions import COMPLETE, describe_path

OUTSIDE = ("amber", "red")
RANK = {"red": 0, "amber": 1, "info": 2}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What a story is made from: gold.monitoring and gold.economics up to the `day`, and its gold.actions."""

    day: date
    past: pl.DataFrame
    actions: pl.DataFrame
    economics: pl.DataFrame
    policy: Policy

    @property
    def now(self) -> pl.DataFrame:
        """gold.monitoring of the day."""
        return self.past.filter(pl.col("snapshot_date") == self.day)

    def outside(self, *metrics: str) -> list[Row]:
        """Figures of the day, of these metrics, that are amber or red, the worst first."""
        rows = keep_metrics(self.now, *metrics, paths=True).filter(pl.col("status").is_in(OUTSIDE))
        return sorted(rows.sort("metric", "subject").to_dicts(), key=lambda row: RANK[row["status"]])

    @property
    def all_complete(self) -> bool:
        """Whether the complete model scored every application of the day."""
        mix = keep_metrics(self.now, "path_mix", paths=True)
        return mix["subject"].to_list() == [describe_path(COMPLETE)]

    def money(self, figure: str, basis: str = "expected", path: str = ALL) -> Row | None:
        """The day's figure of gold.economics at the cut-off, of the newest window; None without a value."""
        rows = keep_economics(self.economics, figure, basis=basis, path=path)
        today = rows.filter(pl.col("snapshot_date") == self.day).drop_nulls("value")
        if figure == "profit":
            today = today.filter(pl.col("cutoff") == self.policy.cutoff_pd)
        cohorts = today.filter(pl.col("window").str.starts_with("cohorts"))
        chosen = cohorts if cohorts.height else today
        return chosen.row(0, named=True) if chosen.height else None
