"""Which numbers a report and a model card say, and which their tables and files hold."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

import polars as pl

from tasks.governance.policy import Policy
from tasks.reporting.words import about, window_name
from tests.reporting.deck_numbers import DAY_OR_MODEL, FIXED, NUMBER, SPOKEN, WAYS, leaves
from tests.reporting.recomputed import Month

ALL_WAYS = (*WAYS, "{:.0f}", "{:+.2f}", "{:.4g}")
NAMES = re.compile(r"\b(fe_\d+\w*|SHA-256|\w*dpd_\w*mob|[0-9a-f]{12,64})\b")
DATA = re.compile(r"<details><summary>Data.*?</details>", flags=re.S)


def numbers_in(text: str) -> list[str]:
    for pattern in (DAY_OR_MODEL, SPOKEN, NAMES):
        text = pattern.sub("", text)
    for fixed in (*FIXED, "an age below 18"):
        text = text.replace(fixed, "")
    return [match.strip(",") for match in NUMBER.findall(text)]


def numbers_of_report(html: str) -> list[str]:
    """The numbers that a reader of the page sees, but for the tables of data behind its charts."""
    body = re.sub(r"<style.*?</style>", "", DATA.sub("", html), flags=re.S)
    return numbers_in(unescape(re.sub(r"<[^>]*>", "\n", body)))


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


def known_to_report(month: Month, policy: Policy, registry: str) -> set[str]:
    """Every way in which a number of the day, the actions, the registry and the policy may be written."""
    at_cutoff = (pl.col("figure") != "profit") | (pl.col("cutoff") == policy.cutoff_pd)
    economics, actions = month.of_month("gold/economics").filter(at_cutoff), month.table("gold/actions")
    monitoring = month.of_month("gold/monitoring")
    grades = month.scored.group_by("grade").len()
    counts = [*monitoring.group_by("metric", "status").len()["len"], *grades["len"], month.scored.height]
    shares = [n / month.scored.height for n in grades["len"]]
    words = [word for column in actions.select(pl.col(pl.String)) for word in column.drop_nulls()]
    earlier = actions.filter(pl.col("snapshot_date") < month.day).height
    values = [*_cells(monitoring), *_cells(economics), *_cells(actions), *counts, *shares, earlier]
    values += [number * sign for number in leaves(policy.model_dump()) for sign in (1, -1)]
    words += [registry, *texts_in(policy.model_dump())]
    return written(values, words) | {about(value) for value in _cells(economics)}


def known_to_card(card: dict[str, Any]) -> set[str]:
    """Every way in which a number of a card may be written."""
    return written(leaves(card), texts_in(card))


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
