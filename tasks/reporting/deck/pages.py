"""The ten pages of the deck in their order, the cover and the footer, as plain data for the template."""

from dataclasses import asdict
from typing import Any

from tasks.reporting.deck.answer import build_answer
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.features import build_features
from tasks.reporting.deck.governance import build_closing, build_governance
from tasks.reporting.deck.loop import build_architecture, build_time
from tasks.reporting.deck.model_pages import build_models
from tasks.reporting.deck.money import build_money
from tasks.reporting.deck.performance import build_performance
from tasks.reporting.deck.stability import build_stability
from tasks.reporting.words import day_name, month_name

STATUS = {
    "green": "no decision due",
    "amber": "decision due (amber)",
    "red": "decision due (red)",
    "none": "no model yet",
    "paused": "to be confirmed (amber)",
}


def build_deck(data: DeckData) -> dict[str, Any]:
    """The deck as plain data for the template: title, cover, source line, day, and ten pages."""
    pages = (
        build_answer, build_money, build_architecture, build_time, build_features, build_models,
        build_performance, build_stability, build_governance, build_closing,
    )  # fmt: skip
    return {
        "title": f"Vintage: the default model in {month_name(data.day)}",
        "cover": {
            "name": "The default model: monthly review",
            "month": month_name(data.day),
            "lender": data.lender.name,
            "audience": "risk committee and engineers",
            "status": STATUS[_status(data)],
        },
        "source": _source(data),
        "day": {"year": data.day.year, "month": data.day.month, "day": data.day.day},
        "pages": [asdict(build(data)) for build in pages],
    }


def _status(data: DeckData) -> str:
    if not data.card:
        return "none"
    return "paused" if data.facts.paused_since and data.story.colour == "green" else data.story.colour


def _source(data: DeckData) -> str:
    first, last = data.months["month"][0], data.months["month"][-1]
    model = data.model_id or "none yet"
    return (
        f"Run of {day_name(data.day)}; data {month_name(first)} to {month_name(last)}; model {model}; "
        f"policy {data.policy_name}"
    )
