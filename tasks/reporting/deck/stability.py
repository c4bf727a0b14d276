"""Page 8: whether the applicants changed, and by which path they were scored."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tasks.reporting.deck.blocks import Block, Page, Row
from tasks.reporting.deck.charts import LETTER, Guide, Point, Series, axis_for, line_chart
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.waiting import applications_chart, ripening_table, rows_chart
from tasks.reporting.words import month_name
from tasks.schemas.monitoring import keep_metrics

MAX_FEATURES, MAX_MONTHS, MAX_PATHS = 7, 8, 4
COLOURS = ("accent", "alarm", "soft", "grey")
COMPLETE = "none"
CLOSE = 0.12  # of the axis: limits closer than this share one label
PLAIN = (
    "If the people who apply change, the model is used on people it did not learn from. PSI compares "
    "scores, CSI one "
    "feature, each with the training data: below the dashed line chance alone can explain the difference."
)


def build_stability(data: DeckData) -> Page:
    """PSI over the months, the features that moved most, the mix of score paths."""
    return Page(
        "Stability",
        _title(data),
        PLAIN,
        [Row([_psi(data), _paths(data)], (1.25, 1), fill=True), Row([_features(data)], fill=True)],
    )


def _scores(data: DeckData) -> pl.DataFrame:
    rows = keep_metrics(data.past, "psi").filter(pl.col("subject") == "score").drop_nulls("value")
    return rows.sort("snapshot_date")


def _title(data: DeckData) -> str:
    scored = _scores(data)
    if scored.is_empty():
        return "No month was scored yet, so stability cannot be measured"
    beyond = scored.filter(pl.col("status").is_in(["amber", "red"])).height
    last = scored.row(-1, named=True)
    state = (
        "stays within its limits" if not beyond else f"left its limits in {beyond} of {scored.height} months"
    )
    moved = data.now.filter(pl.col("metric") == "csi", pl.col("status").is_in(["amber", "red"])).height
    features = f"; {moved} feature{'s are' if moved > 1 else ' is'} outside a limit" if moved else ""
    psi = f"PSI {last['value']:.3f} in {month_name(last['snapshot_date'])}"
    return f"The score {state}: {psi}{features}{_mix_words(data)}"


def _mix_words(data: DeckData) -> str:
    if data.facts.paused_since:
        return f"; nobody has applied since {month_name(data.facts.paused_since)}"
    share = _complete(data)
    return "" if share is None else f"; {share:.0%} of applicants are scored by the complete model"


def _complete(data: DeckData) -> float | None:
    """Share of the newest scored month's applications that the complete model scored."""
    now = data.mix.filter(pl.col("month") == data.mix["month"].max()) if data.mix.height else data.mix
    total = int(now["n"].sum())
    return int(now.filter(pl.col("path") == COMPLETE)["n"].sum()) / total if total else None


def _psi(data: DeckData) -> Block:
    scored = _scores(data)
    if scored.is_empty():
        return applications_chart(data)
    rows = scored.to_dicts()
    changes = [rows[at]["model_id"] != rows[at + 1]["model_id"] for at in range(len(rows) - 1)]
    line = [
        Point(row["snapshot_date"], row["value"], broken=broken)
        for row, broken in zip(rows, [*changes, False], strict=True)
    ]
    limits = _limits(rows[-1], data)
    values = [point.value for point in line] + [limit for _, limit in limits]
    y = axis_for(values, lambda v: f"{v:.2f}", low=0.0)
    labels = {name: f"{name} {limit:.3g}" for name, limit in limits}
    if len(limits) == 2 and y.share(limits[1][1]) - y.share(limits[0][1]) < CLOSE:
        labels = {"amber": "", "red": ", ".join(labels.values())}
    return line_chart(
        "PSI of the score, the line broken where the champion changed",
        [Series("", "line", "accent", line)],
        y,
        alt="PSI of the score by month, with its amber and red limits",
        xlabel="application month",
        guides=[Guide("y", limit, labels[name]) for name, limit in limits],
    )


def _limits(newest: Mapping[str, Any], data: DeckData) -> list[tuple[str, float]]:
    """Amber and red of the newest month, which few applications may have raised; else the policy's."""
    stated = dict(zip(("amber", "red"), data.policy.limits_of("psi"), strict=True))
    limits = {name: limit if newest[name] is None else newest[name] for name, limit in stated.items()}
    return [(name, limit) for name, limit in limits.items() if limit is not None]


def _paths(data: DeckData) -> Block:
    if data.mix.is_empty():
        return rows_chart(data)
    months = data.mix["month"].unique().sort().to_list()
    totals = data.mix.group_by("path").agg(pl.sum("n")).sort("n", "path", descending=[True, False])
    paths = sorted(totals["path"].head(MAX_PATHS).to_list(), key=lambda path: path != COMPLETE)
    step = -(-len(months) // 6)
    columns = [
        {"label": f"{month:%b %y}" if at % step == 0 else "", "shares": _shares(data.mix, month, paths)}
        for at, month in enumerate(months)
    ]
    names = ["complete model" if path == COMPLETE else f"without {path.replace('+', ', ')}" for path in paths]
    series = [
        {"name": name, "look": "fill", "colour": colour} for name, colour in zip(names, COLOURS, strict=False)
    ]
    newest = "last" if data.facts.paused_since else "now"
    return {
        "kind": "stacked",
        "title": f"Score paths by month, {newest} {_complete(data):.0%} complete",
        "alt": "Share of applications by score path and month",
        "series": series,
        "columns": columns,
    }


def _shares(mix: pl.DataFrame, month: object, paths: list[str]) -> list[float]:
    own = mix.filter(pl.col("month") == month)
    total = int(own["n"].sum())
    return [int(own.filter(pl.col("path") == path)["n"].sum()) / total for path in paths]


def _features(data: DeckData) -> Block:
    rows = keep_metrics(data.past, "csi").drop_nulls("value")
    if rows.is_empty():
        return ripening_table(data)
    months = rows["snapshot_date"].unique().sort()[-MAX_MONTHS:].to_list()
    recent = rows.filter(pl.col("snapshot_date").is_in(months))
    outside = pl.col("status").is_in(["amber", "red"]) & (pl.col("snapshot_date") == data.day)
    peaks = recent.group_by("subject").agg(now=outside.any(), peak=pl.max("value"))
    order = peaks.sort("now", "peak", "subject", descending=[True, True, False])
    names = order["subject"].head(MAX_FEATURES).to_list()
    cells = {(row["subject"], row["snapshot_date"]): row for row in recent.to_dicts()}
    levels = {"amber": 1, "red": 2}
    drawn = [
        {
            "label": name,
            "cells": [
                {
                    "label": f"{cells[name, month]['value']:.2f}" if (name, month) in cells else "",
                    "level": levels.get(cells[name, month]["status"], 0) if (name, month) in cells else 0,
                }
                for month in months
            ],
        }
        for name in names
    ]
    return {
        "kind": "heat",
        "title": f"CSI of {len(names)} features, those outside a limit now and that moved most first (pale: "
        "within its limit; light: amber; dark: red)",
        "alt": "CSI of the features that are outside a limit or moved most, by month",
        "left": 14 + LETTER * max(map(len, names)),
        "rows": drawn,
        "columns": [f"{month:%b %y}" for month in months],
    }
