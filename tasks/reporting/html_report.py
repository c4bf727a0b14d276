"""The monitoring report: one HTML page that needs nothing but itself."""

from base64 import b64encode
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks.config import Settings
from tasks.monitoring.actions import actions_on, newest_monitored
from tasks.registry.history import load_registry
from tasks.reporting.charts import draw_figures
from tasks.reporting.findings import tell_figures, tell_state
from tasks.store import documents, tables

SECTIONS = {
    "auc": "Ranking",
    "grades": "Calibration by grade",
    "bad_rates": "Bad rate, observed and expected",
    "arrears": "Early arrears",
    "score_stability": "Stability of the score",
    "feature_stability": "Stability of the features",
    "intake": "Coverage",
    "expected_auc": "Expected and realised AUC",
}
NEWEST_ACTIONS = 6  # months of actions that the page lists


def build_report(as_of: date | None, settings: Settings, *, out: Path | None = None) -> Path:
    """Write the report of a monitored date (by default the newest); return its path. Same tables, same bytes.

    Errors: TableNotReadyError when the date, or none at all, was monitored.
    """
    day = as_of or newest_monitored(settings)
    actions, now = actions_on(day, settings), tables.read("gold.monitoring", settings, on=day)
    colour, state = tell_state(actions, now)
    month = f"{day:%Y-%m}"
    images, said = draw_figures(day, settings), tell_figures(now, month=month)
    sections = [
        {
            "name": name,
            "title": title,
            "shows": said[name][0],
            "worry": said[name][1],
            "image": b64encode(images[name]).decode() if name in images else "",
        }
        for name, title in SECTIONS.items()
    ]
    html = _template().render(
        month=month,
        as_of=day,
        colour=colour,
        state=state,
        model_id=_champion(now),
        policy=_policy(day, settings),
        sections=sections,
        actions=_actions(day, settings),
        models=[entry for entry in load_registry(settings).entries if entry.effective_from <= str(day)][::-1],
    )
    return documents.write_page(out or settings.datamart / "report" / f"{month}.html", html)


def _template() -> Any:
    loader = PackageLoader("tasks.reporting", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("report.html")


def _champion(now: pl.DataFrame) -> str:
    return now.filter(pl.col("metric") == "psi")["model_id"][0]


def _policy(day: date, settings: Settings) -> str:
    """Digest of the policy that the newest actions up to the day were derived under."""
    told = tables.scan("gold.actions", settings, until=day).sort("snapshot_date").collect()
    return told["policy"][-1] if told.height else "without any action"


def _actions(day: date, settings: Settings) -> list[dict[str, Any]]:
    rows = tables.scan("gold.actions", settings, until=day).collect()
    months = rows["snapshot_date"].unique().sort()[-NEWEST_ACTIONS:].implode()
    newest = rows.filter(pl.col("snapshot_date").is_in(months))
    ordered = newest.sort("snapshot_date", "due_date", "trigger", descending=[True, False, False])
    return ordered.with_columns(month=pl.col("snapshot_date").dt.strftime("%Y-%m")).to_dicts()
