"""What pages show while there is no model, or nothing was scored: what has come in, and what comes when."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from tasks.lender.current import lender
from tasks.months import months_before
from tasks.reporting.deck.blocks import Block, steps, table
from tasks.reporting.deck.charts import (
    Axis,
    Bar,
    Guide,
    Point,
    Series,
    axis_for,
    bar_chart,
    curve_chart,
    line_chart,
)
from tasks.reporting.deck.data import DeckData
from tasks.reporting.words import list_names, month_name

MAX_COHORTS = 6
FAMILIES = (
    (
        "Stack",
        "scores of several base models combined by a calibrated regression",
        "usually best, explained by reasons",
    ),
    ("Logistic", "a weighted sum of features", "simple, the yardstick"),
    ("Boosting", "many small decision trees", "finds interactions by itself"),
)


def applications_chart(data: DeckData) -> Block:
    """Applications of each month."""
    counted = [Point(month, float(n)) for month, n in data.months.select("month", "loans").iter_rows()]
    return line_chart(
        "Applications received a month",
        [Series("", "line", "accent", counted)],
        axis_for([point.value for point in counted], lambda n: f"{n:,.0f}", low=0.0),
        alt="Applications received by month",
        xlabel="application month",
    )


def rows_chart(data: DeckData) -> Block:
    """Rows received of each source."""
    counts = data.sources.group_by("source").agg(pl.sum("n_received")).sort("source")
    bars = [
        Bar(source, float(n), None, None, f"{n:,} rows")
        for source, n in counts.select("source", "n_received").iter_rows()
    ]
    axis = axis_for([bar.value for bar in bars], lambda n: f"{n:,.0f}", low=0.0)
    return bar_chart("Rows received so far", bars, axis, alt="Rows received of each source", xlabel="rows")


def break_even_chart(data: DeckData) -> Block:
    """Profit of a loan of 100 over its PD, by the policy's assumptions."""
    terms = data.policy.economics
    pds = np.linspace(0, 1, 51)
    profits = 100 * (terms.margin - (terms.margin + terms.loss_given_default) * pds)
    even = terms.margin / (terms.margin + terms.loss_given_default)
    line = [Point(float(pd), float(profit)) for pd, profit in zip(pds, profits, strict=True)]
    return curve_chart(
        "Profit of a loan of 100 over its PD, by the policy's assumptions",
        [Series("", "line", "accent", line)],
        Axis(0, 1, lambda share: f"{share:.0%}", [tick / 5 for tick in range(6)]),
        axis_for([point.value for point in line], lambda value: f"{value:,.0f}"),
        alt="Profit of a loan over its PD, with the PD at which it earns nothing",
        xlabel="PD of the loan",
        guides=[
            Guide("x", even, f"break-even {even:.0%}", "accent"),
            Guide("x", data.policy.cutoff_pd, f"cut-off {data.policy.cutoff_pd:.0%}"),
        ],
    )


def ripening_table(data: DeckData, *, size: int = 14, inset: float = 5) -> Block:
    """When the newest cohorts can be judged; letters of `size` and room around them in points."""
    newest = data.months.tail(MAX_COHORTS)
    rows = [
        [month_name(month), f"{loans:,}", _ripe(rate), month_name(months_before(month, -data.label_mob))]
        for month, loans, rate in newest.select("month", "loans", "bad_rate").iter_rows()
    ]
    header = ("Cohort", "Applications", "Bad rate", "Labels exist from")
    return table("When each cohort can be judged", header, rows, size=size, inset=inset)


def _ripe(rate: float | None) -> str:
    return "not ripe yet" if rate is None else f"{rate:.1%}"


def first_model(data: DeckData) -> Sequence[Block]:
    """The way to the first model, and the families that compete."""
    items = [
        ("Ripe cohorts", f"labels exist {data.label_mob} months after the application"),
        ("Training", "families tuned by Optuna on older cohorts"),
        ("Out of time", "the newest ripe cohorts judge them once"),
        ("Gate", f"AUC significantly above {data.policy.gate.auc_floor}, PDs that hold"),
        ("Champion", "scores each month from then on"),
    ]
    families = table(
        "What competes", ("Family", "What it is", "Why"), FAMILIES, widths=(0.6, 2, 1.5), size=14, inset=3
    )
    return steps("The way to the first model", items, height=64), families


def fairness_rules(data: DeckData) -> Block:
    """How fairness will be judged."""
    rules = data.policy.fairness
    protected = [
        name.replace("_", " ")
        for source in lender().applications
        for name, column in source.by_our_name.items()
        if column.protected
    ]
    rows = [
        ["Compared", f"groups by {list_names(protected) or '(none declared)'}, each with the largest group"],
        [
            "Measured",
            f"approval rate at a PD up to {data.policy.cutoff_pd:.0%}, over {rules.months} months together",
        ],
        ["Left out", f"groups of fewer than {rules.min_applicants} applicants"],
        [
            "Amber, red",
            f"ratio below {rules.amber:g}, below {rules.red:g}, with p below {rules.p:g} (Fisher's "
            "exact test)",
        ],
    ]
    return table("How groups will be compared", ("", "Rule"), rows, widths=(0, 1), size=14, inset=14)
