"""Page 1: what happened, what it costs, what to decide, by when."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from tasks.months import months_before
from tasks.reporting.asks import (
    CUTOFF_TRIGGERS,
    Ask,
    confirm_pause,
    is_cutoff_asked,
    name_gain,
    next_review,
    owner_of,
)
from tasks.reporting.deck.blocks import Block, Mark, Page, Row, numbers, points, stack, table
from tasks.reporting.deck.charts import Point, Series, axis_for, line_chart
from tasks.reporting.deck.data import (
    APPROVER,
    DeckData,
    lacks_economics,
    one_of,
    waiting_models,
)
from tasks.reporting.deck.tiles import build_tiles
from tasks.reporting.deck.waiting import (
    applications_chart,
    describe_no_model,
    describe_pause,
    no_model_yet,
    ripening_table,
)
from tasks.reporting.facts import RANK
from tasks.reporting.story import TOPICS, Cause
from tasks.reporting.words import (
    about,
    capital,
    day_name,
    model_name,
    month_name,
    months_in,
    name_currency,
    pairs_right,
    window_name,
)
from tasks.schemas.economics import ALL, keep_economics

MAX_ASKS = 3
HEADROOM = 1.02  # so that no interval ends at the top of its chart
# The page that shows what a cause is about.
PAGES = {
    "model": 6, "rows": 5, "source": 8, "ranking": 7, "calibration": 7, "arrears": 7, "path_cost": 8,
    "score": 8, "fairness": 10, "other": 9,
}  # fmt: skip
TERMS = (
    "PD: chance of default. Cut-off: highest PD that is approved. Bad rate: share that defaults. Pair ranked "
    "right: the defaulter has the higher PD (a coin: 50 of 100). Realised: by loans old enough to judge "
    "(ripe). 95% interval: right 19 times in 20. Amounts in "
)
TERMS_BEFORE = (
    "Cohort: the loans applied for in one month. Ripe: old enough to judge. Label: whether a ripe loan "
    "defaulted. Gate: the tests that a model passes before it serves. PD: probability that a loan defaults. "
    "Amounts: in "
)


def build_answer(data: DeckData) -> Page:
    """The answer of the month."""
    return Page(
        "Answer",
        data.story.headline if data.card else describe_no_model(data),
        f"{TERMS if data.card else TERMS_BEFORE}{name_currency(data.lender.currency)}.",
        [
            Row([numbers(build_tiles(data))]),
            Row([_decisions(data), _bad_rates(data)], (2.3, 1), fill=True),
        ],
    )


def _decisions(data: DeckData) -> Block:
    causes = data.story.causes
    if not data.card:
        told = points("What to decide", no_model_yet(data), size=14)
        return stack(told, ripening_table(data, size=12, inset=2))
    due = sorted((cause for cause in causes if cause.asks), key=lambda cause: RANK[cause.urgency])
    if due:
        rest = [cause for cause in causes if not cause.asks]
        asked = _asked(due, data)
        first = _cause(due[0])
        if len(asked["rows"]) > 1:
            # For want of room: the title of the page tells what happened, and what it costs in short.
            first |= {"cause": "", "cost": due[0].cost.detail or due[0].cost.short}
        return stack(_causes([first], rest, data), asked)
    if data.facts.paused_since:
        return stack(points("What to confirm and decide", describe_pause(data), size=14), _coming(data))
    if causes:
        return stack(_watched(causes), _coming(data))
    return stack(points("What to decide", _quiet(data), size=15), _coming(data))


def _causes(items: Sequence[dict[str, str]], rest: Sequence[Cause], data: DeckData) -> Block:
    watched = " ".join(f"{_watch(cause)}." for cause in rest)
    return {
        "kind": "causes",
        "title": "What follows, and what it costs",
        "items": list(items),
        "next": day_name(next_review(data.facts)),
        "watched": watched,
    }


def _watch(cause: Cause) -> str:
    """A cause of which nothing is asked yet, on which page it is, who would be asked and when."""
    named = f"{capital(TOPICS[cause.name].partition(' (')[0])} (page {PAGES[cause.name]})"
    if cause.watch is None or not cause.watch.owner:
        return f"{named}: no order follows by itself"
    return f"{named}: {cause.watch.owner}, {cause.watch.once}"


def _watched(causes: Sequence[Cause]) -> Block:
    """What left a limit of which nothing is asked yet, what it costs, and when an order follows."""
    rows = [[cause.cause, cause.cost.short, cause.watch.words if cause.watch else ""] for cause in causes]
    title = "What went beyond a limit, what it costs, and what would follow"
    return table(title, ("What", "Costs", "What would follow"), rows, widths=(1.5, 0.8, 1.3), inset=4)


def _asked(due: Sequence[Cause], data: DeckData) -> Block:
    """Who decides what by when, the first due first; of a cause that the title does not tell its name."""
    asks = [(cause, ask) for cause in due for ask in cause.asks]
    chosen = sorted(asks, key=lambda one: one[1].by)[:MAX_ASKS]
    rows = [
        [ask.who, f"{_topic(cause) if cause != due[0] else ''}{_what(ask)}", ask.when.removeprefix("by ")]
        for cause, ask in chosen
    ]
    review, better = f"{day_name(next_review(data.facts))} (next review)", _better_cutoff(data)
    rows += [[APPROVER, f"{what} (page 10).", review] for what in _approvals(data)]
    if better and not is_cutoff_asked(data.facts):
        rows.append([owner_of(CUTOFF_TRIGGERS[0], data.facts), f"Consider {better}.", review])
    title = f"Who decides what, by when{'; more on page 9' if len(asks) > MAX_ASKS else ''}"
    header = ("Who", "What is asked, and what the figures speak for", "By")
    size = 12 if len(rows) > 1 else 13
    return table(title, header, rows, widths=(0.57, 3.1, 0.9), size=size, inset=2)


def _approvals(data: DeckData) -> list[str]:
    """What is to be said of the newest model that waits for a person, if one does."""
    newest = waiting_models(data)[-1:]
    return [f"Approve or reject the {model_name(model_id)}, which waits" for model_id in newest]


def _better_cutoff(data: DeckData) -> str:
    """A cut-off that surely earns more, and how much; empty where none does, or nobody applies."""
    side, best = data.facts.better_cutoff, data.facts.best_cutoff
    if not (side and best and data.facts.money("profit")):
        return ""
    by = ", by forecast" if best["basis"] == "expected" else " on ripe loans"
    limits = f"{best['ci_low']:.0%} to {best['ci_high']:.0%}, page 2"
    return f"a {side} cut-off of {best['value']:.0%} ({limits}): it {name_gain(data.facts)}{by}"


def _topic(cause: Cause) -> str:
    return f"{capital(TOPICS[cause.name])} ({cause.cost.short}): "


def _what(ask: Ask) -> str:
    stands = f" It stays open: {ask.stands}." if ask.stands else ""
    return f"{ask.what}.{f' Recommended: {ask.advice}.' if ask.advice else ''}{stands}"


def _coming(data: DeckData) -> Block:
    """What comes next: routine actions, the next review, the cohort that ripens with it, a better cut-off."""
    following = next_review(data.facts)
    routine = [row for row in data.actions_now.to_dicts() if row["severity"] == "info"]
    rows = [[day_name(row["due_date"]), f"{row['owner']}: {row['action']}"] for row in routine[:2]]
    if data.facts.paused_since:
        rows.append([day_name(following), confirm_pause(data.facts)])
    files = f"next review: files of {month_name(following)} are checked and scored"
    rows.append([day_name(following), files])
    cohort = months_before(following, data.label_mob)
    if data.months.filter(pl.col("month") == cohort, pl.col("loans") > 0).height:
        ripe = f"loans of {month_name(cohort)} are ripe: their forecast is judged"
        rows.append([day_name(following), ripe])
    rows += [[day_name(following), f"{APPROVER}: {what} (page 10)"] for what in _approvals(data)]
    better = _better_cutoff(data)
    if better and data.story.causes:
        owner = owner_of(CUTOFF_TRIGGERS[0], data.facts)
        rows.append([day_name(following), f"{owner}: consider {better}"])
    return table("What comes next", ("When", "What"), rows, widths=(0.4, 1), size=13, inset=2)


def _bad_rates(data: DeckData) -> Block:
    """Bad rate among approved, month by month, forecast and realised."""
    rows = keep_economics(data.economics, "bad_rate_approved", path=ALL).drop_nulls("value")
    of_month = rows.filter(~pl.col("window").str.starts_with("cohorts"))
    series = [
        Series("forecast at scoring", "band", "soft", _by_month(of_month.filter(basis="expected"))),
        Series("realised", "dots", "accent", _by_month(of_month.filter(basis="realised"))),
    ]
    points_of = [point for one in series for point in one.points]
    values = [value for p in points_of for value in (p.value, p.low, p.high) if value is not None]
    if not values:
        return applications_chart(data)
    return line_chart(
        "Bad rate among approved, 95% interval",
        series,
        axis_for([*values, HEADROOM * max(values)], lambda share: f"{share:.0%}", low=0.0),
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
    return {
        "mark": cause.urgency if cause.asks else cause.severity,
        "cause": cause.cause,
        "consequence": cause.consequence,
        "cost": cause.cost.words,
        "proven": cause.proven,
    }


def _quiet(data: DeckData) -> list[tuple[Mark, str, str]]:
    lines: list[tuple[Mark, str, str]] = [
        ("ok", "Decide:", f"nothing this month. The {model_name(data.model_id)} may keep serving."),
        ("ok", "Proven:", _proven(data)),
        ("open", "Forecast:", _forecast(data)),
    ]
    better = _better_cutoff(data)
    if better:
        review = f"at the next review, {day_name(next_review(data.facts))},"
        lines.append(("open", "Consider:", f"{review} {better}."))
    return lines


def _proven(data: DeckData) -> str:
    rate, profit = data.facts.money("bad_rate_approved", "realised"), data.facts.money("profit", "realised")
    if rate is None or profit is None:
        auc = one_of(data, "pooled_auc")
        if auc is None:
            return "nothing yet: no loan that a model scored is old enough to judge."
        right = pairs_right(auc["value"])
        return f"{right} of {window_name(auc['window'])} ranked right; no money was measured on them."
    together = " together" if months_in(rate["window"]) > 1 else ""
    return (
        f"of the approved loans of {window_name(rate['window'])}, {rate['value']:.1%} defaulted; at the "
        f"cut-off they earn about {about(profit['value'])}{together}."
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
