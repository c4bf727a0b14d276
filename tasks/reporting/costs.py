"""What a cause costs in money a month, in words that say whether it is realised or a forecast; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tasks.months import month_range
from tasks.reporting.facts import Facts, Row, outside_since
from tasks.reporting.words import MONTH, about, month_name, months_in, window_name
from tasks.schemas.economics import ALL, keep_economics

FORECAST, REALISED = "by forecast", "realised"


@dataclass(frozen=True)
class Cost:
    """What a cause costs, `short` enough for a headline, and the figures behind it."""

    short: str
    detail: str = ""

    @property
    def words(self) -> str:
        """Both in one sentence."""
        return f"{self.short} ({self.detail})" if self.detail else self.short


@dataclass(frozen=True)
class Profits:
    """Profit of a month, what it stands against, and half the 95% interval of their difference."""

    now: float
    before: float
    half: float


NOTHING = "no measurable cost"
NOT_KNOWN = Cost("what it costs is not known yet")


def describe_cost(name: str, rows: Sequence[Row], facts: Facts) -> Cost:
    """What a cause costs, by its figures outside their limits."""
    return COSTS[name](rows, facts)


def drifting_since(rows: Sequence[Row], facts: Facts) -> date:
    """Month in which what moved furthest left its limits, or in which something was asked because of it."""
    features = [row for row in rows if row["metric"] == "csi"]
    furthest = max(features or rows, key=lambda row: row["value"])
    asked = facts.actions.filter(pl.col("trigger").str.starts_with("score"))["opened"].drop_nulls()
    return min([outside_since(furthest, facts.past), *asked])


def compare_with_before(since: date, facts: Facts) -> tuple[Profits, str] | None:
    """Expected profit of the day against that of as much asked for before a month, and those months."""
    now = facts.money("profit")
    rows = _expected(facts).filter(pl.col("snapshot_date") < since).tail(facts.policy.paths.months)
    if now is None or rows.is_empty():
        return None
    before, half = _sum_up(rows, now["amount"])
    own = (now["ci_high"] - now["ci_low"]) / 2
    first, last = rows["snapshot_date"][0], rows["snapshot_date"][-1]
    window = window_name(f"{first:%Y-%m} to {last:%Y-%m}")
    return Profits(now["value"], before, (own**2 + half**2) ** 0.5), window


def compare_with_forecast(facts: Facts) -> tuple[Profits, str] | None:
    """Realised profit of the newest ripe cohorts, a month, against what was forecast of them at scoring."""
    realised = facts.money("profit", "realised")
    if realised is None:
        return None
    months = months_of(realised["window"])
    rows = _expected(facts).filter(pl.col("snapshot_date").is_in(months))
    if rows.height < len(months):
        return None
    n = months_in(realised["window"])
    forecast, half = _sum_up(rows, realised["amount"])
    return Profits(realised["value"] / n, forecast / n, half / n), window_name(realised["window"])


def months_of(window: str) -> list[date]:
    """The months of a window that names its first and last."""
    named = [date(int(year), int(month), 1) for year, month in MONTH.findall(window)]
    return month_range(named[0], named[-1])


def _expected(facts: Facts) -> pl.DataFrame:
    """Expected profit at the policy's cut-off, month by month."""
    rows = keep_economics(facts.economics, "profit", basis="expected", path=ALL).drop_nulls("value")
    return rows.filter(pl.col("cutoff") == facts.policy.cutoff_pd).sort("snapshot_date")


def _sum_up(rows: pl.DataFrame, amount: float) -> tuple[float, float]:
    """Profit of the rows together and half its interval, for as much as `amount` asked for."""
    values, low, high, amounts = (rows[name].to_numpy() for name in ("value", "ci_low", "ci_high", "amount"))
    scale = amount / float(amounts.sum())
    return float(values.sum()) * scale, float((((high - low) / 2) ** 2).sum()) ** 0.5 * scale


def _of_source(_rows: Sequence[Row], facts: Facts) -> Cost:
    if facts.all_complete:
        return Cost("no cost yet")
    cost = facts.money("path_cost")
    if cost is None:
        return NOT_KNOWN
    limits = f"{about(cost['ci_low'])} to {about(cost['ci_high'])}"
    if cost["ci_low"] <= 0:
        return Cost(NOTHING, f"{FORECAST} {limits} a month, which chance alone may give")
    short = f"about {about(cost['value'])} a month less profit, {FORECAST}"
    now = facts.money("profit")
    if now is None:
        return Cost(short, f"95% interval {limits}")
    whole = f"{about(now['value'] + cost['value'])} with all sources"
    return Cost(short, f"{about(now['value'])} in place of {whole}; 95% interval of the loss {limits}")


def _of_drift(rows: Sequence[Row], facts: Facts) -> Cost:
    since = drifting_since(rows, facts)
    found = compare_with_before(since, facts)
    if found is None:
        return Cost(NOT_KNOWN.short, f"nothing was scored before {month_name(since)}")
    profits, window = found
    ripe = compare_with_forecast(facts)
    if ripe and is_less(ripe[0]):  # newer forecasts rest on the same PDs, and would hide it
        return _of_ripe_before(since, facts)
    against = f"{window} was expected to earn {about(profits.before)} on as much asked for"
    return _tell(profits, against, FORECAST)


def _of_ripe_before(since: date, facts: Facts) -> Cost:
    """What ripe loans cost, with their bad rate; of loans from before a drift no cost of it."""
    cost, rate = _of_ripe([], facts), facts.money("bad_rate_approved", "realised")
    found, forecast = compare_with_forecast(facts), forecast_bad_rate(facts)
    if rate is None or found is None or forecast is None:
        return cost
    detail = f"{cost.detail}: {rate['value']:.1%} of those approved defaulted, {forecast:.1%} were forecast"
    if since <= months_of(rate["window"])[-1]:
        return Cost(cost.short, detail)
    lost = about(found[0].before - found[0].now)
    return Cost(f"{NOT_KNOWN.short}; earlier loans earned about {lost} a month less than forecast", detail)


def forecast_bad_rate(facts: Facts) -> float | None:
    """What was forecast at scoring of the bad rate of the newest ripe cohorts, as approved."""
    realised = facts.money("bad_rate_approved", "realised")
    if realised is None:
        return None
    months = months_of(realised["window"])
    rows = keep_economics(facts.economics, "bad_rate_approved", basis="expected", path=ALL)
    rows = rows.drop_nulls("value").filter(pl.col("snapshot_date").is_in(months))
    if rows.height < len(months):
        return None
    return float((rows["n"] * rows["value"]).sum()) / float(rows["n"].sum())


def _of_ripe(_rows: Sequence[Row], facts: Facts) -> Cost:
    found = compare_with_forecast(facts)
    if found is None:
        return NOT_KNOWN
    profits, window = found
    return _tell(profits, f"{about(profits.before)} were forecast, loans of {window}", REALISED)


def is_less(profits: Profits) -> bool:
    """Whether profit is less than what it stands against by more than chance gives."""
    return profits.before - profits.now > profits.half


def _tell(profits: Profits, against: str, basis: str) -> Cost:
    lost = profits.before - profits.now
    detail = f"{about(profits.now)} a month, where {against}"
    if is_less(profits):
        return Cost(f"about {about(lost)} a month less profit, {basis}", detail)
    if lost < -profits.half:
        return Cost(f"no loss: profit is about {about(-lost)} a month higher, {basis}", detail)
    return Cost(NOTHING, f"{basis} {detail}; chance alone may give as much")


def _of_arrears(rows: Sequence[Row], facts: Facts) -> Cost:
    row = rows[0]
    losses = keep_economics(facts.economics, "loss", basis="expected", path=ALL).drop_nulls("value")
    of_cohort = losses.filter(pl.col("snapshot_date") == months_of(row["window"])[0])
    if of_cohort.is_empty():
        return NOT_KNOWN
    more = row["value"] / row["reference"] - 1
    return Cost(
        f"about {about(of_cohort['value'][0] * more)} a month more losses, {FORECAST}",
        f"if loans default {1 + more:.1f} times as often as their PDs say, as they are in arrears",
    )


def _not_measured(short: str, detail: str = "") -> Callable[[Sequence[Row], Facts], Cost]:
    return lambda _rows, _facts: Cost(short, detail)


# By the name of a cause.
COSTS: Mapping[str, Callable[[Sequence[Row], Facts], Cost]] = {
    "model": _not_measured("what it costs is not measured", "nothing is scored until it is mended"),
    "rows": _not_measured("what it costs is not measured", "rows in quarantine are left out"),
    "source": _of_source,
    "ranking": _of_ripe,
    "calibration": _of_ripe,
    "arrears": _of_arrears,
    "path_cost": _of_source,
    "score": _of_drift,
    "fairness": _not_measured("a matter of fair treatment, not of money"),
    "other": _not_measured("what it costs is not measured"),
}
