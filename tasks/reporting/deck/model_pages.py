"""Page 6: which models there are, and who served when."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tasks.months import month_range
from tasks.reporting.deck.blocks import Block, Mark, Page, Row, points, table, text
from tasks.reporting.deck.charts import Bar, axis_for, bar_chart
from tasks.reporting.deck.data import DeckData, waiting_models
from tasks.reporting.deck.waiting import first_model, ripening_table
from tasks.reporting.words import capital, model_name, month_name

MAX_MODELS, MAX_VERDICTS = 6, 4
VERDICTS = {"approved": "ok", "rejected": "red"}


def build_models(data: DeckData) -> Page:
    """The candidates of the champion, and who served when."""
    if not data.card:
        return Page(
            "Models", "No model was trained yet: too few cohorts are ripe", PLAIN_MODELS, _no_model(data)
        )
    return Page(
        "Models",
        _title(data.card["candidates"]),
        PLAIN_MODELS,
        [
            Row([_candidates(data), _setup(data)], (1, 1.1), fill=True),
            Row([_timeline(data), _verdicts(data)], (1.2, 1), fill=True),
        ],
    )


def _title(candidates: Sequence[Mapping[str, Any]]) -> str:
    """Which family was chosen, and whether it surely ranks better than the best of the others."""
    best, rival = candidates[0], max(candidates[1:], key=lambda one: one["oot"]["auc"])
    loans = f"{best['oot']['n']:,} loans out of time"
    named = f"The {best['family']} model, AUC {best['oot']['auc']:.3f} on {loans},"
    over = f"the {rival['family']} one, {rival['oot']['auc']:.3f}"
    if best["oot"]["auc_ci_95"][0] > rival["oot"]["auc"]:
        return f"{named} ranks ahead of {over}"
    whose = "whose lead" if rival["oot"]["auc"] > best["oot"]["auc"] else "but its lead"
    return f"{named} is chosen over {over}, {whose} may be chance"


PLAIN_MODELS = (
    "Several kinds of model compete on loans none of them has seen. The winner serves only if it is no "
    "worse than the "
    "one in service; otherwise everything stays as it is."
)


def _no_model(data: DeckData) -> list[Row]:
    ripe = data.months.drop_nulls("bad_rate").height
    way, families = first_model(data)
    words = f"{ripe} of {data.months.height} months have labels so far; the first training waits for more."
    return [Row([text(words, size=15)]), Row([way]), Row([families], fill=True), Row([ripening_table(data)])]


def _candidates(data: DeckData) -> Block:
    bars = [
        Bar(
            one["family"],
            one["oot"]["auc"],
            one["oot"]["auc_ci_95"][0],
            one["oot"]["auc_ci_95"][1],
            f"{one['oot']['auc']:.3f}, O/E {one['oot']['observed_to_expected']:.2f}",
            "accent" if at == 0 else "soft",
        )
        for at, one in enumerate(data.card["candidates"])
    ]
    axis = axis_for([v for bar in bars for v in (bar.low, bar.high)], lambda v: f"{v:.2f}")
    return bar_chart(
        f"AUC of each family on {data.card['candidates'][0]['oot']['n']:,} loans out of time, 95% interval",
        bars,
        axis,
        alt="AUC of each family of models out of time with 95% intervals",
        xlabel="AUC out of time (0.5 is chance, 1 is perfect)",
        zero=axis.low,
    )


def _setup(data: DeckData) -> Block:
    card = data.card
    fallbacks = [
        f"without {missing.replace('+', ' and ')} {figures['auc']:.3f}"
        for missing, figures in card["fallbacks"].items()
        if missing != "none"
    ]
    lines: list[tuple[Mark, str, str]] = [
        (
            "",
            "Learned from",
            f"{card['data']['n_loans']:,} ripe loans, {len(card['data']['features'])} features.",
        ),
        (
            "",
            "Tuned",
            f"by Optuna, {card['setup']['trials']} trials a family, on cohorts before those that judge it.",
        ),
        ("", "When a source is missing", f"a fallback scores; AUC {'; '.join(fallbacks)}."),
        *(
            ("", f"Main reason for {share:.0%}", f"of this month's scores: {reason}.")
            for reason, share in data.reasons
        ),
    ]
    return points(f"The {model_name(card['model_id'])}", lines)


def _timeline(data: DeckData) -> Block:
    """A row a model: when it served, and what the gate said of it."""
    ids = list(dict.fromkeys(row["model_id"] for row in data.models))[-MAX_MODELS:]
    first = min(date.fromisoformat(row["effective_from"]) for row in data.models if row["model_id"] in ids)
    months = month_range(first, data.day)
    place = {str(month): at / max(1, len(months)) for at, month in enumerate(months)}
    rows = [_timeline_row(model_id, data, place) for model_id in ids]
    step = -(-len(months) // 5)
    return {
        "kind": "timeline",
        "title": "Who served when (disc: passed the gate, triangle: rejected, circle: waits)",
        "alt": "Months in which each model served, and the verdict of the gate on each challenger",
        "left": 14 + 6.3 * max(len(row["label"]) for row in rows),
        "rows": rows,
        "xticks": [{"at": place[str(month)], "label": f"{month:%b %y}"} for month in months[::step]],
    }


def _timeline_row(model_id: str, data: DeckData, place: Mapping[str, float]) -> dict[str, Any]:
    own = [row for row in data.models if row["model_id"] == model_id]
    bars: list[dict[str, float]] = []
    for row in own:
        if row["state"] == "champion":
            bars.append({"start": place.get(row["effective_from"], 0.0), "end": 1.0})
        elif row["state"] == "retired" and bars:
            bars[-1]["end"] = place.get(row["effective_from"], 0.0)
    states = {row["state"] for row in own}
    verdict = "red" if "rejected" in states else "ok" if "champion" in states else "open"
    word = {"red": "rejected", "ok": "served", "open": "waits"}[verdict]
    at = place.get(own[0]["effective_from"], 0.0)
    return {
        "label": f"{capital(model_name(model_id))}, {word}",
        "bars": bars,
        "points": [{"at": at, "mark": verdict}],
    }


def _verdicts(data: DeckData) -> Block:
    """The newest verdicts of the gate with their reasons."""
    waiting = waiting_models(data)
    judged = [row for row in data.models if row["state"] in VERDICTS]
    told = [
        (row["model_id"], f"@{VERDICTS[row['state']]}", row["why"].split(";")[0])
        for row in judged[-MAX_VERDICTS + len(waiting[-2:]) :]
    ]
    told += [(model_id, "@open", "not rejected; waits for a person") for model_id in waiting[-2:]]
    rows = [[sign, month_name(model_id), why] for model_id, sign, why in sorted(told, reverse=True)]
    return table("What the gate said, newest first", ("", "Model of", "Why"), rows, widths=(0, 0, 1), inset=3)
