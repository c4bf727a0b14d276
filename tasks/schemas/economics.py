"""gold.economics: what the model earns and costs, one row per figure, window, score path and cut-off."""

from collections.abc import Mapping
from dataclasses import dataclass

import dataframely as dy
import polars as pl

ALL = "all"  # every score path together
Basis = str  # assumption, measurement, expected or realised


@dataclass(frozen=True)
class EconomicsSpec:
    """A figure: its `title` in a sentence, its `unit` on an axis, and how a value is written (`form`)."""

    name: str
    title: str
    unit: str
    form: str

    def write(self, value: float) -> str:
        """A value in the form of the figure; an amount below nothing has its sign."""
        return f"{value:{self.form}}"


MONEY = "account currency"
SPECS = (
    EconomicsSpec("margin", "margin of a good loan", "share of the amount granted", ".1%"),
    EconomicsSpec("lgd", "loss given default", "share of the amount granted", ".1%"),
    EconomicsSpec("approval_rate", "approval rate", "share of applications", ".1%"),
    EconomicsSpec("bad_rate_approved", "bad rate among approved", "share of approved loans", ".1%"),
    EconomicsSpec("loss", "loss on approved loans", MONEY, ",.0f"),
    EconomicsSpec("profit", "profit", MONEY, ",.0f"),
    EconomicsSpec("best_cutoff", "most profitable cut-off", "PD", ".0%"),
    EconomicsSpec("best_profit", "profit at the most profitable cut-off", MONEY, ",.0f"),
    EconomicsSpec("value_over_all", "worth against approving all", MONEY, ",.0f"),
    EconomicsSpec("value_over_former", "worth against the champion before", MONEY, ",.0f"),
    EconomicsSpec("swapped_in", "bad rate of those the champion alone approves", "share of loans", ".1%"),
    EconomicsSpec(
        "swapped_out", "bad rate of those the model before alone approved", "share of loans", ".1%"
    ),
    EconomicsSpec("path_cost", "cost of missing sources", MONEY, ",.0f"),
)
ECONOMICS: Mapping[str, EconomicsSpec] = {spec.name: spec for spec in SPECS}


class Economics(dy.Schema):
    """Key: (snapshot_date, figure, basis, window, path, cutoff).

    `basis`: assumption or measurement (of the margin and the loss given default), expected (by PDs) or
    realised (by labels). `window` says which applications, `path` which score path (`all`: every one),
    `cutoff` up to which PD they are approved (1: all). `n` is the number of applications that the figure is
    of, `amount` what they ask for (account currency). `value` has the unit of its EconomicsSpec; it is null
    when there was nothing to measure, and `status` says why. `reference` is what the value stands against.
    """

    snapshot_date = dy.Date(nullable=False, primary_key=True)
    figure = dy.String(nullable=False, primary_key=True, check=lambda name: name.is_in(list(ECONOMICS)))
    basis = dy.String(nullable=False, primary_key=True, regex="^(assumption|measurement|expected|realised)$")
    window = dy.String(nullable=False, primary_key=True)
    path = dy.String(nullable=False, primary_key=True)
    cutoff = dy.Float64(nullable=False, primary_key=True, min=0, max=1)
    n = dy.Int64(nullable=False, min=0)
    amount = dy.Float64(nullable=False, min=0)
    value = dy.Float64(nullable=True)
    ci_low = dy.Float64(nullable=True)
    ci_high = dy.Float64(nullable=True)
    reference = dy.Float64(nullable=True)
    status = dy.String(nullable=False)
    model_id = dy.String(nullable=False)


def keep_economics(rows: pl.DataFrame, figure: str, **columns: str) -> pl.DataFrame:
    """Rows of a figure with the given columns; a name that the catalogue does not hold raises KeyError."""
    return rows.filter(pl.col("figure") == ECONOMICS[figure].name, **columns)
