"""The report as its readers see it: one file, in a real browser where there is one."""

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings
from tasks.errors import TableNotReadyError
from tasks.governance.adopted_policy import read_policy
from tasks.monitoring.actions import actions_on, explain_policy
from tasks.reporting.charts import coverage_by_month
from tasks.reporting.html_report import build_report
from tasks.schemas.feature_store import MEASURES
from tasks.schemas.monitoring import SPECS
from tasks.store import tables
from tests.builders import month, months, quick_settings, run_months, write_book

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
N_PICTURES = sum(bool(spec.section and spec.drawing) for spec in SPECS)
PROBE = """<script>addEventListener("load", () => { document.title = [...document.images].map(
i => i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().width > 300).join(" ") + " " +
document.documentElement.scrollWidth + " " + innerWidth })</script>"""


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("report")
    settings = quick_settings(write_book(home / "data", n_months=10), home)
    blank_some_clicks(settings.data / "feature_clickstream.csv")
    run_months(settings, months(10))
    return settings


def blank_some_clicks(file: Path) -> None:
    """Leave a third of the last month's rows without a value."""
    rows = pl.read_csv(file, infer_schema=False)
    blank = (pl.col("snapshot_date") == str(month(9))) & (pl.int_range(pl.len()) % 3 == 0)
    rows.with_columns(pl.when(~blank).then(pl.col(MEASURES)).name.keep()).write_csv(file)


@pytest.fixture(scope="module")
def page(monitored: Settings) -> Path:
    return build_report(None, monitored)


def test_the_page_needs_nothing_but_itself(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert page.name == "2023-10.html"
    assert "<script" not in text
    assert re.findall(r"src=\"(?!data:)", text) == []
    assert re.findall(r"href=\"(?!#|2023-09\.html|\.\./\.\./model_store/)", text) == []


def test_the_page_opens_with_the_cause_and_lists_what_is_red_first(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    places = [text.index(f'id="{name}"') for name in ("causes", "actions", "lights", "money", "sign-off")]
    assert places == sorted(places)
    lights = re.findall(r"<h2[^>]*><span class=\"(red|amber|green|)\">", text)
    assert lights == sorted(lights, key=lambda light: ["red", "amber", "green", ""].index(light))
    assert "Clickstream has covered" in text
    assert "Reference lender, amounts in the currency of the loan accounts" in text


def test_every_light_links_to_a_section_of_the_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"href=\"#([^\"]+)\"", text)
    assert len(links) > 8
    assert [link for link in links if f'<section id="{link}"' not in text] == []


def test_the_data_behind_each_chart_is_a_table_of_the_page(monitored: Settings, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    psi = tables.read("gold.monitoring", monitored, on=month(9)).filter(metric="psi", subject="score")
    assert text.count("<details>") >= N_PICTURES - 1
    assert f"<td>{psi['value'][0]:.3f}</td>" in text


def test_every_figure_has_its_sentence_as_alternative_text(page: Path) -> None:
    alternatives = re.findall(r"<img [^>]*alt=\"([^\"]*)\"", page.read_text(encoding="utf-8"))
    assert len(alternatives) == N_PICTURES
    assert all(len(words.split()) > 5 for words in alternatives)


def test_the_pictures_coverage_is_that_of_the_table(monitored: Settings) -> None:
    measured = tables.read("gold.monitoring", monitored, on=month(9)).filter(
        pl.col("metric") == "coverage", pl.col("subject") != "scoring"
    )
    values = dict(measured.select("subject", "value").iter_rows())
    drawn = coverage_by_month(month(9), monitored).filter(
        pl.col("month") == month(9), pl.col("subject") != "scored"
    )
    assert dict(drawn.select("subject", "value").iter_rows()) == pytest.approx(values)
    assert values["clickstream"] == pytest.approx(2 / 3, abs=0.1)


def test_the_actions_of_the_month_are_on_the_page(monitored: Settings, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for action in actions_on(month(9), monitored)["action"]:
        assert action in text


def test_the_policy_is_on_the_page_in_words(monitored: Settings, page: Path) -> None:
    """So that a number that is changed in the policy is changed on the page."""
    text = unescape(page.read_text(encoding="utf-8"))
    explained = explain_policy(read_policy(monitored.policy).policy)
    rows = [*explained["triggers"], *explained["limits"], explained["rules"]]
    unsaid = [words for row in rows for key, words in row.items() if key not in ("name", "metric", "more")]
    assert [words for words in unsaid if words not in text] == []


def test_the_same_tables_give_the_same_bytes(monitored: Settings, page: Path, tmp_path: Path) -> None:
    assert build_report(month(9), monitored, out=tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_no_personal_data_is_on_the_page(monitored: Settings, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    people = tables.scan("silver.attributes", monitored).collect()
    for column in ("name", "ssn", "customer_id"):
        assert not [value for value in people[column].drop_nulls() if value in text]


def test_without_monitoring_there_is_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(TableNotReadyError, match="No month was monitored yet"):
        build_report(None, Settings(datamart=tmp_path))


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 500])
def test_every_figure_is_visible_in_a_browser(page: Path, tmp_path: Path, width: int) -> None:
    """500 pixels is the narrowest window that headless Chromium opens."""
    probed = tmp_path / "probed.html"
    probed.write_text(
        page.read_text(encoding="utf-8").replace("</head>", PROBE + "</head>"), encoding="utf-8"
    )
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom")
    assert BROWSER
    shown = subprocess.run(
        [BROWSER, *options, f"--user-data-dir={tmp_path / 'browser'}", probed.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    title = re.search(r"<title>([^<]*)</title>", shown)
    assert title
    *visible, page_width, window_width = title.group(1).split()
    assert visible == ["true"] * N_PICTURES
    assert int(page_width) <= int(window_width)
