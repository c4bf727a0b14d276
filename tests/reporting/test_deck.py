"""The deck as its readers get it: a PDF of ten pages whose numbers are those of the tables."""

import json
import math
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pypdf import PageObject, PdfReader

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.lender.declaration import Identity
from tasks.monitoring.actions import explain_triggers
from tasks.reporting.deck.data import DeckData
from tasks.reporting.deck.pages import build_deck
from tasks.reporting.deck.write import compile_deck, gather, write_deck
from tasks.reporting.words import day_name, month_name
from tests.builders import month, months, quick_settings, run_months, write_book
from tests.reporting.deck_numbers import (
    WAYS,
    counted_rows,
    counts_of,
    falsified,
    numbers_in,
    raw_values,
    said_by_page,
    without_maps,
)


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
    assert pdf.metadata.title == f"Vintage: the default model in {month_name(month(9))}"
    assert deck.stat().st_size < 2e6


def test_the_same_tables_give_the_same_bytes(monitored: Settings, deck: Path, tmp_path: Path) -> None:
    assert write_deck(month(9), monitored, out=tmp_path / "again.pdf").read_bytes() == deck.read_bytes()


def test_the_deck_of_an_older_date_leaves_the_newest_one(monitored: Settings, deck: Path) -> None:
    newest = deck.read_bytes()
    older = write_deck(month(8), monitored)
    assert (older.name, deck.name) == (f"vintage-{month(8):%Y-%m}.pdf", "vintage.pdf")
    assert deck.read_bytes() == newest


def test_the_deck_of_a_past_day_tells_nothing_that_came_later(monitored: Settings, young: Settings) -> None:
    assert build_deck(gather(month(8), monitored)) == build_deck(gather(month(8), young))


def test_the_cover_and_the_amounts_are_those_of_the_declared_lender(data: DeckData) -> None:
    deck = build_deck(replace(data, lender=Identity(name="Alpha Bank", currency="EUR")))
    assert deck["cover"]["lender"] == "Alpha Bank"
    assert deck["pages"][0]["plain"].endswith("Amounts in EUR.")


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
    assert len(figures) >= 8
    assert all(len(str(one["/Alt"]).split()) > 3 for one in figures)


def _tags(node: Any) -> list[Any]:
    inner = node.get("/K", [])
    children = [kid.get_object() for kid in (inner if isinstance(inner, list) else [inner])]
    found = [kid for kid in children if hasattr(kid, "get")]
    return found + [one for kid in found for one in _tags(kid)]


def test_no_text_is_smaller_than_twelve_points_or_off_its_page(deck: Path) -> None:
    for page in PdfReader(deck).pages:
        placed = _places(page)
        assert len(placed) > 9
        assert min(size for size, _, _ in placed) > 11.9
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


def test_a_table_too_long_for_its_page_says_how_many_rows_it_leaves_out(
    data: DeckData,
) -> None:
    many = [{**data.triggers[0], "name": f"number_{number:02d}"} for number in range(40)]
    page = PdfReader(BytesIO(compile_deck(build_deck(replace(data, triggers=many))))).pages[8]
    heights = dict[str, float]()

    def visit(text: str, cm: list[float], tm: list[float], *_: Any) -> None:
        heights.setdefault(text.strip(), tm[4] * cm[1] + tm[5] * cm[3] + cm[5])

    page.extract_text(visitor_text=visit)
    rows = sorted(text for text in heights if text.startswith("number "))
    assert rows == [f"number {number:02d}" for number in range(len(rows))]
    assert 5 < len(rows) < 20
    below = next(height for text, height in heights.items() if text.startswith("The gate, on loans"))
    assert heights[rows[-1]] > heights[f"and {len(many) - len(rows)} more"] > below + 12


def test_a_better_cut_off_is_named_on_the_first_page_as_on_the_second(data: DeckData) -> None:
    best = pl.col("figure") == "best_cutoff"
    for value, side in ((0.1, "lower"), (0.7, "higher"), (data.policy.cutoff_pd, "")):
        limits = {"value": value, "ci_low": value - 0.05, "ci_high": value + 0.05}
        moved = data.economics.with_columns(
            pl.when(best).then(pl.lit(number)).otherwise(name).alias(name) for name, number in limits.items()
        )
        pages = build_deck(replace(data, economics=moved, actions=data.actions.clear()))["pages"]
        assert ("a month more than 30%" in pages[1]["title"]) == bool(side)
        assert ("30% is within that range and may stay" in pages[1]["title"]) == (not side)
        assert ("The peak is the best place to stop" in pages[1]["plain"]) == bool(side)
        assert (f", a {side} cut-off of" in json.dumps(pages[0])) == bool(side)


def test_every_page_says_where_its_numbers_come_from(deck: Path, data: DeckData) -> None:
    for page in PdfReader(deck).pages:
        text = page.extract_text()
        assert f"Run of {day_name(data.day)}" in text
        assert data.card["model_id"] in text


def test_every_number_of_a_page_is_of_what_it_speaks_of(data: DeckData) -> None:
    pages = zip(build_deck(data)["pages"], said_by_page(data), strict=True)
    unknown = [[one for one in numbers_in(without_maps(page)) if one not in known] for page, known in pages]
    assert unknown == [[]] * 10


def test_another_last_digit_of_a_page_would_be_noticed(data: DeckData) -> None:
    """In three of four numbers of two digits and more; each cell of the heat map is looked up below."""
    pages = zip(build_deck(data)["pages"], said_by_page(data), strict=True)
    noticed = [
        other not in known for page, known in pages for other in falsified(numbers_in(without_maps(page)))
    ]
    assert len(noticed) > 100
    assert sum(noticed) > 0.75 * len(noticed)


def test_each_cell_of_the_heat_map_is_of_its_feature_and_month(data: DeckData) -> None:
    blocks = [block for row in build_deck(data)["pages"][7]["rows"] for block in row["blocks"]]
    heat = next(block for block in blocks if block["kind"] == "heat")
    rows = data.past.filter(metric="csi").drop_nulls("value")
    table = {(row["subject"], f"{row['snapshot_date']:%b %y}"): row["value"] for row in rows.to_dicts()}
    cells = {
        (row["label"], column): cell["label"]
        for row in heat["rows"]
        for column, cell in zip(heat["columns"], row["cells"], strict=True)
    }
    assert len(cells) >= 5
    assert cells == {key: f"{table[key]:.2f}" if key in table else "" for key in cells}


def test_a_title_says_no_number_that_its_page_does_not_show(data: DeckData) -> None:
    for page in build_deck(data)["pages"]:
        raw = {way.format(value) for value in raw_values(page["rows"]) for way in WAYS}
        shown = {*numbers_in(page["rows"]), *raw, *map(str, counts_of(data)), *counted_rows(data)}
        assert [number for number in numbers_in(page["title"]) if number not in shown] == [], page["title"]


def test_title_and_picture_follow_the_same_figures(data: DeckData) -> None:
    """Another PSI changes the title of its page and the last point of its line."""
    psi = (pl.col("metric") == "psi") & (pl.col("snapshot_date") == data.day)
    past = data.past.with_columns(value=pl.when(psi).then(0.1234).otherwise("value"))
    page = build_deck(replace(data, past=past))["pages"][7]
    assert "0.123" in page["title"]
    line = next(block for block in page["rows"][0]["blocks"] if block["kind"] == "line")
    assert line["series"][0]["points"][-1]["value"] == 0.1234


@pytest.mark.parametrize(
    ("interval", "colour"), [([-0.02, -0.01], "accent"), ([-0.01, 0.01], "soft"), ([0.0001, 0.005], "soft")]
)
def test_a_family_of_features_stands_out_when_it_improves_the_auc_significantly(
    data: DeckData, interval: list[float], colour: str
) -> None:
    (family, *_) = data.card["ablations"]
    card = {**data.card, "ablations": [{**family, "change_ci_90": interval}]}
    page = build_deck(replace(data, card=card))["pages"][4]
    (bar,) = next(block for block in page["rows"][0]["blocks"] if block["kind"] == "bars")["rows"]
    assert bar["colour"] == colour
    assert f"{int(colour == 'accent')} of 1 families improve it significantly" in page["title"]


def test_the_deck_follows_the_policy(data: DeckData) -> None:
    """The gate's limits, due times, the cut-off and the margin."""
    changed = data.policy.model_copy(
        update={
            "gate": data.policy.gate.model_copy(update={"min_gain": -0.0123, "max_z": 3.21}),
            "cutoff": data.policy.cutoff.model_copy(update={"approve_up_to_pd": 0.27}),
            "economics": data.policy.economics.model_copy(update={"margin": 0.123}),
            "trigger": tuple(
                one.model_copy(update={"due": "77 working days"}) for one in data.policy.trigger
            ),
        }
    )
    text = json.dumps(build_deck(replace(data, policy=changed, triggers=explain_triggers(changed))))
    assert all(number in text for number in ("-0.0123", "3.21", "27%", "12.3%", "77 working days"))


@pytest.mark.parametrize(
    ("former", "who"), [(["a"], "the model before"), (["a", "b"], "earlier models"), (["a", None], "")]
)
def test_figures_of_a_model_that_no_longer_serves_are_said_to_be_its(
    data: DeckData, former: list[str | None], who: str
) -> None:
    scored_by = " ".join(one or data.card["model_id"] for one in former)
    told = {"value": 0.9, "reference": 0.9, "ci_low": 0.8, "ci_high": 1.0, "n": 100, "status": "green"}
    told["model_id"] = scored_by
    pooled = pl.col("metric") == "pooled_auc"
    now = data.now.with_columns(
        pl.when(pooled).then(pl.lit(value)).otherwise(name).alias(name) for name, value in told.items()
    )
    pages = build_deck(replace(data, now=now))["pages"]
    reached = "reached an AUC of 0.900, not significantly below"
    assert f"{who or 'the score'} {reached}" in pages[6]["title"]
    assert f", {who or 'realised'}" in json.dumps(pages[0])


def test_before_the_first_model_the_pages_say_what_is_missing(monitored: Settings, tmp_path: Path) -> None:
    early = write_deck(month(0), monitored, out=tmp_path / "early.pdf")
    pages = [page.extract_text() for page in PdfReader(early).pages]
    assert len(pages) == 10
    assert "No model serves before September 2023" in " ".join(pages[0].split())
    assert "No model was trained yet" in pages[5]
    assert "No application was scored yet" in pages[6]


def test_a_month_of_older_code_says_that_its_money_was_not_measured(data: DeckData) -> None:
    pages = build_deck(replace(data, economics=data.economics.clear()))["pages"]
    assert "was not measured by the code that ran this month" in pages[1]["title"]
    assert "no applications were scored" not in json.dumps(pages[0])


def test_without_any_month_the_error_names_the_command(tmp_path: Path) -> None:
    empty = Settings(data=tmp_path / "d", datamart=tmp_path / "m", model_store=tmp_path / "s")
    with pytest.raises(TableNotReadyError, match="vintage demo"):
        write_deck(None, empty)
