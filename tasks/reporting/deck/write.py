"""Write the deck: read what it is made from, and make a PDF of ten pages."""

import json
import tempfile
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

import polars as pl
import typst

from tasks.config import Settings
from tasks.economics.reading import economics_until, read_scored
from tasks.errors import TableNotReadyError
from tasks.lender.current import NamesOfTheLender, lender
from tasks.monitoring.actions import explain_triggers
from tasks.place import Place
from tasks.registry.history import Registry, champion_on, load_registry
from tasks.registry.registered_files import read_card
from tasks.registry.settings_of_record import policy_on, settings_on
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.pages import build_deck
from tasks.reporting.status import month_table
from tasks.schemas.actions import keep_open
from tasks.schemas.feature_store import MONTHS, longest_history
from tasks.schemas.monitoring import keep_metrics
from tasks.schemas.reasons import REASON_TEXTS
from tasks.store import documents, tables

MAX_REASONS = 2
COUNTED = NamesOfTheLender(
    lambda declared: (
        *(f"silver.{source.name}" for source in declared.sources),
        *(
            f"gold.{name}"
            for name in ("feature_store", "label_store", "predictions", "monitoring", "actions")
        ),
    )
)
TEMPLATES = ("deck.typ", "deck_charts.typ", "deck_drawings.typ")


def write_deck(as_of: date | None, settings: Settings, *, out: Path | None = None) -> Place:
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
    months = sorted({*days, *tables.snapshot_dates("gold.monitoring", settings)})  # also those of a pause
    day = as_of or months[-1]
    if day not in months:
        tables.require("gold.feature_store", day, settings, flow="features")
    name = "vintage.pdf" if day == months[-1] else f"vintage-{day:%Y-%m}.pdf"
    deck = build_deck(gather(day, settings_on(day, settings)))
    return documents.write_page(out or settings.datamart / "deck" / name, compile_deck(deck))


def compile_deck(deck: dict[str, Any]) -> bytes:
    """The PDF of a deck's data."""
    (pdf,) = _compile(deck, "pdf")
    return pdf


def draw_pages(deck: dict[str, Any], *, ppi: float) -> list[bytes]:
    """Each page of a deck's data as a PNG of so many dots an inch."""
    return _compile(deck, "png", ppi=ppi)


def _compile(deck: dict[str, Any], form: Literal["pdf", "png"], *, ppi: float = 72) -> list[bytes]:
    fonts, templates = files("font_lato") / "files", files("tasks.reporting") / "templates"
    with tempfile.TemporaryDirectory() as folder, as_file(fonts) as font_folder:
        work = Path(folder)
        for name in TEMPLATES:
            (work / name).write_bytes((templates / name).read_bytes())
        (work / "deck.json").write_text(json.dumps(deck), encoding="utf-8")
        made = typst.compile(
            work / TEMPLATES[0],
            root=work,
            font_paths=[font_folder],
            ignore_system_fonts=True,
            format=form,
            ppi=ppi,
            pdf_standards=["a-2a"] if form == "pdf" else [],
        )
        return made if isinstance(made, list) else [made]


def gather(day: date, settings: Settings) -> DeckData:
    """All that the deck of a date is made from."""
    past = tables.scan("gold.monitoring", settings, until=day).collect()
    registry = load_registry(settings)
    champion = champion_on(registry, day)
    adopted = policy_on(day, settings)
    return DeckData(
        day=day,
        lender=lender().lender,
        now=past.filter(pl.col("snapshot_date") == day),
        past=past,
        actions=keep_open(tables.scan("gold.actions", settings, until=day).collect()).sort(
            "snapshot_date", "due_date"
        ),
        economics=economics_until(day, settings),
        months=month_table(settings, until=day),
        sources=tables.scan("bronze.deliveries", settings, until=day).collect(),
        rows={
            name: tables.scan(name, settings, until=day).select(pl.len()).collect().item() for name in COUNTED
        },
        card=read_card(registry, champion.model_id) if champion else {},
        models=_history(registry, day),
        reasons=_first_reasons(day, settings),
        mix=_path_mix(day, settings),
        history=_history_lengths(day, settings),
        developed_on=_developed_on(past.filter(pl.col("snapshot_date") == day), registry),
        triggers=explain_triggers(adopted.policy),
        policy=adopted.policy,
        policy_name=f"of digest {adopted.digest}",
        label_mob=settings.label_mob,
        first_cohorts=settings.first_training_cohorts,
        scored=read_scored([day], settings),
    )


def _history(registry: Registry, day: date) -> list[dict[str, str]]:
    names = ("effective_from", "model_id", "state", "why")
    entries = [entry for entry in registry.entries if entry.effective_from <= str(day)]
    return [{name: str(getattr(entry, name)) for name in names} for entry in entries]


def _path_mix(day: date, settings: Settings) -> pl.DataFrame:
    """month, path, n: applications that each score path answered, in order."""
    scored = tables.scan("gold.predictions", settings, until=day)
    counts = scored.group_by(month="snapshot_date", path="fallback").agg(n=pl.len())
    return counts.sort("month", "path").collect()


def _developed_on(now: pl.DataFrame, registry: Registry) -> dict[str, float]:
    """Median months of history of the loans that judged the models of the pooled AUC, by model."""
    models = {name for ids in keep_metrics(now, "pooled_auc")["model_id"] for name in ids.split()} - {"none"}
    known = {name: read_card(registry, name)["data"].get("oot_history_months") for name in sorted(models)}
    return {name: months for name, months in known.items() if months is not None}


def _history_lengths(day: date, settings: Settings) -> dict[str, float]:
    """Median months of history of the applicants of each month who have any."""
    if not MONTHS:
        return {}
    rows = tables.scan("gold.feature_store", settings, until=day)
    known = rows.select(month="snapshot_date", n=longest_history()).filter(pl.col("n") > 0)
    medians = known.group_by("month").agg(pl.median("n")).sort("month")
    return {f"{month:%Y-%m}": median for month, median in medians.collect().iter_rows()}


def _first_reasons(day: date, settings: Settings) -> list[tuple[str, float]]:
    """Text of the MAX_REASONS most frequent first reasons of the day's scores, with their shares."""
    first = tables.read("gold.predictions", settings, on=day)["reason_1"].drop_nulls()
    if first.is_empty():
        return []
    counts = first.value_counts(normalize=True, name="share").sort(
        "share", "reason_1", descending=[True, False]
    )
    return [(REASON_TEXTS[code], share) for code, share in counts.head(MAX_REASONS).iter_rows()]
