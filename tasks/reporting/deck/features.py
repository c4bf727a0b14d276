"""Page 5: which sources are read, which others there are, and what each is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.lender.current import lender
from tasks.registry.model_card import describe_gain
from tasks.reporting.deck.blocks import Block, Page, Row, stack, table, text
from tasks.reporting.deck.charts import Axis, Bar, axis_for, bar_chart
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.waiting import rows_chart
from tasks.reporting.facts import outside_since
from tasks.reporting.words import capital, list_names, month_name
from tasks.schemas.monitoring import keep_metrics

OTHERS = (
    ("Credit bureau", "debts and delays elsewhere", "first to ask for: the one view the lender lacks"),
    ("Current accounts", "salary and spending", "next: fresh each month, needs consent"),
    ("Collections", "promises and contacts", "left: known only after the default, a leak"),
)
MAX_BARS = 9
HISTORIES = (
    "One month of a history says little, a year of it a lot: averages over a customer's months remove the "
    "noise. "
)


def build_features(data: DeckData) -> Page:
    """The sources, and the value of each with its interval."""
    return Page(
        "Data",
        _title(data),
        f"{HISTORIES if lender().histories else ''}"
        "A bar that ends left of zero without touching it is a source that pays.",
        [
            Row([stack(_sources(data), _others(data)), _values(data)], (1.12, 1), fill=True),
        ],
    )


def _ablations(data: DeckData) -> list[Mapping[str, Any]]:
    return sorted(data.card.get("ablations", []), key=lambda one: one["change"])[:MAX_BARS]


def _title(data: DeckData) -> str:
    ablations = _ablations(data)
    received = int(data.sources["n_received"].sum())
    if not ablations:
        return (
            f"{received:,} rows of {data.sources['source'].n_unique()} sources are in; what each is worth is "
            "measured with the first model"
        )
    paying = [one["family"] for one in ablations if one["change_ci_90"][1] < 0]
    first = ablations[0]
    return (
        f"Without {first['family']} the AUC falls most, from {_whole(first):.3f} to {first['auc']:.3f}; "
        f"{len(paying)} of "
        f"{len(ablations)} families improve it significantly"
    )


def _whole(ablation: Mapping[str, Any]) -> float:
    """The AUC of the model with all families."""
    return ablation["auc"] - ablation["change"]


def _sources(data: DeckData) -> Block:
    counts = data.sources.group_by("source").agg(pl.sum("n_received", "n_quarantined"))
    covered = {
        row["subject"]: f"{row['value']:.0%}"
        for row in keep_metrics(data.now, "coverage").drop_nulls("value").to_dicts()
    }
    by = "earlier months still score" if data.facts.all_complete else "a fallback scores"
    missing = {
        row["subject"]: f"missing since {month_name(outside_since(row, data.past))}: {by}"
        for row in data.facts.outside("coverage")
        if row["status"] == "red"
    }
    rows = [
        [
            capital(row["source"]),
            f"{row['n_received']:,}",
            f"{row['n_quarantined']:,}",
            covered.get(row["source"], "-"),
            missing.get(row["source"], _use_of(row["source"])),
        ]
        for row in counts.sort("source").to_dicts()
    ]
    header = ("Our sources", "Rows", "Quarantined", "Cover", "Taken or left, and why")
    return table("What is read", header, rows, widths=(1, 0.75, 1, 0.55, 2.2))


def _use_of(name: str) -> str:
    """What is taken of one of the lender's sources, by its role."""
    source = next((one for one in lender().sources if one.name == name), None)
    if source is None:
        return "taken"
    if source.role == "loan tape":
        return "labels and money only: payments after the application would leak"
    if source.role == "history":
        return "taken: month after month, levels and spread per customer"
    watched = [ours.replace("_", " ") for ours, column in source.by_our_name.items() if column.protected]
    fairness = f"; {list_names(watched)} watched for fairness" if watched else ""
    return f"taken: what was known at the application{fairness}"


def _values(data: DeckData) -> Block:
    ablations = _ablations(data)
    if not ablations:
        why = "No model was trained yet, so no family of features has a measured value."
        return stack(text(why, title="Value of each family of features", size=14), rows_chart(data))
    bars = [
        Bar(
            one["family"],
            one["change"],
            one["change_ci_90"][0],
            one["change_ci_90"][1],
            f"{one['change']:+.4f} to {one['auc']:.3f}",
            "accent" if one["change_ci_90"][1] < 0 else "soft",
        )
        for one in ablations
    ]
    limits = [value for one in bars for value in (one.low, one.high, 0.0)]
    axis = axis_for(limits, lambda value: f"{value:+.2f}")
    return bar_chart(
        f"AUC out of time, {_whole(ablations[0]):.3f}, when a family is left out",
        bars,
        Axis(axis.low, axis.high, axis.form, axis.ticks),
        alt="Change of the AUC without each family of features, with 90% intervals",
        xlabel="change of AUC, 90% interval (paired DeLong)",
    )


def _others(data: DeckData) -> Block:
    compared = data.card.get("sources_compared") if data.card else None
    header = ("Other datamarts", "What they would add", "Advice")
    own = " ".join(source.name for source in lender().sources)
    rows: list[Sequence[str]] = [list(one) for one in OTHERS if one[0].split()[-1] not in own]
    if compared:
        chosen = [one for one in compared["choices"] if one["recommendation"]]
        rows = [[one["features"], describe_gain(one), one["recommendation"]] for one in chosen]
    taken = list(data.card["data"]["sources"]) if data.card else []
    title = "Other teams' datamarts" + (f": {list_names(taken)} in use" if taken else ": none in use so far")
    return table(f"{title}; audited for leaks first", header, rows, widths=(1, 1.3, 1.9))
