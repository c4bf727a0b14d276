"""The monitoring report: one HTML page that needs nothing but itself."""

import os
from base64 import b64encode
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks.config import Settings
from tasks.economics.reading import economics_until, read_scored
from tasks.lender.current import lender
from tasks.monitoring.actions import actions_on, explain_policy, newest_monitored
from tasks.months import months_before
from tasks.place import Place
from tasks.registry.history import load_registry
from tasks.registry.settings_of_record import policy_on
from tasks.reporting.asks import decide_by
from tasks.reporting.charts import draw_figures
from tasks.reporting.facts import Facts
from tasks.reporting.report_sections import build_sections
from tasks.reporting.story import tell
from tasks.reporting.words import model_name, month_name, name_currency
from tasks.schemas.actions import keep_open
from tasks.schemas.monitoring import keep_metrics
from tasks.store import documents, tables
from tasks.text import for_html

NEWEST_ACTIONS = 6  # months of actions that the page lists
CHART_MONTHS, CHART_FEATURES = 12, 12  # of the heat map, so that it can be read on a telephone
LIFE = ("opened", "months", "state")  # of an action, where its table has them


def build_report(as_of: date | None, settings: Settings, *, out: Path | None = None) -> Place:
    """Write the report of a monitored date (by default the newest); return its path. Same tables, same bytes.

    Raises: TableNotReadyError when the date, or none at all, was monitored.
    """
    day = as_of or newest_monitored(settings)
    adopted = policy_on(day, settings)
    past = tables.scan("gold.monitoring", settings, until=day).collect()
    facts = Facts(
        day,
        past,
        keep_open(actions_on(day, settings)),
        economics_until(day, settings),
        adopted.policy,
        read_scored([day], settings),
    )
    images = draw_figures(day, settings, max_features=CHART_FEATURES, newest_months=CHART_MONTHS)
    models = [entry for entry in load_registry(settings).entries if entry.effective_from <= str(day)][::-1]
    html = _template().render(
        month=month_name(day),
        lender=lender().lender,
        currency=name_currency(lender().lender.currency),
        as_of=day,
        story=tell(facts),
        model_id=_champion(facts.now),
        model=model_name(_champion(facts.now)),
        judged_by=_policy(day, settings),
        policy={"name": adopted.name, **explain_policy(adopted.policy)},
        sections=build_sections(facts, _grades(day, settings), month=f"{day:%Y-%m}"),
        images={name: b64encode(svg).decode() for name, svg in images.items()},
        actions=_actions(facts, settings),
        models=models,
        cards={entry.model_id: _card_link(entry.model_id, settings) for entry in models},
        shadows=_shadows(day, settings),
        before=_month_before(day, settings),
    )
    return documents.write_page(out or settings.datamart / "report" / f"{day:%Y-%m}.html", html)


def _template() -> Any:
    loader = PackageLoader("tasks.reporting", "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=for_html)
    return pages.get_template("report.html")


def _champion(now: pl.DataFrame) -> str:
    return keep_metrics(now, "psi")["model_id"][0]


def _policy(day: date, settings: Settings) -> str:
    """By which policy the newest actions up to the day were derived."""
    actions = tables.scan("gold.actions", settings, until=day).sort("snapshot_date").collect()
    return f"actions by the policy of digest {actions['policy'][-1]}" if actions.height else "no action yet"


def _grades(day: date, settings: Settings) -> pl.DataFrame:
    """path, grade, n of the day's scored applications."""
    scored = tables.read("gold.predictions", settings, on=day)
    return scored.group_by("fallback", "grade").agg(n=pl.len()).sort("fallback", "grade")


def _card_link(model_id: str, settings: Settings) -> str:
    """Where the card of a model is, seen from the folder in which reports are by default."""
    card, pages = settings.model_store / model_id / "card.md", settings.datamart / "report"
    if not (isinstance(card, Path) and isinstance(pages, Path)):
        return str(card)
    return Path(os.path.relpath(card.absolute(), pages.absolute())).as_posix()


def _shadows(day: date, settings: Settings) -> list[dict[str, Any]]:
    """model_id, first and last month, months and applications of each model that scored in the shadow."""
    if not tables.snapshot_dates("gold.shadow_predictions", settings):
        return []
    scored = tables.scan("gold.shadow_predictions", settings, until=day)
    month = pl.col("snapshot_date")
    return (
        scored.group_by("model_id")
        .agg(first=month.min(), last=month.max(), months=month.n_unique(), n=pl.len())
        .sort("model_id")
        .collect()
        .to_dicts()
    )


def _month_before(day: date, settings: Settings) -> dict[str, str] | None:
    """Name and file of the report of the month before, if that was monitored."""
    before = months_before(day, 1)
    if before not in tables.snapshot_dates("gold.monitoring", settings):
        return None
    return {"name": month_name(before), "file": f"{before:%Y-%m}.html"}


def _actions(facts: Facts, settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Actions of the day (`now`), and of the months before (`earlier`), the newest first."""
    day = facts.day
    rows = keep_open(tables.scan("gold.actions", settings, until=day).collect())
    months = rows["snapshot_date"].unique().sort()[-NEWEST_ACTIONS:].implode()
    newest = rows.filter(pl.col("snapshot_date").is_in(months))
    ordered = newest.sort("snapshot_date", "due_date", "trigger", descending=[True, False, False])
    shown = ordered.with_columns(month=pl.col("snapshot_date").dt.strftime("%Y-%m"))
    listed = [{**row, "life": _life(row), "command": row.get("command") or ""} for row in shown.to_dicts()]
    now = [{**row, "due": _due(row, facts)} for row in listed if row["snapshot_date"] == day]
    earlier = [{**row, "due": row["due_date"]} for row in listed if row["snapshot_date"] != day]
    return {"now": now, "earlier": earlier}


def _due(row: dict[str, Any], facts: Facts) -> str:
    """By when an action of the day is to be decided, and since when it is overdue."""
    by = decide_by(row, facts)
    return f"{by} (overdue since {row['due_date']})" if by > row["due_date"] else str(by)


def _life(row: dict[str, Any]) -> str:
    """State of an action, since when and how many months it stands, as far as its table says so."""
    opened, months, state = (row.get(name) for name in LIFE)
    since = f" since {opened:%Y-%m}" if isinstance(opened, date) else ""
    return f"{state or 'open'}{since}{f', {months} months' if months and months > 1 else ''}"
