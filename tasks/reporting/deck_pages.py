"""The pages of the deck: what each one finds and says, by rules, from finished tables and cards."""

from dataclasses import asdict
from typing import Any

import polars as pl

from tasks.governance.policy_text import describe_rules
from tasks.months import months_before
from tasks.reporting.deck_data import DeckData, Page, describe_interval, is_of_former_model, one_of
from tasks.reporting.deck_model_pages import (
    describe_features,
    describe_models,
    describe_performance,
    describe_stability,
)
from tasks.reporting.findings import describe_state

RANK = {"red": 0, "amber": 1, "info": 2}
MAX_TRIGGERS = 14  # that fit on a page, the most severe first; `vintage policy explain` has all
OPTIONS = (
    ("Batch, monthly", "Decisions may wait a day; every month can be replayed", "What runs today", "now"),
    (
        "Shadow",
        "A challenger scores beside the champion and decides nothing",
        "New family, or after a red",
        "next",
    ),
    ("Canary", "A challenger decides a small share of applications", "Only with limits on losses", "later"),
    ("Real time", "An answer within the application itself", "Needs a feature service", "on demand"),
)


def build_deck(data: DeckData) -> dict[str, Any]:
    """The deck as plain data for the template: title, source line, day, and ten pages."""
    made = (
        _answer,
        _lender,
        _pipeline,
        _time,
        describe_features,
        describe_models,
        describe_performance,
        describe_stability,
        _governance,
    )
    pages = [page(data) for page in (*made, _deployment)]
    model = data.card["model_id"] if data.card else "none yet"
    first, last = data.months["month"][0], data.months["month"][-1]
    source = (
        f"Run of {data.day}; data {first:%Y-%m} to {last:%Y-%m}; model {model}; policy {data.policy_name}"
    )
    day = {"year": data.day.year, "month": data.day.month, "day": data.day.day}
    return {
        "title": f"Vintage: the default model in {data.day:%Y-%m}",
        "source": source,
        "day": day,
        "pages": [asdict(page) for page in pages],
    }


def _answer(data: DeckData) -> Page:
    now = data.actions.filter(pl.col("snapshot_date") == data.day)
    colour, state = describe_state(now, data.now)
    auc, ratio = one_of(data, "pooled_auc"), one_of(data, "calibration_in_the_large")
    scored = int(data.months["scored"].sum() or 0)
    answers = {
        "green": "The model may keep serving: no decision is due",
        "none": "There is no model to decide on",
        "amber": "The model may keep serving while its amber figures are investigated",
        "red": "The model needs a decision: a figure is red",
    }
    urgent = now.filter(pl.col("severity") != "info")
    numbers = [
        ("applications scored", f"{scored:,}"),
        ("AUC of the newest ripe cohorts", f"{auc['value']:.3f}" if auc else "not ripe yet"),
        ("observed/expected defaults", f"{ratio['value']:.2f}" if ratio else "not ripe yet"),
        ("amber and red actions this month", str(urgent.height)),
    ]
    exact = [state] if data.card else ["Too few cohorts are ripe for a first model."]
    if auc:
        exact.append(
            f"AUC {auc['value']:.3f} ({describe_interval(auc)}, 95%) on {auc['n']:,} loans, {auc['window']}."
        )
        if is_of_former_model(auc, data):
            exact.append(
                f"These were scored by {auc['model_id'].replace(' ', ' and ')}; the model in service scored "
                "none of them."
            )
    if ratio:
        exact.append(f"Observed/expected defaults {ratio['value']:.2f} ({describe_interval(ratio, 2)}).")
    exact += [f"{row['action']} {row['evidence']}." for row in urgent.head(2).to_dicts()]
    return Page(
        f"{answers[colour if data.card else 'none']} in {data.day:%Y-%m}",
        "Each month the lender must decide whether its default model may go on scoring applications, and "
        "what to do if not. A PD becomes a grade from A to G, and the grade a decision on the application.",
        exact,
        numbers=numbers,
    )


def _lender(data: DeckData) -> Page:
    counts = data.sources.group_by("source").agg(
        pl.sum("n_received", "n_quarantined", "n_duplicates", "n_cleaned")
    )
    exact = [
        f"{_capital(row['source'])}: {row['n_received']:,} rows, {row['n_quarantined']:,} quarantined, "
        f"{row['n_duplicates']:,} duplicates, {row['n_cleaned']:,} cells cleaned."
        for row in counts.sort("source").to_dicts()
    ]
    ripe = data.months.drop_nulls("bad_rate")
    loans, set_aside = int(data.months["loans"].sum()), int(counts["n_quarantined"].sum())
    rates = "no cohort is old enough for a bad rate yet"
    if ripe.height:
        low, high = ripe.select(low=pl.min("bad_rate"), high=pl.max("bad_rate")).row(0)
        rates = f"between {low:.0%} and {high:.0%} of a ripe cohort defaulted"
    return Page(
        f"{data.months.height} months brought {loans:,} applications, and {rates}",
        f"{set_aside:,} rows broke a rule and were quarantined as received; nothing was lost: per file and "
        "month, the rows received equal the good rows, the quarantined ones and exact duplicates.",
        exact,
        figure="bad_rates",
    )


def _pipeline(data: DeckData) -> Page:
    return Page(
        "Four flows turn raw files into decisions, and every table is partitioned by month",
        "Each flow runs for one date and replaces one month of its tables, whole or not at all; so any month "
        "can be run again, alone, and gives the same rows.",
        drawing="pipeline",
        labels={name.replace(".", "_"): f"{n:,} rows" for name, n in data.rows.items()},
    )


def _time(data: DeckData) -> Page:
    scored = data.months.drop_nulls("scored")["month"].to_list()
    applied = scored[0] if scored else data.months["month"][0]
    serving = [
        row for row in data.models if row["state"] == "champion" and row["effective_from"] <= str(applied)
    ]
    model = serving[-1]["model_id"] if serving else "none yet"
    ripe, learned = months_before(applied, -data.label_mob), months_before(applied, data.label_mob)
    title = f"A loan applied for on {applied} was scored without a single row from after that day"
    if not scored:
        title = f"A loan applied for on {applied} would be scored without a single row from after that day"
    return Page(
        title,
        "A feature looks back from the application. A label exists only when the loan is old enough. A model "
        "serves from the day it was promoted, also when an old month is run again years later.",
        (
            f"Model {model} served that day; no label it learned from is younger than its own training day."
            if serving
            else "No model served that day.",
            "Four invariants are tested on the flows themselves: rows dated later change nothing; row order "
            "changes nothing; a re-run changes nothing; month by month equals all at once.",
        ),
        drawing="calendar",
        labels={
            "learned": f"{learned:%Y-%m}",
            "applied": f"{applied:%Y-%m}",
            "ripe": f"{ripe:%Y-%m}",
            "mob": str(data.label_mob),
            "model": model,
        },
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _governance(data: DeckData) -> Page:
    table = [
        [one["severity"], one["name"].replace("_", " "), one["action"], one["owner"], one["due"]]
        for one in sorted(data.triggers, key=lambda one: RANK[one["severity"]])[:MAX_TRIGGERS]
    ]
    decided = [row for row in data.models if row["state"] in ("champion", "rejected")]
    promoted = sum(row["state"] == "champion" for row in decided)
    gate = f"the gate let {promoted} of {len(decided)} models serve" if decided else "no model was judged yet"
    return Page(
        f"{len(data.triggers)} triggers state who acts by when; {gate}",
        "Measurements decide which action is due; people decide what is done. A champion can be rolled back "
        "from any date with one command, and the history is never edited.",
        (
            f"Policy {data.policy_name}: its digest is recorded with every action.",
            describe_rules(data.policy)["gate"],
            "Roll back: vintage models rollback --to MODEL --date DATE --by NAME --reason TEXT.",
        ),
        header=("Severity", "Trigger", "Action", "Owner", "Due"),
        table=table,
    )


def _deployment(data: DeckData) -> Page:
    limits = data.card["limits"] if data.card else ["Train a first model as soon as enough cohorts are ripe."]
    return Page(
        "Stay with the monthly batch, and run a challenger of a new family in the shadow first",
        "The lender decides on applications month by month, and labels take "
        f"{data.label_mob} months to ripen: a faster service would not give the model newer outcomes.",
        tuple(limits[:4]),
        header=("Option", "What it means", "When", "Here"),
        table=OPTIONS,
    )
