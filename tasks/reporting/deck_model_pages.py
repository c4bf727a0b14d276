"""The deck's pages on the model: features, candidates, performance, stability."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from tasks.registry.model_card import say_gain
from tasks.reporting.deck_data import Facts, Page, compare_expected, is_of_former_model, one_of
from tasks.reporting.findings import tell_figures


def tell_features(facts: Facts) -> Page:
    """What each family of features is worth, and what answers when a source is missing."""
    if not facts.card:
        return _no_model("What each family of features is worth cannot be told before the first model")
    ablations = sorted(facts.card.get("ablations", []), key=lambda one: one["change"])
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
        most = ablations[0]
        pays = sum(one["change_ci_90"][1] < 0 for one in ablations)
        title = (
            f"Without {most['family']} the AUC changes by {most['change']:+.3f}; {pays} of {len(table)} "
            "families of features pay"
        )
    gaps = [
        f"without {missing.replace('+', ' and ')}: {figures['auc']:.3f}"
        for missing, figures in facts.card["fallbacks"].items()
        if missing != "none"
    ]
    return Page(
        title,
        "Clickstream is noise around a customer's own level: what counts is the number of months behind an "
        "average. Where a source is missing, a fallback fitted for it answers.",
        (
            f"{len(facts.card['data']['features'])} features from "
            f"{', '.join(('clickstream', 'attributes', 'financials', *facts.card['data']['sources']))}.",
            *_tell_sources(facts.card["sources_compared"]),
            f"AUC of the fallbacks out of time: {'; '.join(gaps)}.",
            "Changes are those of the out-of-time AUC when the model is fitted without the family; 90 % "
            "intervals are paired (DeLong).",
        ),
        header=("Without", "AUC", "Change", "90 % interval", "Verdict"),
        table=table,
    )


def _verdict(low: float, high: float) -> str:
    """On a family whose leaving changes the AUC by `low` to `high`."""
    return "pays" if high < 0 else "costs" if low > 0 else "within chance"


def _tell_sources(compared: Mapping[str, Any] | None) -> list[str]:
    """What each other team's source would add to ours, by the last comparison before the training."""
    if not compared:
        return []
    said = [
        f"{one['features']} {say_gain(one)}, {one['recommendation']}"
        for one in compared["choices"]
        if one["recommendation"]
    ]
    return [f"Other teams' sources, change of the AUC walk-forward and advice: {'; '.join(said)}."]


def _no_model(title: str) -> Page:
    return Page(
        title,
        "A model is trained once enough cohorts have labels; until then none answers for an application.",
    )


def tell_models(facts: Facts) -> Page:
    """Which candidate won out of time, whether its PDs hold, and what drives the scores."""
    if not facts.card:
        return _no_model("No model was trained yet: too few cohorts are ripe")
    candidates = facts.card["candidates"]
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
        "Three kinds of model were tuned on older cohorts and compared on newer ones that none had seen.",
        (
            f"{facts.card['setup']['trials']} trials a family; {facts.card['data']['n_loans']:,} ripe loans "
            f"and {facts.card['data']['n_unripe_loans']:,} younger ones; read as {facts.card['reading']}.",
            tell_figures(facts.now, month=f"{facts.day:%Y-%m}")["grades"][0],
            *(
                f"Strongest reason for {share:.0%} of this month's scores: {text}."
                for text, share in facts.reasons
            ),
            "AUC with its 95 % interval, and defaults per default expected (O/E):",
        ),
        figure="grades",
        header=("Family", "AUC", "from", "to", "O/E"),
        table=table,
    )


def tell_performance(facts: Facts) -> Page:
    """How the cohorts that ripened turned out, against what was forecast."""
    said = tell_figures(facts.now, month=f"{facts.day:%Y-%m}")
    pairs = compare_expected(facts.past)
    kept = pairs.filter(pl.col("realised").is_between("low", "high")).height
    forecast = "No forecast has come of age yet."
    if pairs.height:
        gap = pairs.select((pl.col("realised") - pl.col("expected")).mean()).item()
        forecast = (
            f"In {kept} of {pairs.height} ripe cohorts the realised AUC lay within the interval forecast at "
            f"scoring; on average it came out {abs(gap):.3f} {'below' if gap < 0 else 'above'} the forecast."
        )
    auc = one_of(facts, "pooled_auc")
    title = "No cohort that was scored is ripe, so performance is only a forecast"
    if auc:
        words = {"green": "has not lost ranking power", "amber": "may be losing ranking power"}
        word = words.get(str(auc["status"]), "has lost ranking power")
        title = f"The model {word}: AUC {auc['value']:.3f} over the newest ripe cohorts"
        if is_of_former_model(auc, facts):
            title = f"A former model {word}: AUC {auc['value']:.3f}; today's scored none of these loans"
    return Page(
        title,
        "The higher the AUC, the better good and bad loans are told apart; bars show how much of a change "
        "chance alone would make.",
        (said["auc"][0], said["expected_auc"][0], forecast, said["arrears"][0]),
        figure="expected_auc",
    )


def tell_stability(facts: Facts) -> Page:
    """Whether the applicants changed, and what was done about it."""
    said = tell_figures(facts.now, month=f"{facts.day:%Y-%m}")
    flagged = facts.past.filter(pl.col("status").is_in(["amber", "red"]))
    moved = {
        metric: flagged.filter(pl.col("metric") == metric)["snapshot_date"].n_unique()
        for metric in ("psi", "csi")
    }
    scored = facts.past.filter(pl.col("metric") == "psi", pl.col("value").is_not_null()).sort("value")
    worst = "none"
    if scored.height:
        worst = f"{scored['value'][-1]:.3f}, in {scored['snapshot_date'][-1]:%Y-%m}"
    months = scored["snapshot_date"].n_unique()
    title = f"The applicants have not changed: no stability figure passed its limit in {months} months"
    if not months:
        title = "No month was scored yet, so stability cannot be told"
    if any(moved.values()):
        title = (
            f"The score's PSI passed a limit in {moved['psi'] or 'none'} of {months} months, a feature's CSI "
            f"in {moved['csi'] or 'none'}"
        )
    told = facts.actions.filter(pl.col("severity") != "info")
    done = [f"{row['snapshot_date']:%Y-%m}: {row['action']}" for row in told.head(3).to_dicts()]
    return Page(
        title,
        "If the people who apply change, the model answers a question it was not asked. PSI compares scores, "
        "CSI one feature, each with the data the model learned from.",
        (
            said["score_stability"][0],
            f"Highest PSI of the score so far: {worst}.",
            said["feature_stability"][0],
            said["intake"][0],
            *(done or ["No amber or red action was due so far."]),
        ),
        figure="feature_stability",
    )
