"""Which numbers a report and a model card say, and which their tables and files hold."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.reporting.report_sections import BESIDE
from tasks.reporting.words import window_name
from tasks.schemas.monitoring import SPECS
from tests.reporting.cost_numbers import of_costs, of_declined, of_watch
from tests.reporting.deck_numbers import (
    DAY_OR_MODEL,
    FIXED,
    NUMBER,
    SPOKEN,
    WAYS,
    leaves,
    of_figures,
    of_money,
)
from tests.reporting.recomputed import Month

ALL_WAYS = (*WAYS, "{:.0f}", "{:+.2f}", "{:.4g}")
NAMES = re.compile(r"\b(fe_\d+\w*|SHA-256|\w*dpd_\w*mob|[0-9a-f]{12,64})\b")
SOFT = re.compile(r'<span class="soft">.*?</span>', flags=re.S)
WHOLE = ("causes", "actions", "models", "policy", "sign-off")  # sections that speak of several things
# Metrics that a section speaks of beside those whose rows are the data of its chart.
ASIDE = {
    "calibration_in_the_large": ("spiegelhalter_z_raw",),
    "coverage": ("csi", "path_mix"),
    "expected_auc": ("optimistic_forecasts",),
}
DATA = re.compile(r"<details><summary>Data.*?</details>", flags=re.S)


def numbers_in(text: str) -> list[str]:
    for pattern in (DAY_OR_MODEL, SPOKEN, NAMES):
        text = pattern.sub("", text)
    for fixed in (*FIXED, "1 for an age below 18", "different from 1"):
        text = text.replace(fixed, "")
    return [match.strip(",") for match in NUMBER.findall(text)]


def numbers_by_part(html: str) -> dict[str, list[str]]:
    """The numbers that a reader of each part of the page sees, but for the tables of data behind its charts.

    A section is told by its id; what it says of the policy, in small letters, is the part `<id> rule`. The
    table of lights has none of its own: `findings_of` looks at it.
    """
    body = re.sub(r"<style.*?</style>", "", DATA.sub("", html), flags=re.S)
    parts = {"header": body[: body.index("<section")]}
    for name, text in re.findall(r'<section id="([^"]+)"(.*?)</section>', body, flags=re.S):
        if name in WHOLE:
            parts[name] = text
        elif name != "lights":
            parts[name], parts[f"{name} rule"] = SOFT.sub("", text), " ".join(SOFT.findall(text))
    return {name: numbers_in(unescape(re.sub(r"<[^>]*>", "\n", text))) for name, text in parts.items()}


def findings_of(html: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Id and finding of each section, by the table of lights and by the section."""
    lights = re.findall(r'<td><a href="#(\w+)">.*?</td><td>(.*?)</td></tr>', html, flags=re.S)
    parts = re.findall(r'<section id="(\w+)"(.*?)</section>', html, flags=re.S)
    said = [
        (name, re.search(r"<(?:figcaption|p)>(.*?) <span class", text, flags=re.S)) for name, text in parts
    ]
    return lights, [(name, found[1]) for name, found in said if found and name not in WHOLE]


def data_of_report(html: str, width: int) -> list[tuple[str, ...]]:
    """The rows of the data tables that are so many columns wide, as written."""
    rows = [
        row for table in DATA.findall(html) for row in re.findall(r"<tr>(<td>.*?)</tr>", table, flags=re.S)
    ]
    cells = [tuple(unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", row, flags=re.S)) for row in rows]
    return [row for row in cells if len(row) == width]


def rows_of_monitoring(month: Month) -> set[tuple[str, str, str, str, str]]:
    """Window, value, interval, n and status of each measured figure, in every way in which it is written."""
    written = set[tuple[str, str, str, str, str]]()
    for row in month.table("gold/monitoring").iter_rows(named=True):
        low, high = row["ci_low"], row["ci_high"]
        for way in ALL_WAYS:
            value = "" if row["value"] is None else way.format(row["value"])
            interval = "" if low is None else f"{way.format(low)} to {way.format(high)}"
            written.add((window_name(row["window"]), value, interval, f"{row['n']:,}", row["status"]))
    return written


def known_by_part(month: Month, policy: Policy, registry: str) -> dict[str, set[str]]:
    """Of each part of the page: every way in which a number of what it speaks of may be written."""
    monitoring, actions = month.of_month("gold/monitoring"), month.table("gold/actions")
    spoken = [word for column in actions.select(pl.col(pl.String)) for word in column.drop_nulls()]
    earlier = actions.filter(pl.col("snapshot_date") < month.day).height
    done = written([*_cells(actions), earlier], spoken)
    rules = written(
        [n * sign for n in leaves(policy.model_dump()) for sign in (1, -1)], texts_in(policy.model_dump())
    )
    measured = {
        spec.drawing or spec.name: of_figures(
            monitoring.filter(pl.col("metric").is_in(_spoken_of(spec.name)))
        )
        for spec in SPECS
        if spec.section
    }
    fairness = of_figures(monitoring.filter(metric="fairness"))
    costs = of_costs(month.table("gold/economics"), monitoring, policy) | {"100"}
    costs |= of_watch(monitoring, policy) | of_declined(
        month.scored_loans, monitoring, month.of_month("gold/economics"), policy
    )
    story = fairness.union(*measured.values()) | of_money(month.of_month("gold/economics"), policy) | done
    return {
        **measured,
        **dict.fromkeys(("money", "paths"), of_money(month.of_month("gold/economics"), policy)),
        "grade_mix": _of_grades(month),
        "fairness": fairness,
        **dict.fromkeys(("header", "causes"), story | costs),
        "actions": done,
        "models": set(numbers_in(registry)),
        "policy": rules,
        "rule": rules,
    }


def _spoken_of(metric: str) -> tuple[str, ...]:
    """The metrics that the section of one speaks of."""
    return (metric, *BESIDE.get(metric, ()), *ASIDE.get(metric, ()))


def _of_grades(month: Month) -> set[str]:
    counts, total = month.scored.group_by("grade").len()["len"], month.scored.height
    return {f"{total:,}", *(f"{n / total:.0%}" for n in counts)}


# What each section of a card is made from.
PARTS_OF_CARD = {
    "": ("candidates", "data", "purpose", "recalibration"),
    "Use": ("use",),
    "Data": ("data", "reading"),
    "Results by group, out of time": ("subgroups",),
    "Candidates, out of time": ("candidates", "readings"),
    "Gate": ("gate",),
    "Score paths: which model answers when a source is missing": ("fallbacks", "grade_limits"),
    "Results by length of history": ("by_history",),
    "Tuning": ("setup", "candidates"),
    "Value of families of features": ("ablations", "sources_compared"),
    "Limitations": ("limits",),
    "Code": ("code",),
    "Appendix: features": (),
}


def numbers_of_card(text: str) -> dict[str, list[str]]:
    """The numbers of each section of a card, by its heading; those before the first by none."""
    head, *sections = re.split(r"^## ", text, flags=re.M)
    parts = {"": head, **{one.partition("\n")[0]: one.partition("\n")[2] for one in sections}}
    return {name: numbers_in(part) for name, part in parts.items()}


def known_to_card(card: dict[str, Any], section: str) -> set[str]:
    """Every way in which a number of a section of a card may be written."""
    parts = [card.get(part) for part in PARTS_OF_CARD[section]]
    return written(leaves(parts), texts_in(parts))


def written(values: Iterable[float], words: Iterable[str]) -> set[str]:
    forms = {way.format(value) for value in values for way in ALL_WAYS}
    forms |= {form.lstrip("+-") for form in forms}
    return forms | set(numbers_in("\n".join(words)))


def texts_in(tree: Any) -> list[str]:
    """Every text in a tree of records and lists."""
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else []
    return [tree] if isinstance(tree, str) else [text for part in parts for text in texts_in(part)]


def _cells(rows: pl.DataFrame) -> list[float]:
    numeric = rows.select(pl.selectors.numeric())
    return [value for column in numeric for value in column if value is not None]
