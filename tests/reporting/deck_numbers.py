"""Which numbers the deck says, and which its tables hold."""

import re
from typing import Any

import polars as pl

from tasks.governance.policy_text import describe_rules
from tasks.reporting.deck.data import DeckData, compare_expected, waiting_models
from tasks.reporting.deck.stability import COMPLETE
from tasks.reporting.words import about

DAY_OR_MODEL = re.compile(r"\d{4}-\d{2}(-\d{2})?(-[0-9a-f]{8})?")
NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?%?")
DRAWN = ("kind", "colour", "look", "xticks", "yticks", "mark", "signal", "alt", "xlabel", "section")
FIXED = (
    "Airflow 3", "Prefect 3", "Polars 2",
    "1st of", "0.5 is a coin, 1 is perfect", "0.5 is chance",
    "slope (1:", "95%", "under 25", "25 to 34", "35 to 49", "50 and over", "90%", "30dpd_6mob", "99%",
)  # fmt: skip
SPOKEN = re.compile(r"(\b\d{1,2} )?\b(January|February|March|April|May|June|July|August|September|October"
                    r"|November|December) \d{4}|\b[A-Z][a-z]{2} \d\d\b")  # fmt: skip
WAYS = ("{:,.0f}", "{:.0%}", "{:.1%}", "{:.2f}", "{:.3f}", "{:.4f}", "{:+.3f}", "{:+.4f}", "{:g}")


def raw_values(part: Any) -> list[float]:
    """What the points and bars of charts are drawn from."""
    if isinstance(part, dict):
        own = [part[key] for key in ("value", "number") if isinstance(part.get(key), float)]
        return own + [value for inner in part.values() for value in raw_values(inner)]
    return [value for inner in part for value in raw_values(inner)] if isinstance(part, list | tuple) else []


def counted_rows(data: DeckData) -> set[str]:
    return {f"{n:,}" for n in (sum(data.rows.values()), data.months["loans"].sum())}


def texts_in(part: Any) -> list[str]:
    """All that is written on a page but for the ticks of axes."""
    if isinstance(part, dict):
        return [text for key, inner in part.items() if key not in DRAWN for text in texts_in(inner)]
    if isinstance(part, list | tuple):
        return [text for inner in part for text in texts_in(inner)]
    return [part] if isinstance(part, str) else []


def numbers_in(part: Any) -> list[str]:
    text = SPOKEN.sub("", DAY_OR_MODEL.sub("", "\n".join(texts_in(part))))
    for fixed in FIXED:
        text = text.replace(fixed, "")
    return [match.strip(",") for match in NUMBER.findall(text)]


def said_of(data: DeckData) -> set[str]:
    """Every way that a number of the data may be written."""
    frames = (data.now, data.past, data.actions, data.months, data.sources, data.economics)
    cells = [value for frame in frames for column in frame.select(pl.selectors.numeric()) for value in column]
    sums = [
        value
        for frame in (data.months, data.sources)
        for value in frame.select(pl.selectors.numeric()).sum().row(0)
    ]
    per_source = data.sources.group_by("source").agg(pl.selectors.numeric().sum()).drop("source")
    sums += [value for row in per_source.iter_rows() for value in row]
    pairs = compare_expected(data.past)
    gaps = [(pairs["realised"] - pairs["expected"]).mean()] if pairs.height else []
    shares = [share for _, share in data.reasons]
    gone = [one["auc"] - one["change"] for one in data.card["ablations"]]  # the AUC with the family
    policy = leaves(data.policy.model_dump())
    told = [*cells, *sums, *gaps, *shares, *data.rows.values(), *leaves(data.card), *gone, *policy]
    written = {way.format(value) for value in told if value is not None for way in WAYS}
    written |= {about(value) for value in data.economics["value"].drop_nulls()}
    written |= {about(value) for name in ("ci_low", "ci_high") for value in data.economics[name].drop_nulls()}
    written |= counted_rows(data) | shares_of_paths(data)
    written |= {text.lstrip("+-") for text in written}
    written |= {str(count) for count in counts_of(data)}
    due = " ".join(one["due"] for one in data.triggers)
    why = [row["why"] for row in data.models]
    words = " ".join([*data.actions["evidence"], *why, due, data.policy_name, *actions_of(data)])
    return written | {match.strip(",") for match in NUMBER.findall(words)}


def actions_of(data: DeckData) -> list[str]:
    return [describe_rules(data.policy)["gate"], *(one["action"] for one in data.triggers)]


def shares_of_paths(data: DeckData) -> set[str]:
    now = data.mix.filter(pl.col("month") == data.mix["month"].max())
    return {f"{now.filter(path=COMPLETE)['n'].sum() / now['n'].sum():.0%}"}


def counts_of(data: DeckData) -> list[int]:
    """What is counted on the pages: months, actions, rules, decisions, families of features, forecasts."""
    pairs = compare_expected(data.past)
    states = [row["state"] for row in data.models if row["state"] in ("champion", "rejected")]
    bad = data.past.filter(pl.col("metric").is_in(["psi", "csi"]), pl.col("status").is_in(["amber", "red"]))
    scored = data.past.filter(pl.col("metric") == "psi", pl.col("value").is_not_null())
    now = data.actions.filter(pl.col("snapshot_date") == data.day)
    ablations = data.card["ablations"]
    return [
        data.label_mob,
        data.months.height,
        *(
            now.filter(pl.col("severity").is_in(kinds)).height
            for kinds in (["red"], ["amber"], ["red", "amber"])
        ),
        len(data.triggers),
        len(waiting_models(data)),
        len(states),
        states.count("champion"),
        len(ablations),
        sum(one["change_ci_90"][1] < 0 for one in ablations),
        pairs.height,
        pairs.filter(pl.col("realised").is_between("low", "high")).height,
        *(bad.filter(metric=metric)["snapshot_date"].n_unique() for metric in ("psi", "csi")),
        scored["snapshot_date"].n_unique(),
    ]


def leaves(tree: Any) -> list[float]:
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, list):
        return [float(len(tree)), *(leaf for part in tree for leaf in leaves(part))]
    return [float(tree)] if isinstance(tree, int | float) else []
