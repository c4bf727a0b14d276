"""What causes cost, computed from the tables anew, in every way in which it may be written."""

import re
from datetime import date

import polars as pl

from tasks.governance.policy import Policy
from tasks.reporting.words import about

MONTH = r"\d{4}-\d{2}"


def months_of(window: str) -> int:
    """How many months a window such as `cohorts 2023-12 to 2024-02` has; 1 of any other."""
    days = [int(year) * 12 + int(month) for year, month in re.findall(r"(\d{4})-(\d{2})", window)]
    return days[-1] - days[0] + 1 if days else 1


def of_costs(economics: pl.DataFrame, now: pl.DataFrame, policy: Policy) -> set[str]:
    """What a month costs against those before it, ripe cohorts against their forecast, and arrears."""
    today = economics.filter(snapshot_date=now["snapshot_date"][0])
    pairs = [*_against_months_before(economics, today, policy), *_against_forecast(economics, today, policy)]
    told = {about(number) for own, other in pairs for number in (own, other, abs(other - own))}
    told |= of_gain(today, policy) | of_arrears(economics, today, now, policy)
    return told | _of_forecasts(economics, today) | _of_sources(today, policy)


def _of_forecasts(economics: pl.DataFrame, today: pl.DataFrame) -> set[str]:
    """Bad rate among approved that was forecast of the months of each ripe window."""
    rows = economics.filter(figure="bad_rate_approved", basis="expected", path="all").drop_nulls("value")
    known, month = set[str](), pl.col("snapshot_date").dt.strftime("%Y-%m")
    for window in today.filter(figure="bad_rate_approved", basis="realised", path="all")["window"]:
        first, last = re.findall(MONTH, window)[0], re.findall(MONTH, window)[-1]
        of_window = rows.filter(month.is_between(pl.lit(first), pl.lit(last)))
        if of_window.height:
            known.add(f"{(of_window['n'] * of_window['value']).sum() / of_window['n'].sum():.1%}")
    return known


def of_declined(scored: pl.DataFrame, now: pl.DataFrame, today: pl.DataFrame, policy: Policy) -> set[str]:
    """What a cut-off under arrears approves, and what those lose that it declines: pd, amount of `scored`."""
    known, margin = set[str](), policy.economics.margin
    for row in now.filter(metric="early_arrears").drop_nulls(["value", "reference"]).to_dicts():
        times = row["value"] / row["reference"]
        for even in today.filter(figure="best_cutoff", basis="expected")["reference"].drop_nulls():
            cut, loans = round(even / times, 2), scored.select("pd", "amount").rows()
            known |= {
                f"{sum(pd <= at for pd, _ in loans) / max(len(loans), 1):.1%}"
                for at in (cut, policy.cutoff_pd)
            }
            between = [one for one in loans if cut < one[0] <= policy.cutoff_pd]
            known.add(about(sum(a * (margin / even * min(1.0, pd * times) - margin) for pd, a in between)))
    return known


def of_terms(today: pl.DataFrame, policy: Policy) -> set[str]:
    """Where a loan breaks even by the terms of the day, and by its arrears what each cut-off costs."""
    lost = [policy.economics.loss_given_default, *today.filter(figure="lgd")["value"].drop_nulls()]
    margin = policy.economics.margin
    return {f"{margin / (margin + one):.0%}" for one in lost}


def _of_sources(today: pl.DataFrame, policy: Policy) -> set[str]:
    """Profit with all sources: what is expected, and what the missing ones cost."""
    costs = today.filter(figure="path_cost", path="all")["value"].drop_nulls()
    return {about(value + cost) for _, value, _ in _profits(today, policy).iter_rows() for cost in costs}


def of_gain(today: pl.DataFrame, policy: Policy) -> set[str]:
    """What the most profitable cut-off earns a month more than the policy's."""
    known = set[str]()
    for best in today.filter(figure="best_profit").drop_nulls("value").to_dicts():
        same = today.filter(figure="profit", basis=best["basis"], window=best["window"], path="all")
        own = same.filter(cutoff=policy.cutoff_pd)["value"]
        known |= {about((best["value"] - value) / months_of(best["window"])) for value in own}
    return known


def of_watch(now: pl.DataFrame, policy: Policy) -> set[str]:
    """Months in a row that triggers wait for and that figures may last; rates of all grades together."""
    known = {str(months) for months in range(1, 1 + max(trigger.months for trigger in policy.trigger))}
    grades = now.filter(metric="grade_bad_rate").drop_nulls("value")
    grades = grades.filter(pl.col("subject").str.len_chars() == 1)
    if grades.height:
        rates = [(grades["n"] * grades[name]).sum() / grades["n"].sum() for name in ("value", "reference")]
        known |= {f"{rate:.1%}" for rate in rates}
    return known


def of_unripe(economics: pl.DataFrame) -> set[str]:
    """Expected losses of the newest cohorts together, of however many."""
    rows = economics.filter(figure="loss", basis="expected", path="all").drop_nulls("value")
    losses = rows.sort("snapshot_date", descending=True)["value"].cum_sum()
    return {about(loss) for loss in losses}


def _profits(economics: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    rows = economics.filter(figure="profit", basis="expected", cutoff=policy.cutoff_pd, path="all")
    return rows.drop_nulls("value").sort("snapshot_date").select("snapshot_date", "value", "amount")


def _against_months_before(
    economics: pl.DataFrame, today: pl.DataFrame, policy: Policy
) -> list[tuple[float, float]]:
    """The day's profit, and that of as much asked for in the months before each month."""
    rows, pairs = _profits(economics, policy), list[tuple[float, float]]()
    for _, value, amount in _profits(today, policy).iter_rows():
        for month in rows["snapshot_date"]:
            before = rows.filter(pl.col("snapshot_date") < month).tail(policy.paths.months)
            if before.height:
                pairs.append((value, before["value"].sum() / before["amount"].sum() * amount))
    return pairs


def _against_forecast(
    economics: pl.DataFrame, today: pl.DataFrame, policy: Policy
) -> list[tuple[float, float]]:
    """Profit of ripe cohorts a month, and what was expected of as much asked for when they were scored."""
    rows, pairs = _profits(economics, policy), list[tuple[float, float]]()
    ripe = today.filter(figure="profit", basis="realised", cutoff=policy.cutoff_pd, path="all")
    for value, amount, window in ripe.select("value", "amount", "window").iter_rows():
        first, last = re.findall(MONTH, window)[0], re.findall(MONTH, window)[-1]
        month = pl.col("snapshot_date").dt.strftime("%Y-%m")
        forecast, n = rows.filter(month.is_between(pl.lit(first), pl.lit(last))), months_of(window)
        if forecast.height:
            pairs.append((value / n, forecast["value"].sum() / forecast["amount"].sum() * amount / n))
    return pairs


def of_arrears(economics: pl.DataFrame, today: pl.DataFrame, now: pl.DataFrame, policy: Policy) -> set[str]:
    """Losses by which arrears exceed what the PDs imply, how often, and the cut-off they call for."""
    known = set[str]()
    profits = today.filter(figure="profit", basis="expected", path="all").drop_nulls("value")
    held = dict(profits.select(pl.col("cutoff").round(2), "value").iter_rows())
    for row in now.filter(metric="early_arrears").drop_nulls(["value", "reference"]).to_dicts():
        year, month = re.findall(r"(\d{4})-(\d{2})", row["window"])[0]
        losses = economics.filter(figure="loss", basis="expected", path="all")
        of_cohort = losses.filter(snapshot_date=date(int(year), int(month), 1)).drop_nulls("value")["value"]
        times = row["value"] / row["reference"]
        even = today.filter(figure="best_cutoff", basis="expected")["reference"].drop_nulls()
        known |= {about(loss * (times - 1)) for loss in of_cohort} | {f"{times:.1f}"}
        known |= {f"{one / times:.0%}" for one in even}
        there = [held[round(one / times, 2)] for one in even if round(one / times, 2) in held]
        known |= {about(held[policy.cutoff_pd] - one) for one in there if policy.cutoff_pd in held}
    return known
