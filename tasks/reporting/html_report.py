"""The monitoring report: one HTML page that needs nothing but itself."""

from base64 import b64encode
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.monitoring.actions import actions_on, explain_policy, newest_monitored
from tasks.registry.history import load_registry
from tasks.reporting.charts import draw_figures
from tasks.reporting.findings import describe_figures, describe_state
from tasks.schemas.monitoring import SPECS, keep_metrics
from tasks.store import documents, tables
from tasks.text import for_html

SECTIONS = tuple(spec for spec in SPECS if spec.section)
NEWEST_ACTIONS = 6  # months of actions that the page lists


def build_report(as_of: date | None, settings: Settings, *, out: Path | None = None) -> Path:
    """Write the report of a monitored date (by default the newest); return its path. Same tables, same bytes.

    Raises: TableNotReadyError when the date, or none at all, was monitored.
    """
    day = as_of or newest_monitored(settings)
    actions, now = actions_on(day, settings), tables.read("gold.monitoring", settings, on=day)
    colour, state = describe_state(actions, now)
    month = f"{day:%Y-%m}"
    adopted = read_policy(settings.policy)
    images = draw_figures(day, settings)
    findings = describe_figures(now, month=month, policy=adopted.policy)
    sections = [
        {
            "name": spec.drawing or spec.name,
            "title": spec.section,
            "finding": findings[spec.name][0],
            "escalate": findings[spec.name][1],
            "image": b64encode(images[spec.drawing]).decode() if spec.drawing else "",
        }
        for spec in SECTIONS
    ]
    html = _template().render(
        month=month,
        as_of=day,
        colour=colour,
        state=state,
        model_id=_champion(now),
        judged_by=_policy(day, settings),
        policy={"name": adopted.name, **explain_policy(adopted.policy)},
        sections=sections,
        actions=_actions(day, settings),
        models=[entry for entry in load_registry(settings).entries if entry.effective_from <= str(day)][::-1],
    )
    return documents.write_page(out or settings.datamart / "report" / f"{month}.html", html)


def _template() -> Any:
    loader = PackageLoader("tasks.reporting", "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=for_html)
    return pages.get_template("report.html")


def _champion(now: pl.DataFrame) -> str:
    return keep_metrics(now, "psi")["model_id"][0]


def _policy(day: date, settings: Settings) -> str:
    """Digest of the policy that the newest actions up to the day were derived under."""
    actions = tables.scan("gold.actions", settings, until=day).sort("snapshot_date").collect()
    return actions["policy"][-1] if actions.height else "without any action"


def _actions(day: date, settings: Settings) -> list[dict[str, Any]]:
    rows = tables.scan("gold.actions", settings, until=day).collect()
    months = rows["snapshot_date"].unique().sort()[-NEWEST_ACTIONS:].implode()
    newest = rows.filter(pl.col("snapshot_date").is_in(months))
    ordered = newest.sort("snapshot_date", "due_date", "trigger", descending=[True, False, False])
    return ordered.with_columns(month=pl.col("snapshot_date").dt.strftime("%Y-%m")).to_dicts()
