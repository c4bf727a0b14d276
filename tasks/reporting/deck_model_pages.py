"""The deck's pages on the model: features, candidates, performance, stability."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tasks.registry.model_card import describe_gain
from tasks.reporting.deck_data import (
    DeckData,
    Page,
    compare_expected,
    describe_month,
    is_of_former_model,
    one_of,
)
from tasks.schemas.monitoring import keep_metrics


def describe_features(data: DeckData) -> Page:
    """What each family of features is worth, and what scores when a source is missing."""
    if not data.card:
        return _no_model("What each family of features is worth cannot be measured before the first model")
    ablations = sorted(data.card.get("ablations", []), key=lambda one: one["change"])
    table = [
        [
            one["family"],
            f"{one['auc']:.3f}",
            f"{one['change']:+.4f}",
            "{:+.4f} to {:+.4f}".format(*one["change_ci_90"]),
            _verdict(*one["change_ci_90"]),
        ]
        for one in ablations
    ]
    title = "The card of this model holds no ablation"
    if ablations:
        largest = ablations[0]
        improve = sum(one["change_ci_90"][1] < 0 for one in ablations)
        title = (
            f"Without {largest['family']} the AUC changes by {largest['change']:+.3f}; {improve} of "
            f"{len(table)} families of features improve it significantly"
        )
    gaps = [
        f"without {missing.replace('+', ' and ')}: {figures['auc']:.3f}"
        for missing, figures in data.card["fallbacks"].items()
        if missing != "none"
    ]
    return Page(
        title,
        "A month of clickstream is noise around a customer's own level: the more months an average covers, "
        "the more it says. Where a source is missing, a fallback fitted without it scores the application.",
        (
            f"{len(data.card['data']['features'])} features from "
            f"{', '.join(('clickstream', 'attributes', 'financials', *data.card['data']['sources']))}.",
            *_describe_sources(data.card["sources_compared"]),
            f"AUC of the fallbacks out of time: {'; '.join(gaps)}.",
            "Changes are those of the out-of-time AUC when the model is fitted without the family; 90% "
            "intervals are paired (DeLong).",
        ),
        header=("Without", "AUC", "Change", "90% interval", "Effect"),
        table=table,
    )


def _verdict(low: float, high: float) -> str:
    """What a family does to the AUC when leaving it out changes it by `low` to `high`."""
    return "improves" if high < 0 else "worsens" if low > 0 else "not significant"


def _describe_sources(compared: Mapping[str, Any] | None) -> list[str]:
    """What each other team's source would add to ours, by the last comparison before the training."""
    if not compared:
        return []
    advice = [
        f"{one['features']} {describe_gain(one)}, {one['recommendation']}"
        for one in compared["choices"]
        if one["recommendation"]
    ]
    return [f"Other teams' sources, change of the AUC walk-forward and advice: {'; '.join(advice)}."]


def _no_model(title: str) -> Page:
    return Page(
        title,
        "A model is trained once enough cohorts have labels; until then no application is scored.",
    )


def describe_models(data: DeckData) -> Page:
    """Which candidate won out of time, whether its PDs hold, and what drives the scores."""
    if not data.card:
        return _no_model("No model was trained yet: too few cohorts are ripe")
    candidates = data.card["candidates"]
    best, second = candidates[0], candidates[1]
    table = [
        [
            one["family"],
            f"{one['oot']['auc']:.3f}",
            *(f"{limit:.3f}" for limit in one["oot"]["auc_ci_95"]),
            f"{one['oot']['observed_to_expected']:.2f}",
        ]
        for one in candidates
    ]
    apart = best["oot"]["auc_ci_95"][0] > second["oot"]["auc"]
    word = "ranks ahead of" if apart else "is chosen, its lead within the interval, over"
    n = best["oot"]["n"]
    return Page(
        f"The {best['family']} model {word} the {second['family']} one on {n:,} loans out of time",
        "Model families were tuned on older cohorts and compared on newer ones that none of them had seen.",
        (
            f"{data.card['setup']['trials']} trials a family; {data.card['data']['n_loans']:,} ripe loans "
            f"and {data.card['data']['n_unripe_loans']:,} younger ones; read as {data.card['reading']}.",
            describe_month(data)["calibration_in_the_large"],
            *(
                f"Strongest reason for {share:.0%} of this month's scores: {text}."
                for text, share in data.reasons
            ),
            "AUC with its 95% interval, and observed/expected defaults (O/E):",
        ),
        figure="grades",
        header=("Family", "AUC", "from", "to", "O/E"),
        table=table,
    )


def describe_performance(data: DeckData) -> Page:
    """How the cohorts that ripened turned out, against what was forecast."""
    findings = describe_month(data)
    pairs = compare_expected(data.past)
    kept = pairs.filter(pl.col("realised").is_between("low", "high")).height
    forecast = "No month with a forecast is ripe yet."
    if pairs.height:
        gap = pairs.select((pl.col("realised") - pl.col("expected")).mean()).item()
        forecast = (
            f"In {kept} of {pairs.height} ripe cohorts the realised AUC lay within the interval forecast at "
            f"scoring; on average it was {abs(gap):.3f} {'below' if gap < 0 else 'above'} the forecast."
        )
    auc = one_of(data, "pooled_auc")
    title = "No cohort that was scored is ripe, so performance is only a forecast"
    if auc:
        words = {"green": "has not lost ranking power", "amber": "may be losing ranking power"}
        word = words.get(str(auc["status"]), "has lost ranking power")
        title = f"The model {word}: AUC {auc['value']:.3f} over the newest ripe cohorts"
        if is_of_former_model(auc, data):
            title = (
                f"A former model {word}: AUC {auc['value']:.3f}; the present one scored none of these loans"
            )
    return Page(
        title,
        "The higher the AUC, the better the score separates good and bad loans; bars show its 95% interval.",
        (findings["pooled_auc"], findings["expected_auc"], forecast, findings["early_arrears"]),
        figure="expected_auc",
    )


def describe_stability(data: DeckData) -> Page:
    """Whether the applicants changed, and what was done about it."""
    findings = describe_month(data)
    flagged = data.past.filter(pl.col("status").is_in(["amber", "red"]))
    outside = {
        metric: flagged.filter(pl.col("metric") == metric)["snapshot_date"].n_unique()
        for metric in ("psi", "csi")
    }
    scored = keep_metrics(data.past, "psi").drop_nulls("value").sort("value")
    worst = "none"
    if scored.height:
        worst = f"{scored['value'][-1]:.3f}, in {scored['snapshot_date'][-1]:%Y-%m}"
    months = scored["snapshot_date"].n_unique()
    title = (
        f"The population of applicants is stable: no stability figure exceeded its limit in {months} months"
    )
    if not months:
        title = "No month was scored yet, so stability cannot be measured"
    if any(outside.values()):
        title = (
            f"The score's PSI exceeded a limit in {outside['psi'] or 'none'} of {months} months, a feature's "
            f"CSI in {outside['csi'] or 'none'}"
        )
    urgent = data.actions.filter(pl.col("severity") != "info")
    done = [f"{row['snapshot_date']:%Y-%m}: {row['action']}" for row in urgent.head(3).to_dicts()]
    return Page(
        title,
        "If the population of applicants changes, the model is used outside the data it was developed on. "
        "PSI compares the scores, CSI one feature, each with the training data.",
        (
            findings["psi"],
            f"Highest PSI of the score so far: {worst}.",
            findings["csi"],
            findings["coverage"],
            *(done or ["No amber or red action was due so far."]),
        ),
        figure="feature_stability",
    )
