"""The deck: a PDF of ten pages from the tables of a run."""

import json
import tempfile
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import polars as pl
import typst

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.governance.adopted_policy import read_policy
from tasks.monitoring.actions import explain_triggers
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import settings_on
from tasks.reporting.charts import draw_figures
from tasks.reporting.deck_data import DeckData
from tasks.reporting.deck_pages import build_deck
from tasks.reporting.status import month_table
from tasks.schemas.reasons import REASON_TEXTS
from tasks.store import documents, tables

MAX_REASONS = 2
COUNTED = (
    *(f"silver.{name}" for name in ("clickstream", "attributes", "financials", "loans")),
    *(f"gold.{name}" for name in ("feature_store", "label_store", "predictions", "monitoring", "actions")),
)


def write_deck(as_of: date | None, settings: Settings, *, out: Path | None = None) -> Path:
    """Write the deck of a date that has features (by default the newest); same tables, same bytes.

    That of an older date has the month in its name, so that it never takes the newest one's place.
    Before the first model its pages say what is missing.
    Raises: TableNotReadyError when the date, or none at all, has features.
    """
    days = tables.snapshot_dates("gold.feature_store", settings)
    if not days:
        raise TableNotReadyError(
            f"No month was taken in yet in {settings.datamart.absolute()}, so there is no deck to make. Name "
            "the folder of the tables with --datamart, or begin with: vintage demo"
        )
    day = as_of or days[-1]
    tables.require("gold.feature_store", day, settings, flow="features")
    deck = build_deck(gather(day, settings_on(day, settings)))
    images = draw_figures(day, settings, max_features=8, newest_months=12)
    name = "vintage.pdf" if day == days[-1] else f"vintage-{day:%Y-%m}.pdf"
    return documents.write_page(out or settings.datamart / "deck" / name, compile_deck(deck, images))


def compile_deck(deck: dict[str, object], images: dict[str, bytes]) -> bytes:
    """The PDF of a deck's data and its figures (SVG by name)."""
    fonts, template = files("font_lato") / "files", files("tasks.reporting") / "templates" / "deck.typ"
    with tempfile.TemporaryDirectory() as folder, as_file(fonts) as font_folder:
        work = Path(folder)
        (work / "deck.typ").write_bytes(template.read_bytes())
        (work / "deck.json").write_text(json.dumps(deck), encoding="utf-8")
        for name, svg in images.items():
            (work / f"{name}.svg").write_bytes(svg.replace(b"sans-serif", b"Lato"))
        return typst.compile(
            work / "deck.typ",
            root=work,
            font_paths=[font_folder],
            ignore_system_fonts=True,
            pdf_standards=["a-2a"],
        )


def gather(day: date, settings: Settings) -> DeckData:
    """All that the deck of a date is made from."""
    past = tables.scan("gold.monitoring", settings, until=day).collect()
    now = past.filter(pl.col("snapshot_date") == day)
    registry = load_registry(settings)
    champion = champion_on(registry, day)
    history = [entry for entry in registry.entries if entry.effective_from <= str(day)]
    adopted = read_policy(settings.policy)
    return DeckData(
        day=day,
        now=now,
        past=past,
        actions=tables.scan("gold.actions", settings, until=day).collect().sort("snapshot_date", "due_date"),
        months=month_table(settings, until=day),
        sources=tables.scan("bronze.deliveries", settings, until=day).collect(),
        rows={
            name: tables.scan(name, settings, until=day).select(pl.len()).collect().item() for name in COUNTED
        },
        card=read_card(registry, champion.model_id) if champion else {},
        models=[
            {name: str(getattr(entry, name)) for name in ("effective_from", "model_id", "state", "why")}
            for entry in history
        ],
        reasons=_first_reasons(day, settings),
        triggers=explain_triggers(adopted.policy),
        policy=adopted.policy,
        policy_name=adopted.name,
        label_mob=settings.label_mob,
    )


def _first_reasons(day: date, settings: Settings) -> list[tuple[str, float]]:
    """Text of the MAX_REASONS most frequent first reasons of the day's scores, with their shares."""
    first = tables.read("gold.predictions", settings, on=day)["reason_1"].drop_nulls()
    if first.is_empty():
        return []
    counts = first.value_counts(normalize=True, name="share").sort(
        "share", "reason_1", descending=[True, False]
    )
    return [(REASON_TEXTS[code], share) for code, share in counts.head(MAX_REASONS).iter_rows()]
