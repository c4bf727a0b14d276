"""Page 7: how the cohorts that ripened turned out, against what was forecast, and grade by grade."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from tasks.reporting.deck.blocks import Block, Page, Row, table
from tasks.reporting.deck.charts import Axis, Bar, Point, Series, axis_for, bar_chart, line_chart
from tasks.reporting.deck.data import DeckData, compare_expected, name_former_models, one_of
from tasks.reporting.deck.waiting import applications_chart, ripening_table
from tasks.reporting.words import list_names, window_name
from tasks.schemas.feature_store import name_histories
from tasks.schemas.monitoring import keep_metrics

PLAIN_PERFORMANCE = (
    "The higher the AUC, the better the score tells good from bad loans. Bars show how far chance alone "
    "can move it. "
    "Only loans that came due count as proof; the band is a forecast."
)


def build_performance(data: DeckData) -> Page:
    """How the cohorts that ripened turned out, against what was forecast, and grade by grade."""
    return Page(
        "Performance",
        _performance_title(data),
        PLAIN_PERFORMANCE,
        [Row([_auc_chart(data), _grades(data)], (1.25, 1), fill=True), Row([_proof(data)])],
    )


def _performance_title(data: DeckData) -> str:
    auc = one_of(data, "pooled_auc")
    if not data.card:
        return "No application was scored yet: nothing can be told of performance"
    if auc is None:
        return "No cohort that was scored is ripe: performance is only a forecast so far"
    words = {"green": "not significantly below", "amber": "probably below", "red": "significantly below"}
    words["green"] = "above" if auc["ci_low"] > auc["reference"] else words["green"]
    who = name_former_models(auc, data) or "the score"
    return (
        f"On loans of {window_name(auc['window'])} {who} reached an AUC of {auc['value']:.3f}, "
        f"{words.get(auc['status'], 'beside')} the {auc['reference']:.3f} of development{_off(data)}"
    )


def _off(data: DeckData) -> str:
    """By how much defaults are beside those predicted, where that is beyond a limit."""
    ratio = one_of(data, "calibration_in_the_large")
    if ratio is None or ratio["status"] not in ("amber", "red"):
        return ""
    return f"; {ratio['value']:.2f} times the predicted defaults"


def _auc_chart(data: DeckData) -> Block:
    forecast = _by_month(keep_metrics(data.past, "expected_auc").filter(pl.col("subject") == "score"))
    realised = _by_month(
        keep_metrics(data.past, "auc").filter(
            pl.col("window").str.starts_with("cohort "), pl.col("subject") == "score"
        )
    )
    if not forecast and not realised:
        return ripening_table(data)
    series = [
        Series("forecast at scoring", "band", "soft", forecast),
        Series("realised", "dots", "accent", realised),
    ]
    values = [v for one in series for p in one.points for v in (p.value, p.low, p.high)]
    return line_chart(
        "AUC by application month, with 95% intervals",
        series,
        axis_for([*values, 1.0], lambda v: f"{v:.2f}"),
        alt="AUC by application month, forecast at scoring and realised once ripe",
        xlabel="application month",
    )


def _by_month(rows: pl.DataFrame) -> list[Point]:
    """Points of a metric by the month of its window; of figures measured twice the newest."""
    newest = rows.drop_nulls("value").sort("snapshot_date").unique("window", keep="last", maintain_order=True)
    return [
        Point(date.fromisoformat(f"{row['window'][-7:]}-01"), row["value"], row["ci_low"], row["ci_high"])
        for row in newest.sort("window").to_dicts()
    ]


def newest_grades(data: DeckData) -> pl.DataFrame:
    """Rows of the bad rates by grade of the newest month that has them."""
    rows = keep_metrics(data.past, "grade_bad_rate").filter(pl.col("subject").str.len_chars() == 1)
    return rows.filter(pl.col("snapshot_date") == pl.col("snapshot_date").max()).sort("subject")


def _grades(data: DeckData) -> Block:
    rows = newest_grades(data).drop_nulls("value")
    if rows.is_empty():
        return applications_chart(data)
    missed = set(rows.filter(pl.col("status").is_in(["amber", "red"]))["subject"])
    bars = [
        Bar(
            f"{row['subject']} ({row['n']:,})",
            row["value"],
            row["ci_low"],
            row["ci_high"],
            f"{row['value']:.0%}, expected {row['reference']:.0%}",
            "alarm" if row["subject"] in missed else "accent",
        )
        for row in rows.to_dicts()
    ]
    said = f"grade {list_names(sorted(missed))} missed" if missed else "all within limits"
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    return bar_chart(
        f"Bad rate by grade, {window_name(rows['window'][0])}: {said}",
        bars,
        Axis(0, 1, lambda v: f"{v:.0%}", ticks),
        alt="Observed bad rate of each grade with 95% interval beside the expected one",
        xlabel="observed bad rate, 95% interval (loans in brackets)",
    )


def _proof(data: DeckData) -> Block:
    pairs = compare_expected(data.past)
    rows: list[Sequence[str]] = []
    if pairs.height:
        kept = pairs.filter(pl.col("realised").is_between("low", "high")).height
        gap = pairs.select((pl.col("realised") - pl.col("expected")).mean()).item()
        side = "optimistic by" if gap < 0 else "cautious by"
        rows.append(
            ["Forecast of AUC", f"{kept} of {pairs.height} cohorts within the band", f"{side} {abs(gap):.3f}"]
        )
    auc = one_of(data, "pooled_auc")
    if auc:
        limits = f"{auc['ci_low']:.3f} to {auc['ci_high']:.3f}"
        found = f"{auc['value']:.3f} ({limits}), development {auc['reference']:.3f}"
        rows.append([f"AUC, {window_name(auc['window'])}", found, _status(auc)])
        rows += _explain_rise(auc, data)
    ratio, arrears = one_of(data, "calibration_in_the_large"), one_of(data, "early_arrears")
    if ratio:
        limits = f"{ratio['ci_low']:.2f} to {ratio['ci_high']:.2f}"
        rows.append(
            [
                f"Observed/expected defaults, {window_name(ratio['window'])}",
                f"{ratio['value']:.2f} ({limits})",
                _status(ratio),
            ]
        )
    if arrears:
        rows.append(
            [
                f"Early arrears, {window_name(arrears['window'])}",
                f"{arrears['value']:.1%}, expected {arrears['reference']:.1%}",
                _status(arrears),
            ]
        )
    slope = one_of(data, "calibration_slope")
    if slope:
        rows.append(
            [
                "Calibration slope (1: PDs neither too extreme nor too timid)",
                f"{slope['value']:.2f}",
                _status(slope),
            ]
        )
    if not rows:
        rows = [
            [
                "Nothing is proven yet",
                f"first proof {data.label_mob} months after the first scored application",
                "-",
            ]
        ]
    return table(
        "Proven by loans that came due", ("What", "Value", "Against its limits"), rows, widths=(1.6, 1.4, 1)
    )


def _explain_rise(auc: Mapping[str, Any], data: DeckData) -> list[Sequence[str]]:
    """Why an AUC that is significantly above development may be so: longer histories, or nothing known."""
    then = max((data.developed_on.get(name, 0.0) for name in auc["model_id"].split()), default=0.0)
    now = data.history.get(auc["window"][-7:])
    if auc["ci_low"] <= auc["reference"] or not then or now is None:
        return []
    known = f"median {now:.0f} months of {name_histories()} known, {then:.0f} at development"
    verdict = "longer histories say more" if now > then else "not explained by histories: validate it"
    return [["Why above development", known, verdict]]


def _status(row: Mapping[str, Any]) -> str:
    words = {"green": "within its limits", "measured": "reported without a limit"}
    status = str(row["status"])
    return words.get(status, status)
