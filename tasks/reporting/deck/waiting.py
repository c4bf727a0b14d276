"""What pages show while there is no model, or nothing was scored: what has come in, and what comes when."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from tasks.governance.policy import Policy
from tasks.lender.current import lender
from tasks.months import months_before
from tasks.reporting.asks import confirm_pause, owner_of
from tasks.reporting.deck.blocks import Block, Mark, steps, table
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
from tasks.reporting.words import (
    about,
    day_name,
    list_names,
    model_name,
    month_name,
    months_in,
    window_in_short,
    window_name,
)
from tasks.schemas.economics import ALL, keep_economics

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


def break_even(policy: Policy) -> float:
    """The PD at which a loan earns nothing, by the policy's assumptions."""
    terms = policy.economics
    return terms.margin / (terms.margin + terms.loss_given_default)


def break_even_chart(data: DeckData) -> Block:
    """Profit of a loan of 100 over its PD, by the policy's assumptions."""
    terms = data.policy.economics
    pds = np.linspace(0, 1, 51)
    profits = 100 * (terms.margin - (terms.margin + terms.loss_given_default) * pds)
    even = break_even(data.policy)
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


def numbers_of_pause(data: DeckData) -> list[tuple[str, str, str, Mark]]:
    """The figures of a month in which nobody applied: applications, and what ripe loans came to."""
    rate, profit = (data.facts.money(name, "realised") for name in ("bad_rate_approved", "profit"))
    since = f"none from {month_name(data.facts.paused_since or data.day)} on"
    found: list[tuple[str, str, str, Mark]] = [("0", "applications", since, "")]
    if rate is None or profit is None:
        unripe = "no scored cohort is ripe yet"
        return [*found, ("-", "bad rate among approved", unripe, ""), ("-", "profit of a month", unripe, "")]
    of = f"realised, {window_in_short(rate['window'])}"
    return [
        *found,
        (f"{rate['value']:.1%}", "bad rate among approved", of, ""),
        (_earned_a_month(profit), "profit of a month", of, ""),
    ]


def _earned_a_month(profit: Mapping[str, Any]) -> str:
    return about(profit["value"] / months_in(profit["window"]))


def describe_pause(data: DeckData) -> list[tuple[Mark, str, str]]:
    """What to decide and check while nobody applies, what that costs, and what is still to be judged."""
    facts = data.facts
    finder = owner_of("rows_set_aside_red", facts)
    return [
        ("amber", "Confirm:", f"{confirm_pause(facts)}; if it has not, {finder} finds the missing files."),
        ("open", "Costs:", _describe_missing_profit(data)),
        ("ok", "Decide:", f"nothing on the model: the {model_name(data.model_id)} waits for applications."),
        ("open", "Left to judge:", _describe_unripe(data)),
    ]


def _describe_missing_profit(data: DeckData) -> str:
    profit = data.facts.money("profit", "realised")
    if profit is None:
        return "the profit of new loans is missing; how much is not known, since no scored loan is ripe."
    return (
        f"about {_earned_a_month(profit)} a month of profit is missing, by what the approved loans of "
        f"{window_name(profit['window'])} earned; none if lending was ended on purpose."
    )


def _describe_unripe(data: DeckData) -> str:
    """Cohorts that were scored and are not ripe, and what their approved loans are expected to lose."""
    oldest = months_before(data.day, data.label_mob)
    rows = keep_economics(data.economics, "loss", basis="expected", path=ALL).drop_nulls("value")
    waiting = rows.filter(pl.col("snapshot_date") > oldest).sort("snapshot_date")
    if waiting.is_empty():
        return f"nothing. Every loan that a model scored is {data.label_mob} months old or older."
    first, last = waiting["snapshot_date"][0], waiting["snapshot_date"][-1]
    return (
        f"the approved loans of {window_name(f'{first:%Y-%m} to {last:%Y-%m}')}, expected to lose about "
        f"{about(float(waiting['value'].sum()))} together if the PDs hold."
    )


def first_training(data: DeckData) -> date:
    """The day on which enough cohorts are ripe for a first model, if applications come in every month."""
    return months_before(data.months["month"][0], 1 - data.first_cohorts - data.label_mob)


def describe_no_model(data: DeckData) -> str:
    """Why no model serves yet, and from when on one may."""
    loans, day = int(data.months["loans"].sum()), first_training(data)
    if data.day >= day:
        return f"No model serves yet: {loans:,} applications are in, and no model passed the gate"
    return f"No model serves before {month_name(day)}: {loans:,} applications are in, too young to learn from"


def numbers_without_model(data: DeckData) -> list[tuple[str, str, str, Mark]]:
    """What has come in, what is old enough to judge, and when a first model may be trained."""
    months, day = data.months["month"], first_training(data)
    came = int(data.months["loans"].sum())
    judged = int(data.months.drop_nulls("bad_rate")["loans"].sum())
    ripe = month_name(months_before(months[0], -data.label_mob))
    return [
        (f"{came:,}", "applications received", window_name(f"{months[0]:%Y-%m} to {months[-1]:%Y-%m}"), ""),
        (f"{judged:,}", "of them old enough to judge", f"the first from {ripe} on", ""),
        (f"{day:%b %Y}", "first model at the earliest", f"{data.first_cohorts} cohorts are ripe then", ""),
        (f"{break_even(data.policy):.0%}", "PD at which a loan breaks even", "by assumed terms, page 2", ""),
    ]


def train_first(data: DeckData) -> str:
    """Who trains the first model, and when."""
    day, owner = first_training(data), owner_of("cohorts_ripe", data.facts)
    when = f"on {day_name(day)} at the earliest" if day > data.day else "as further cohorts ripen"
    return f"{owner} trains the first model {when}"


def limits_without_model(data: DeckData) -> list[str]:
    """What cannot be told while no model serves, and what the first one will not know."""
    return [
        "No model is in service: no application has a PD, and underwriters decide as before.",
        f"A loan is judged {data.label_mob} months after it began: nothing can be learned from it sooner.",
        "The first model will learn from granted loans only: it sees nobody who was declined.",
    ]


def no_model_yet(data: DeckData) -> list[tuple[Mark, str, str]]:
    """What is decided without a model, what that costs, and what comes when."""
    terms = data.policy.economics
    return [
        ("ok", "Decide:", "nothing now; no application is scored, underwriters decide as before."),
        (
            "open",
            "Costs:",
            f"not known yet. A good loan earns {terms.margin:.0%} of its amount, a bad one loses "
            f"{terms.loss_given_default:.0%} (assumed).",
        ),
        (
            "open",
            "Then:",
            f"{train_first(data)}; before it serves, {owner_of('path_cost_red', data.facts)} reviews the "
            f"cut-off of {data.policy.cutoff_pd:.0%}, which lets in loans above the break-even.",
        ),
    ]


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
