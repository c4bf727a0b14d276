"""Which numbers the deck says, and which its tables hold."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.governance.policy_text import describe_rules
from tasks.reporting.deck.data import DeckData, compare_expected, waiting_models
from tasks.reporting.deck.performance import newest_grades
from tasks.reporting.deck.stability import COMPLETE
from tasks.reporting.words import about
from tasks.schemas.economics import ECONOMICS
from tasks.schemas.monitoring import METRICS
from tests.reporting.cost_numbers import (
    months_of,
    of_arrears,
    of_costs,
    of_declined,
    of_gain,
    of_terms,
    of_unripe,
    of_watch,
)

DAY_OR_MODEL = re.compile(r"\d{4}-\d{2}(-\d{2})?(-[0-9a-f]{8})?")
NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?%?")
DRAWN = ("kind", "colour", "look", "xticks", "yticks", "mark", "signal", "alt", "xlabel", "section")
FIXED = (
    "Airflow 3", "Prefect 3", "Polars 2",
    "1st of", "a coin: 50 of 100", "19 times in 20", "on page 9", "on page 10", "0.5 is chance",
    "slope (1:", "95%", "under 25", "25 to 34", "35 to 49", "50 and over", "90%", "30dpd_6mob", "99%",
)  # fmt: skip
SPOKEN = re.compile(r"(\b\d{1,2} )?\b(January|February|March|April|May|June|July|August|September|October"
                    r"|November|December) \d{4}|\b[A-Z][a-z]{2} \d\d\b|\bpage \d+\b")  # fmt: skip
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


def falsified(numbers: Iterable[str]) -> list[str]:
    """Numbers of two digits and more with another last digit."""
    long = [number for number in numbers if len(re.sub(r"\D", "", number)) > 1]
    return [re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 3) % 10), number) for number in long]


def without_maps(page: Any) -> Any:
    """A page without its heat map, whose many small numbers have a test of their own."""
    kept = [
        {**row, "blocks": [one for one in row["blocks"] if one["kind"] != "heat"]} for row in page["rows"]
    ]
    return {**page, "rows": kept}


def said_by_page(data: DeckData) -> list[set[str]]:
    """Of each page: every way in which a number of what it speaks of may be written."""
    money, today = of_money(data.economics, data.policy), data.economics.filter(snapshot_date=data.day)
    story = of_words([*data.actions["evidence"], *actions_of(data)])
    story |= of_costs(data.economics, data.now, data.policy) | {"100"} | of_watch(data.now, data.policy)
    story |= of_unripe(data.economics) | of_declined(data.scored, data.now, today, data.policy)
    counted = {*map(str, counts_of(data)), *counted_rows(data)}
    rows = in_ways([data.months.height, *data.rows.values(), data.label_mob], "{:,.0f}")
    policy = of_policy(data.policy)
    pages = [
        money | of_figures(data.now) | story,
        of_money(today, data.policy)
        | of_gain(today, data.policy)
        | of_terms(today, data.policy)
        | of_arrears(data.economics, today, data.now, data.policy)
        | of_sizes(today)
        | policy,
        rows,
        rows | of_card(data, ["data"], "{:,.0f}"),
        of_sources(data) | of_ablations(data),
        of_card(data, ["data"], "{:,.0f}")
        | of_card(data, ["candidates", "fallbacks", "setup"], "{:,.0f}", "{:.2f}", "{:.3f}")
        | in_ways([share for _, share in data.reasons], "{:.0%}")
        | of_words([row["why"] for row in data.models]),
        of_now(data, PERFORMANCE) | of_figures(newest_grades(data)) | in_ways(gaps_of(data), "{:.3f}")
        | of_history(data) | rows,
        of_now(data, STABILITY) | of_figures(newest_psi(data)) | shares_of_paths(data) | rows,
        story | of_words([data.policy_name, *(one["due"] for one in data.triggers)]) | policy,
        of_now(data, ["fairness"]) | money | story | rows | policy | of_words(data.card.get("limits", ())),
    ]  # fmt: skip
    return [known | counted for known in pages]


PERFORMANCE = ("pooled_auc", "early_arrears", "calibration_slope", "calibration_in_the_large")
STABILITY = ("psi", "csi", "coverage", "path_mix")
# Ways of writing that sentences have beside the form of the metric.
SAID = {
    "coverage": ("{:.1%}",),
    "path_mix": ("{:.0%}",),
    "grade_bad_rate": ("{:.0%}",),
    "psi": ("{:g}",),
    "csi": ("{:.2f}",),
    "optimistic_forecasts": ("{:.0f}",),
    "spiegelhalter_z": ("{:+.2f}",),
    "spiegelhalter_z_raw": ("{:+.2f}",),
}
OUTSIDE = ("amber", "red")


def in_ways(values: Iterable[float], *ways: str) -> set[str]:
    return {way.format(value) for value in values if value is not None for way in ways}


def of_words(texts: Iterable[str]) -> set[str]:
    return set(numbers_in(list(texts)))


def of_figures(rows: pl.DataFrame) -> set[str]:
    """What may be said of measured figures: values in their own form, sizes, subjects, how many they are."""
    counted = (rows, rows.drop_nulls("value"), rows.filter(pl.col("status").is_in(OUTSIDE)))
    known = {str(one.height) for one in counted}
    for row in rows.iter_rows(named=True):
        values = [row[name] for name in ("value", "ci_low", "ci_high", "reference", "amber", "red")]
        known |= in_ways(values, f"{{:{METRICS[row['metric']].form}}}", *SAID.get(row["metric"], ()))
        known |= {f"{row['n']:,}", *of_words([row["subject"]])}
        if row["metric"] == "pooled_auc":
            known |= in_ways([100 * value for value in values if value is not None], "{:.0f}", "{:.1f}")
    return known


def of_now(data: DeckData, metrics: Sequence[str]) -> set[str]:
    return of_figures(data.now.filter(pl.col("metric").is_in(metrics)))


def of_money(economics: pl.DataFrame, policy: Policy) -> set[str]:
    """What may be said of amounts and rates, each in its own form; of the profit, at the cut-off alone."""
    known = {f"{policy.cutoff_pd:.0%}"}
    rows = economics.filter((pl.col("figure") != "profit") | (pl.col("cutoff") == policy.cutoff_pd))
    for row in rows.iter_rows(named=True):
        values = [row[name] for name in ("value", "ci_low", "ci_high") if row[name] is not None]
        spec = ECONOMICS[row["figure"]]
        if spec.form.endswith("%"):
            known |= {spec.write(value) for value in values}
        else:
            known |= {about(value / months) for value in values for months in {1, months_of(row["window"])}}
    return known


def of_card(data: DeckData, parts: Sequence[str], *ways: str) -> set[str]:
    return in_ways(leaves([data.card[part] for part in parts]), *ways) if data.card else set()


def of_ablations(data: DeckData) -> set[str]:
    """What families of features and other teams' sources are worth, and the AUC with each family."""
    whole = [one["auc"] - one["change"] for one in data.card.get("ablations", ())]
    return of_card(data, ["ablations", "sources_compared"], "{:.3f}", "{:+.4f}") | in_ways(whole, "{:.3f}")


def of_policy(policy: Policy) -> set[str]:
    """Limits of the gate and of fairness, the terms of money, and the cut-off at which they break even."""
    terms = policy.economics
    even = terms.margin / (terms.margin + terms.loss_given_default)
    rules = in_ways(
        leaves([policy.gate.model_dump(), policy.fairness.model_dump()]), "{:g}", "{:.0%}", "{:.2f}"
    )
    return (
        rules
        | in_ways([terms.margin, terms.loss_given_default], "{:.1%}")
        | in_ways([even, policy.cutoff_pd], "{:.0%}")
        | {"100"}
    )


def newest_psi(data: DeckData) -> pl.DataFrame:
    """That of the newest month in which there was one."""
    rows = data.past.filter(metric="psi").drop_nulls("value")
    return rows.filter(pl.col("snapshot_date") == rows["snapshot_date"].max())


def gaps_of(data: DeckData) -> list[float]:
    pairs = compare_expected(data.past)
    return [abs((pairs["realised"] - pairs["expected"]).mean())] if pairs.height else []


def of_history(data: DeckData) -> set[str]:
    return in_ways([*data.history.values(), *data.developed_on.values()], "{:.0f}")


def of_sources(data: DeckData) -> set[str]:
    """Rows received and quarantined of each source, how many sources, and what they cover."""
    per_source = data.sources.group_by("source").agg(pl.selectors.numeric().sum())
    sums = [per_source.drop("source").sum().row(0), *per_source.drop("source").iter_rows()]
    counts = in_ways([value for row in sums for value in row], "{:,}") | {str(per_source.height)}
    return counts | in_ways(data.now.filter(metric="coverage")["value"], "{:.0%}")


def of_sizes(economics: pl.DataFrame) -> set[str]:
    return in_ways(economics["n"].drop_nulls(), "{:,}")


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
        bad.filter(metric="csi", snapshot_date=data.day).height,
        scored["snapshot_date"].n_unique(),
    ]


def leaves(tree: Any) -> list[float]:
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, list):
        return [float(len(tree)), *(leaf for part in tree for leaf in leaves(part))]
    return [float(tree)] if isinstance(tree, int | float) else []
