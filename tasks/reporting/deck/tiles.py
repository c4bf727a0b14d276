"""The figures in large letters at the top of page 1."""

from collections.abc import Mapping
from typing import Any

from tasks.reporting.costs import compare_with_forecast, forecast_bad_rate, is_less
from tasks.reporting.deck.blocks import Mark
from tasks.reporting.deck.data import DeckData, lacks_economics, name_former_models, one_of
from tasks.reporting.deck.waiting import numbers_of_pause, numbers_without_model
from tasks.reporting.words import about, month_name, pairs_right, window_in_short


def build_tiles(data: DeckData) -> list[tuple[str, str, str, Mark]]:
    """Approval rate, expected bad rate and profit, pairs ranked right: value, label, note, signal."""
    if not data.card:
        return numbers_without_model(data)
    if data.facts.paused_since:
        return [*numbers_of_pause(data), _pairs_right(data)]
    rate, bad = data.facts.money("approval_rate"), data.facts.money("bad_rate_approved")
    profit = data.facts.money("profit")
    month = month_name(data.day)
    unmeasured = "run monitoring once more" if lacks_economics(data) else "no applications were scored"
    cut = f"{data.policy.cutoff_pd:.0%}"
    against, signal = _against(bad, data) if bad else ("", "")
    approved = ("-", "approved", unmeasured, "")
    return [
        (f"{rate['value']:.1%}", "approved", f"at a PD up to {cut}, {month}", "") if rate else approved,
        (f"{bad['value']:.1%}", "expected bad rate", against, signal)
        if bad
        else ("-", "expected bad rate", unmeasured, ""),
        (about(profit["value"]), "expected profit of the month", _range(profit), "")
        if profit
        else ("-", "expected profit of the month", unmeasured, ""),
        _pairs_right(data),
    ]


def _pairs_right(data: DeckData) -> tuple[str, str, str, Mark]:
    auc = one_of(data, "pooled_auc")
    if auc is None:
        return "-", "pairs ranked right", "no scored cohort is ripe yet", ""
    by = name_former_models(auc, data) or "realised"
    window = window_in_short(auc["window"])
    if auc["status"] not in ("amber", "red"):
        value = pairs_right(auc["value"])
        return value.removesuffix(" pairs"), "pairs ranked right", f"{window}, {by}", ""
    value, then = (pairs_right(auc[name], digits=1) for name in ("value", "reference"))
    note = f"{window}; {then.split()[0]} at development"
    return value.removesuffix(" pairs"), "pairs ranked right", note, auc["status"]


def _range(profit: Mapping[str, Any]) -> str:
    return f"forecast, {about(profit['ci_low'])} to {about(profit['ci_high'])}"


def _against(bad: Mapping[str, Any], data: DeckData) -> tuple[str, Mark]:
    """What the expected bad rate stands against, and whether that is a warning."""
    causes = {cause.name: cause for cause in data.story.causes}
    if bad["reference"] and ("source" in causes or "path_cost" in causes):
        return f"approved; {bad['reference']:.1%} with all sources", "red"
    if "arrears" in causes:
        return "forecast, without the arrears", "red" if causes["arrears"].severity == "red" else "amber"
    ripe, told = compare_with_forecast(data.facts), data.facts.money("bad_rate_approved", "realised")
    forecast = forecast_bad_rate(data.facts)
    if ripe and is_less(ripe[0]) and told and forecast and told["value"] > forecast:
        return f"forecast ({forecast:.1%} became {told['value']:.1%})", "amber"
    return "among approved, forecast", ""
