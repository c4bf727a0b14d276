"""Page 2: what the model earns and costs."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tasks.reporting.asks import (
    CUTOFF_TRIGGERS,
    is_cutoff_asked,
    name_best,
    name_gain,
    owner_of,
    recommended_cutoff,
)
from tasks.reporting.deck.blocks import Block, Page, Row, table, text
from tasks.reporting.deck.charts import Axis, Guide, Point, Series, axis_for, curve_chart
from tasks.reporting.deck.data import DeckData, lacks_economics
from tasks.reporting.deck.waiting import break_even, break_even_chart
from tasks.reporting.words import about, month_name, months_in, window_name
from tasks.schemas.economics import ALL, ECONOMICS, keep_economics

TICKS = tuple(number / 5 for number in range(6))
NO_MONEY = "What a model will earn cannot be told before it scores applications"


NOT_MEASURED = (
    "What the model earns was not measured by the code that ran this month: run monitoring once more"
)


def build_money(data: DeckData) -> Page:
    """What the model earns at its cut-off, and what another would earn."""
    profit, realised = (data.facts.money("profit", basis) for basis in ("expected", "realised"))
    best = data.facts.best_cutoff
    if best is None or (profit is None and realised is None):
        rows = [
            Row([text(_why_nothing(data), size=14)]),
            Row([break_even_chart(data)], fill=True),
            Row([_terms(data)]),
        ]
        title = NOT_MEASURED if lacks_economics(data) else NO_MONEY
        return Page("Money", title, _plain(data), rows)
    title = _title(data, profit, best) if profit else _title_of_ripe(data, realised or best)
    rows = [Row([_curve(data), _worth(data)], (1, 1.25), fill=True), Row([_terms(data)])]
    return Page("Money", title, _plain(data), rows)


def _title_of_ripe(data: DeckData, realised: Mapping[str, Any]) -> str:
    since = month_name(data.facts.paused_since or data.day)
    return (
        f"Nobody has applied from {since} on; loans of {window_name(realised['window'])} earned "
        f"{about(_of_a_month(realised)['value'])} a month at the cut-off of {data.policy.cutoff_pd:.0%}"
    )


def _title(data: DeckData, profit: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    cutoff, chosen = data.policy.cutoff_pd, recommended_cutoff(data.facts)
    earned = (
        f"At the cut-off of {cutoff:.0%}, {month_name(data.day)} is expected to earn {about(profit['value'])}"
    )
    if chosen not in (None, cutoff, best["value"]):
        month = month_name(data.day)
        earned = f"At a cut-off of {cutoff:.0%}, {month} earns {about(profit['value'])} if the PDs hold"
    verdict = f"{cutoff:.0%} is within that range and may stay"
    if is_cutoff_asked(data.facts):
        verdict = _recommended(data, best)
    elif data.facts.better_cutoff:
        verdict = f"it {name_gain(data.facts)}"
    return f"{earned}; {name_best(best)}: {verdict}"


def _recommended(data: DeckData, best: Mapping[str, Any]) -> str:
    """What page 1 recommends to set, beside the best cut-off."""
    cutoff, chosen = data.policy.cutoff_pd, recommended_cutoff(data.facts)
    if chosen is None:
        return "page 1 says who decides on it"
    if chosen == cutoff:
        return f"page 1 recommends to leave it at {cutoff:.0%}"
    if chosen == best["value"]:
        return "page 1 recommends to set that"
    return f"page 1 recommends {chosen:.0%}, since newer loans are in arrears"


def _plain(data: DeckData) -> str:
    lgd, margin = _term(data, "lgd"), data.policy.economics.margin
    share = data.policy.economics.loss_given_default if lgd is None else lgd["value"]
    even = margin / (margin + share)
    return (
        f"A good loan earns {margin:.1%} of its amount, a bad one loses {share:.1%}, so that a loan breaks "
        f"even at a PD of {even:.0%}. Approve too many and the bad ones eat the profit, too few and good "
        f"customers are sent away. {_describe_top(data)}"
    )


def _describe_top(data: DeckData) -> str:
    """What the top of the curve says of the cut-off."""
    best = data.facts.best_cutoff
    if best is None:
        even = break_even(data.policy)
        return (
            f"A loan of a PD above {even:.0%} loses by these terms: there the line is below zero, and the "
            f"cut-off of {data.policy.cutoff_pd:.0%} is to be reviewed before a model serves."
        )
    if is_cutoff_asked(data.facts):
        chosen = recommended_cutoff(data.facts)
        if chosen not in (None, best["value"], data.policy.cutoff_pd):
            return (
                "The peak is the best place to stop if the PDs hold. Newer loans are in arrears more often "
                f"than their PDs say, hence {chosen:.0%}."
            )
        return f"The peak is the best place to stop if the PDs hold. {_two_bests(data)}"
    if data.facts.money("profit") is None:
        if data.facts.better_cutoff:
            limits = f"{best['ci_low']:.0%} to {best['ci_high']:.0%}"
            who = owner_of(CUTOFF_TRIGGERS[0], data.facts)
            when = "Nobody applies now; should lending resume"
            return f"{when}, {who} sets the cut-off first: {limits} was best."
        return "Nobody applies now; the cut-off matters again once lending resumes."
    if data.facts.better_cutoff:
        return f"The peak is the best place to stop. {_two_bests(data)}"
    return (
        f"The top of the curve is flat: from {best['ci_low']:.0%} to {best['ci_high']:.0%} every cut-off may "
        f"be the best, as what loans beyond the break-even lose is within chance. {_two_bests(data)}"
    )


def _two_bests(data: DeckData) -> str:
    """Why forecast and ripe loans put the best cut-off at two places; empty where they do not."""
    found = [data.facts.money("best_cutoff", basis) for basis in ("expected", "realised")]
    forecast, ripe = found
    if forecast is None or ripe is None or f"{forecast['value']:.0%}" == f"{ripe['value']:.0%}":
        return ""
    two = f"The forecast's best of {forecast['value']:.0%} and the ripe loans' of {ripe['value']:.0%}"
    if forecast["ci_low"] <= ripe["ci_high"] and ripe["ci_low"] <= forecast["ci_high"]:
        counts = "forecast's" if data.facts.lacks_source else "ripe loans'"
        return f"{two} differ by chance, as their ranges overlap; the {counts} counts."
    return f"{two} differ by more than chance: only the ripe loans are proof."


def _why_nothing(data: DeckData) -> str:
    if lacks_economics(data):
        return (
            "Older code monitored this month. Measure it with: vintage run monitoring --date "
            f"{data.day}. Policy "
            f"cut-off: a PD of {data.policy.cutoff_pd:.0%}."
        )
    return (
        "No application of this month was scored, so there is no profit to expect. What a loan earns "
        "and loses "
        f"is stated below; the first figures come with the first scored month. Policy cut-off: a PD of "
        f"{data.policy.cutoff_pd:.0%}."
    )


def _points(data: DeckData, basis: str) -> tuple[str, list[Point]]:
    """The window of a curve, and its points, as many as can be seen."""
    best = data.facts.money("best_cutoff", basis)
    if best is None:
        return "", []
    rows = keep_economics(data.economics, "profit", basis=basis, path=ALL, window=best["window"])
    rows = rows.filter(pl.col("snapshot_date") == data.day).sort("cutoff")
    points = [
        Point(row["cutoff"], row["value"], row["ci_low"], row["ci_high"])
        for row in rows.iter_rows(named=True)
    ]
    return best["window"], points


def _per_month(points: list[Point], window: str) -> list[Point]:
    """Pooled cohorts as a month of them, so that the curves can be compared."""
    months = months_in(window)
    return [
        Point(
            p.at,
            p.value / months,
            None if p.low is None else p.low / months,
            None if p.high is None else p.high / months,
        )
        for p in points
    ]


def _curve(data: DeckData) -> Block:
    month, expected = _points(data, "expected")
    cohorts, realised = _points(data, "realised")
    series = [Series(f"forecast, {window_name(month)}", "band", "accent", expected)] if expected else []
    if realised:
        scaled = _per_month(realised, cohorts)
        series.append(Series("realised, ripe cohorts, a month", "line", "grey", scaled))
    best = data.facts.best_cutoff
    values = [value for one in series for p in one.points for value in (p.value, p.low, p.high)]
    cutoff = data.policy.cutoff_pd
    guides = [Guide("x", cutoff, f"cut-off {cutoff:.0%}")]
    if best:
        words = f"best {best['value']:.0%}"
        guides.append(Guide("x", best["value"], words, "accent"))
    chosen = recommended_cutoff(data.facts)
    if chosen is not None and chosen not in (cutoff, best["value"] if best else None):
        guides.append(Guide("x", chosen, f"page 1: {chosen:.0%}"))
    return curve_chart(
        f"Profit of a month over the cut-off{', 95% interval' if expected else ''}",
        series,
        Axis(0, 1, lambda share: f"{share:.0%}", TICKS),
        axis_for(values, about),
        alt="Profit over the cut-off, expected by PDs and realised by labels, with the policy's cut-off",
        xlabel="cut-off: applications with a PD up to this are approved",
        guides=guides,
    )


def _worth(data: DeckData) -> Block:
    rows = [
        _line("Profit at the cut-off", "profit", data),
        _line("Loss on approved loans", "loss", data),
        _line("Approved", "approval_rate", data),
        _line("Bad rate among approved", "bad_rate_approved", data),
        _line("Best cut-off", "best_cutoff", data),
        _line("Worth against all approved", "value_over_all", data),
        _line("Worth against model before", "value_over_former", data),
        _line("Newly approved: bad rate", "swapped_in", data),
        _line("Newly declined: bad rate", "swapped_out", data),
        _line("Cost of missing sources", "path_cost", data),
    ]
    realised = data.facts.money("profit", "realised")
    of = window_name(realised["window"]) if realised else "not ripe yet"
    together = ", a month" if " to " in of else ""
    rows = [row for row in rows if {*row[1:]} != {"-"}]
    header = ("", f"Forecast, {month_name(data.day)}", f"Realised, {of}{together}")
    known = [at for at in range(3) if {row[at] for row in rows} != {"-"}]
    shown = [[row[at] for at in known] for row in rows]
    widths = [(0.85, 1, 1)[at] for at in known]
    return table("What the model is worth", [header[at] for at in known], shown, widths=widths, inset=2)


def _line(label: str, figure: str, data: DeckData) -> list[str]:
    found = [data.facts.money(figure, basis) for basis in ("expected", "realised")]
    return [label, *(_value(row, figure, data) for row in found)]


def _value(row: Mapping[str, Any] | None, figure: str, data: DeckData) -> str:
    if row is None:
        return "-"
    if figure.startswith("swapped") and row["n"] < data.policy.paths.min_loans:
        return f"{row['n']:,} loan{'s' * (row['n'] != 1)}: too few to tell"
    if figure == "value_over_former" and row["value"] == row["ci_low"] == row["ci_high"] == 0:
        return "both approve the same"
    spec = ECONOMICS[figure]
    if spec.form.endswith("%"):
        words = f"{spec.write(row['value'])} ({spec.write(row['ci_low'])} to {spec.write(row['ci_high'])})"
        count = f", n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{row['n']:,}"
        return words + count if figure.startswith("swapped") else words
    value, low, high = (about(_of_a_month(row)[name]) for name in ("value", "ci_low", "ci_high"))
    return f"{value} ({low} to {high})"


def _of_a_month(row: Mapping[str, Any]) -> dict[str, float]:
    """An amount and its interval a month, of several cohorts together their mean."""
    months = months_in(row["window"])
    return {name: row[name] / months for name in ("value", "ci_low", "ci_high")}


def _term(data: DeckData, figure: str) -> Mapping[str, Any] | None:
    rows = keep_economics(data.economics, figure).filter(pl.col("snapshot_date") == data.day)
    return rows.row(0, named=True) if rows.height else None


def _terms(data: DeckData) -> Block:
    lgd = _term(data, "lgd")
    margin = f"{data.policy.economics.margin:.1%} of the amount granted"
    lost = f"{data.policy.economics.loss_given_default:.1%} of the amount granted"
    basis, how = "assumption", "policy, until enough bad loans have come to the end of their term"
    if lgd is not None and lgd["basis"] == "measurement":
        lost = f"{lgd['value']:.1%} ({lgd['ci_low']:.1%} to {lgd['ci_high']:.1%}) of the amount granted"
        basis, how = "measurement", f"left unpaid by {lgd['n']:,} bad loans at the end of their term"
    rows = [
        [
            "Margin of a good loan",
            margin,
            "assumption",
            "policy: change it there when finance states its own",
        ],
        ["Loss given default", lost, basis, how],
    ]
    return table("On what this rests", ("", "Value", "Kind", "From"), rows, widths=(1, 1.4, 0.6, 2))
