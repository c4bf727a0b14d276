"""The deck as its readers get it: a PDF of ten pages whose numbers are those of the tables."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pypdf import PageObject, PdfReader

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.governance.policy_text import describe_rules
from tasks.monitoring.actions import explain_triggers
from tasks.reporting.deck import gather, write_deck
from tasks.reporting.deck_data import DeckData, compare_expected
from tasks.reporting.deck_model_pages import describe_features
from tasks.reporting.deck_pages import build_deck
from tests.builders import month, months, quick_settings, run_months, write_book

DAY_OR_MODEL = re.compile(r"\d{4}-\d{2}(-\d{2})?(-[0-9a-f]{8})?")
NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?%?")


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store on the day of its first model."""
    home = tmp_path_factory.mktemp("young")
    settings = quick_settings(write_book(home / "data", n_months=10), home)
    run_months(settings, months(9))
    return settings


@pytest.fixture(scope="module")
def monitored(young: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same store a month later."""
    settings = quick_settings(young.data, tmp_path_factory.mktemp("deck"))
    shutil.copytree(young.datamart, settings.datamart)
    shutil.copytree(young.model_store, settings.model_store)
    run_months(settings, [month(9)])
    return settings


@pytest.fixture(scope="module")
def deck(monitored: Settings) -> Path:
    return write_deck(None, monitored)


@pytest.fixture(scope="module")
def data(monitored: Settings) -> DeckData:
    return gather(month(9), monitored)


def test_ten_pages_with_a_title_in_their_outline_and_small(deck: Path) -> None:
    pdf = PdfReader(deck)
    assert len(pdf.pages) == 10
    assert len(pdf.outline) == 10
    assert pdf.metadata is not None
    assert pdf.metadata.title == f"Vintage: the default model in {month(9):%Y-%m}"
    assert deck.stat().st_size < 5e6


def test_the_same_tables_give_the_same_bytes(monitored: Settings, deck: Path, tmp_path: Path) -> None:
    assert write_deck(month(9), monitored, out=tmp_path / "again.pdf").read_bytes() == deck.read_bytes()


def test_the_deck_of_an_older_date_leaves_the_newest_one(monitored: Settings, deck: Path) -> None:
    newest = deck.read_bytes()
    older = write_deck(month(8), monitored)
    assert (older.name, deck.name) == (f"vintage-{month(8):%Y-%m}.pdf", "vintage.pdf")
    assert deck.read_bytes() == newest


def test_the_deck_of_a_past_day_tells_nothing_that_came_later(monitored: Settings, young: Settings) -> None:
    assert build_deck(gather(month(8), monitored)) == build_deck(gather(month(8), young))


def test_every_font_is_embedded(deck: Path) -> None:
    fonts = [
        font.get_object() for page in PdfReader(deck).pages for font in page["/Resources"]["/Font"].values()
    ]
    inner = [part.get_object() for font in fonts for part in font.get("/DescendantFonts", [font])]
    assert inner
    for font in inner:
        assert any(key.startswith("/FontFile") for key in font["/FontDescriptor"])


def test_it_is_archivable_tagged_and_every_figure_has_words(deck: Path) -> None:
    catalog = PdfReader(deck).trailer["/Root"]
    assert b"pdfaid:part" in catalog["/Metadata"].get_data()
    assert catalog["/MarkInfo"]["/Marked"]
    figures = [one for one in _tags(catalog["/StructTreeRoot"]) if one.get("/S") == "/Figure"]
    assert len(figures) == 4
    assert all(len(str(one["/Alt"]).split()) > 3 for one in figures)


def _tags(node: Any) -> list[Any]:
    inner = node.get("/K", [])
    children = [kid.get_object() for kid in (inner if isinstance(inner, list) else [inner])]
    found = [kid for kid in children if hasattr(kid, "get")]
    return found + [one for kid in found for one in _tags(kid)]


def test_no_text_is_smaller_than_nine_points_or_off_its_page(deck: Path) -> None:
    for page in PdfReader(deck).pages:
        placed = _places(page)
        assert len(placed) > 9
        assert min(size for size, _, _ in placed) > 8.9
        width, height = page.mediabox.width, page.mediabox.height
        assert all(0 < x < width and 0 < y < height for _, x, y in placed)


def _places(page: PageObject) -> list[tuple[float, float, float]]:
    """Size, x and y of each piece of text, in points; that of figures included."""
    placed: list[tuple[float, float, float]] = []

    def visit(text: str, cm: list[float], tm: list[float], _font: Any, size: float) -> None:
        if text.strip():
            scale = math.hypot(cm[0] * tm[0] + cm[2] * tm[1], cm[1] * tm[0] + cm[3] * tm[1])
            x, y = tm[4] * cm[0] + tm[5] * cm[2] + cm[4], tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            placed.append((size * scale, x, y))

    page.extract_text(visitor_text=visit)
    return placed


def test_every_page_says_where_its_numbers_come_from(deck: Path, data: DeckData) -> None:
    for page in PdfReader(deck).pages:
        text = page.extract_text()
        assert f"Run of {data.day}" in text
        assert data.card["model_id"] in text


def test_every_number_in_words_or_tables_is_that_of_a_table(data: DeckData) -> None:
    known = _said_of(data)
    untraced = [number for number in _numbers_in(build_deck(data)) if number not in known]
    assert untraced == []


def test_a_number_that_no_table_holds_would_be_found(data: DeckData) -> None:
    assert "0.777123" not in _said_of(data)
    assert _numbers_in({"pages": ["AUC 0.777 of 1,234 loans, 3 on 2024-03-01"]}) == ["0.777", "1,234", "3"]


def _numbers_in(deck: dict[str, Any]) -> list[str]:
    text = DAY_OR_MODEL.sub("", json.dumps(deck["pages"], ensure_ascii=False))
    text = text.replace("95%", "").replace("90%", "").replace("30dpd_6mob", "").replace("99%", "")
    return [match.strip(",") for match in NUMBER.findall(text)]


def _said_of(data: DeckData) -> set[str]:
    """Every way that a number of the data may be written."""
    frames = (data.now, data.past, data.actions, data.months, data.sources)
    cells = [value for frame in frames for column in frame.select(pl.selectors.numeric()) for value in column]
    sums = [
        value
        for frame in (data.months, data.sources)
        for value in frame.select(pl.selectors.numeric()).sum().row(0)
    ]
    per_source = data.sources.group_by("source").agg(pl.selectors.numeric().sum()).drop("source")
    sums += [value for row in per_source.iter_rows() for value in row]
    pairs = compare_expected(data.past)
    gaps = [(pairs["realised"] - pairs["expected"]).mean()] if pairs.height else []
    shares = [share for _, share in data.reasons]
    told = [*cells, *sums, *gaps, *shares, *data.rows.values(), *_leaves(data.card)]
    ways = ("{:,.0f}", "{:.0%}", "{:.1%}", "{:.2f}", "{:.3f}", "{:.4f}", "{:+.3f}", "{:+.4f}")
    written = {way.format(value) for value in told if value is not None for way in ways}
    written |= {text.lstrip("+-") for text in written}
    written |= {str(count) for count in _counts_of(data)}
    due = " ".join(one["due"] for one in data.triggers)
    words = " ".join([*data.actions["evidence"], due, data.policy_name, describe_rules(data.policy)["gate"]])
    return written | {match.strip(",") for match in NUMBER.findall(words)}


def _counts_of(data: DeckData) -> list[int]:
    """What is counted on the pages: months, actions, rules, decisions, families of features, forecasts."""
    pairs = compare_expected(data.past)
    states = [row["state"] for row in data.models if row["state"] in ("champion", "rejected")]
    bad = data.past.filter(pl.col("metric").is_in(["psi", "csi"]), pl.col("status").is_in(["amber", "red"]))
    scored = data.past.filter(pl.col("metric") == "psi", pl.col("value").is_not_null())
    now = data.actions.filter(pl.col("snapshot_date") == data.day)
    ablations = data.card["ablations"]
    return [
        data.label_mob,
        data.months.height,
        *(
            now.filter(pl.col("severity").is_in(kinds)).height
            for kinds in (["red"], ["amber"], ["red", "amber"])
        ),
        len(data.triggers),
        len(states),
        states.count("champion"),
        len(ablations),
        sum(one["change_ci_90"][1] < 0 for one in ablations),
        pairs.height,
        pairs.filter(pl.col("realised").is_between("low", "high")).height,
        *(bad.filter(metric=metric)["snapshot_date"].n_unique() for metric in ("psi", "csi")),
        scored["snapshot_date"].n_unique(),
    ]


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [([-0.02, -0.01], "improves"), ([-0.01, 0.01], "not significant"), ([0.0001, 0.005], "worsens")],
)
def test_a_family_of_features_improves_or_worsens_the_auc_significantly_or_neither(
    data: DeckData, interval: list[float], verdict: str
) -> None:
    (family, *_) = data.card["ablations"]
    card = {**data.card, "ablations": [{**family, "change_ci_90": interval}]}
    assert describe_features(replace(data, card=card)).table[0][-1] == verdict


def test_the_deck_follows_the_policy(data: DeckData) -> None:
    """The gate's limits, due times, and the coverage that is enough."""
    changed = data.policy.model_copy(
        update={
            "gate": data.policy.gate.model_copy(update={"min_gain": -0.0123, "max_z": 3.21}),
            "coverage": data.policy.coverage.model_copy(update={"amber": 0.9701}),
            "trigger": tuple(
                one.model_copy(update={"due": "77 working days"}) for one in data.policy.trigger
            ),
        }
    )
    text = json.dumps(build_deck(replace(data, policy=changed, triggers=explain_triggers(changed))))
    assert all(number in text for number in ("-0.0123", "3.21", "97.01%", "77 working days"))


@pytest.mark.parametrize("former", [True, False])
def test_figures_of_a_model_that_no_longer_serves_are_said_to_be_its(data: DeckData, former: bool) -> None:
    scored_by = "a b" if former else f"a {data.card['model_id']}"
    told = {
        "value": 0.9,
        "reference": 0.9,
        "ci_low": 0.8,
        "ci_high": 1.0,
        "n": 100,
        "status": "green",
        "model_id": scored_by,
    }
    pooled = pl.col("metric") == "pooled_auc"
    now = data.now.with_columns(
        pl.when(pooled).then(pl.lit(value)).otherwise(name).alias(name) for name, value in told.items()
    )
    text = json.dumps(build_deck(replace(data, now=now)))
    assert ("These were scored by a and b" in text) == former
    assert ("A former model has not lost ranking power" in text) == former
    assert ("The model has not lost ranking power" in text) != former


def _leaves(tree: Any) -> list[float]:
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in _leaves(part)]
    if isinstance(tree, list):
        return [float(len(tree)), *(leaf for part in tree for leaf in _leaves(part))]
    return [float(tree)] if isinstance(tree, int | float) else []


def test_before_the_first_model_the_pages_say_what_is_missing(monitored: Settings, tmp_path: Path) -> None:
    early = write_deck(month(0), monitored, out=tmp_path / "early.pdf")
    pages = [page.extract_text() for page in PdfReader(early).pages]
    assert len(pages) == 10
    assert "There is no model to decide on" in pages[0]
    assert "No model was trained yet" in pages[5]
    assert "only a forecast" in pages[6]


def test_without_any_month_the_error_names_the_command(tmp_path: Path) -> None:
    empty = Settings(data=tmp_path / "d", datamart=tmp_path / "m", model_store=tmp_path / "s")
    with pytest.raises(TableNotReadyError, match="vintage demo"):
        write_deck(None, empty)
