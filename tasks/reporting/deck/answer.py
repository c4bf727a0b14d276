"""Page 1: what happened, what it costs, what to decide, by when."""

from datetime import date

import polars as pl

from tasks.reporting.deck.blocks import Block, Mark, Page, Row, numbers, points, stack
from tasks.reporting.deck.charts import Point, Series, axis_for, line_chart
from tasks.reporting.deck.data import (
    DeckData,
    best_cutoff,
    better_cutoff,
    is_of_former_model,
    lacks_economics,
    name_best,
    one_of,
)
from tasks.reporting.deck.waiting import applications_chart, ripening_table
from tasks.reporting.story import TOPICS, Cause
from tasks.reporting.words import about, list_names, model_name, month_name, window_name
from tasks.schemas.economics import ALL, keep_economics

MAX_CAUSES = 2
TERMS = (
    "PD: the probability that a loan defaults. Cut-off: the PD up to which an application is approved. "
    "Bad rate: the "
    "share of loans that default. AUC: how well the score ranks (0.5 is a coin, 1 is perfect). Ripe: "
    "old enough to judge. "
    "Realised is proven by ripe loans; a forecast rests on PDs."
)


def build_answer(data: DeckData) -> Page:
    """The answer of the month."""
    return Page(
        "Answer",
        data.story.headline if data.card else _no_model(data),
        TERMS,
        [
            Row([numbers(_numbers(data))]),
            Row([_decisions(data), _bad_rates(data)], (1.35, 1), fill=True),
        ],
    )


def _no_model(data: DeckData) -> str:
    loans = int(data.months["loans"].sum())
    return (
        f"No model serves yet: {loans:,} applications are in, and too few of their cohorts are ripe to "
        "learn from"
    )


def _numbers(data: DeckData) -> list[tuple[str, str, str, Mark]]:
    rate, bad = data.facts.money("approval_rate"), data.facts.money("bad_rate_approved")
    profit, auc = data.facts.money("profit"), one_of(data, "pooled_auc")
    month = month_name(data.day)
    unmeasured = "run monitoring once more" if lacks_economics(data) else "no applications were scored"
    cut = f"{data.policy.cutoff_pd:.0%}"
    signal: Mark = "red" if bad and bad["reference"] and _is_worse(data) else ""
    against = (
        f"approved; {bad['reference']:.1%} with all sources"
        if bad and bad["reference"]
        else "among approved, forecast"
    )
    approved = ("-", "approved", unmeasured, "")
    found: list[tuple[str, str, str, Mark]] = [
        (f"{rate['value']:.1%}", "approved", f"at a PD up to {cut}, {month}", "") if rate else approved,
        (f"{bad['value']:.1%}", "expected bad rate", against, signal)
        if bad
        else ("-", "expected bad rate", unmeasured, ""),
        (about(profit["value"]), "expected profit of the month", f"{data.lender.currency}, forecast", "")
        if profit
        else ("-", "expected profit of the month", unmeasured, ""),
    ]
    if auc is None:
        return [*found, ("-", "AUC, realised", "no scored cohort is ripe yet", "")]
    by = "by a former model" if is_of_former_model(auc, data) else "realised"
    status: Mark = auc["status"] if auc["status"] in ("amber", "red") else ""
    return [*found, (f"{auc['value']:.3f}", f"AUC, {by}", window_name(auc["window"]), status)]


def _is_worse(data: DeckData) -> bool:
    return any(cause.name in ("source", "path_cost") for cause in data.story.causes)


def _decisions(data: DeckData) -> Block:
    causes = data.story.causes[:MAX_CAUSES]
    if not causes or not data.card:
        told = points("What to decide", _quiet(data), size=15)
        return told if data.card else stack(told, ripening_table(data, size=12, inset=3))
    rest = [TOPICS[cause.name] for cause in data.story.causes[MAX_CAUSES:]]
    more = f"; also outside a limit: {list_names(rest)}" if rest else ""
    title = f"What happened, what follows, what is asked{more}"
    told = {"kind": "causes", "title": title, "items": [_cause(one) for one in causes]}
    return told if len(causes) == MAX_CAUSES else stack(told, points("Otherwise", _quiet(data)[1:]))


def _bad_rates(data: DeckData) -> Block:
    """Bad rate among approved, month by month, forecast and realised."""
    rows = keep_economics(data.economics, "bad_rate_approved", path=ALL).drop_nulls("value")
    of_month = rows.filter(~pl.col("window").str.starts_with("cohorts"))
    series = [
        Series("forecast at scoring", "band", "soft", _by_month(of_month.filter(basis="expected"))),
        Series("realised", "dots", "accent", _by_month(of_month.filter(basis="realised"))),
    ]
    values = [value for one in series for p in one.points for value in (p.value, p.low, p.high)]
    if not values:
        return applications_chart(data)
    return line_chart(
        "Bad rate among approved, 95% interval",
        series,
        axis_for(values, lambda share: f"{share:.0%}", low=0.0),
        alt="Bad rate among approved applications by month, forecast at scoring and realised once ripe",
        xlabel="application month",
    )


def _by_month(rows: pl.DataFrame) -> list[Point]:
    newest = rows.sort("snapshot_date").unique("window", keep="last", maintain_order=True)
    return [
        Point(date.fromisoformat(f"{row['window'][-7:]}-01"), row["value"], row["ci_low"], row["ci_high"])
        for row in newest.sort("window").to_dicts()
    ]


def _cause(cause: Cause) -> dict[str, str]:
    ask = cause.ask or "nothing yet: it is not far or long enough outside its limit to require an action."
    return {
        "mark": cause.severity,
        "cause": cause.cause,
        "consequence": cause.consequence,
        "ask": ask,
        "proven": cause.proven,
    }


def _quiet(data: DeckData) -> list[tuple[Mark, str, str]]:
    if not data.card:
        return [
            ("open", "Now:", "no application is scored; underwriters decide as before."),
            ("open", "Next:", f"a loan is old enough to judge after {data.label_mob} months on book."),
            ("open", "Then:", "the first model is trained, and serves if it passes the gate."),
        ]
    lines: list[tuple[Mark, str, str]] = [
        ("ok", "Decide:", f"nothing this month. The {model_name(data.model_id)} may keep serving."),
        ("ok", "Proven:", _proven(data)),
        ("open", "Forecast:", _forecast(data)),
    ]
    better, best = better_cutoff(data), best_cutoff(data)
    if better and best:
        text = f"a {better} cut-off when the policy is next reviewed: {name_best(best)} (page 2)."
        lines.append(("open", "Consider:", text))
    due = [row for row in data.actions_now.to_dicts() if row["severity"] == "info"]
    routine: list[tuple[Mark, str, str]] = [
        ("open", "Routine:", f"{row['action']} ({row['owner']})") for row in due[:2]
    ]
    return lines + routine


def _proven(data: DeckData) -> str:
    rate, profit = data.facts.money("bad_rate_approved", "realised"), data.facts.money("profit", "realised")
    if rate is None or profit is None:
        auc = one_of(data, "pooled_auc")
        if auc is None:
            return "nothing yet: no loan that a model scored is old enough to judge."
        return f"an AUC of {auc['value']:.3f} over {window_name(auc['window'])}; no money was measured on it."
    return (
        f"of the approved loans of {window_name(rate['window'])}, {rate['value']:.1%} defaulted; at the "
        f"cut-off they earn about {about(profit['value'])}{' together' if ' to ' in rate['window'] else ''}."
    )


def _forecast(data: DeckData) -> str:
    rate, loss = data.facts.money("bad_rate_approved"), data.facts.money("loss")
    if rate is None or loss is None:
        none = "no application came in this month."
        return "not measured by the code that ran this month." if lacks_economics(data) else none
    return (
        f"{rate['value']:.1%} of this month's approved loans will default, at a loss of about "
        f"{about(loss['value'])}, if the PDs hold."
    )
