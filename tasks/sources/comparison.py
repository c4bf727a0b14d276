"""What the last comparison of sources measured, and where it lies."""

import json
from datetime import date
from typing import Any

from tasks.config import Settings
from tasks.place import Place


def comparison_path(settings: Settings) -> Place:
    """What the last comparison of sources measured."""
    return settings.datamart / "sources" / "comparison.json"


def read_comparison(day: date, settings: Settings) -> dict[str, Any] | None:
    """The last comparison of sources, if it was of months before a day."""
    path = comparison_path(settings)
    if not path.exists():
        return None
    compared: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return compared if compared["known_on"] <= str(day) else None
