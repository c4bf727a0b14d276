"""A model in the shadow scores what the champion scores, and decides nothing."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.engine import run_flow
from flows.inference import inference
from tasks.config import Settings
from tasks.errors import ModelStoreError, UsageError
from tasks.evaluation.compare_shadow import compare_shadow
from tasks.evaluation.scorers import POOLED
from tasks.registry.history import champion_on, load_registry
from tasks.registry.models import ARTEFACT
from tasks.reporting.html_report import build_report
from tasks.scoring.shadow_log import order_shadow, path_of_orders, shadows_on
from tasks.statistics.performance import measure_auc
from tasks.store import tables
from tests.builders import exit_code, month, months, quick_settings, run_months, take_in, write_book

pytestmark = pytest.mark.integration

SHADOWED = months(12)[10:]  # ripe, all of them, in the last month


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two models, of months 8 and 10; months 10 and 11 are scored, and ripe."""
    home = tmp_path_factory.mktemp("shadow")
    settings = quick_settings(write_book(home / "data", n_months=18), home)
    run_months(settings, months(12))
    take_in(settings, months(18)[12:])
    return settings


def other_model(settings: Settings) -> str:
    """The model that does not serve."""
    registry = load_registry(settings)
    serving = champion_on(registry, SHADOWED[0])
    assert serving is not None
    return next(e.model_id for e in registry.entries if e.model_id != serving.model_id)


def test_a_shadow_scores_beside_the_champion_and_is_compared_with_it(
    store: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    shadow, before = other_model(store), tables.scan("gold.predictions", store).collect()
    assert exit_code(store, "models", "compare-shadow", shadow) == 99
    assert (
        exit_code(store, "models", "shadow", shadow, "--from", str(SHADOWED[0]), "--to", str(SHADOWED[-1]))
        == 0
    )
    for day in SHADOWED:
        run_flow(inference, day, store)
    assert_frame_equal(tables.scan("gold.predictions", store).collect(), before, check_row_order=False)
    scored = tables.scan("gold.shadow_predictions", store).collect()
    assert set(scored["model_id"]) == {shadow}
    served = before.filter(pl.col("snapshot_date").is_in(SHADOWED))
    assert set(scored["loan_id"]) == set(served["loan_id"])
    capsys.readouterr()
    assert exit_code(store, "models", "compare-shadow", shadow, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["month"] for row in rows] == [*(f"{day:%Y-%m}" for day in SHADOWED), POOLED]
    labels = tables.scan("gold.label_store", store).select("loan_id", "label").collect()
    pooled = scored.join(labels, on="loan_id")
    auc = measure_auc(pooled["label"].cast(pl.Float64).to_numpy(), pooled["pd"].to_numpy()).value
    assert rows[-1]["auc_shadow"] == pytest.approx(auc)
    assert rows[-1]["auc_gain"] == pytest.approx(rows[-1]["auc_shadow"] - rows[-1]["auc_champion"])
    assert compare_shadow(shadow, store).height == len(rows)


def test_the_report_says_what_scored_in_the_shadow_and_how_to_compare_it(
    store: Settings, tmp_path: Path
) -> None:
    shadow, day = other_model(store), SHADOWED[-1]
    scored = tables.scan("gold.shadow_predictions", store, until=day).collect()
    page = build_report(day, store, out=tmp_path / "page.html").read_text(encoding="utf-8")
    line = f"In the shadow: {shadow} scored {scored.height} applications of {len(SHADOWED)} months"
    assert line in page
    assert f"vintage models compare-shadow {shadow}" in page


def test_a_shadow_that_cannot_score_is_a_warning_and_stops_nothing(
    store: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    shadow, day = other_model(store), SHADOWED[-1]
    order_shadow(shadow, day, None, store)
    path = store.model_store / shadow / ARTEFACT
    whole = path.read_bytes()
    path.write_bytes(b"spoiled")
    run_flow(inference, day, store)
    path.write_bytes(whole)
    assert tables.read("gold.predictions", store, on=day).height > 0
    assert [record.message for record in caplog.records if "No shadow run" in record.message] != []


@pytest.mark.parametrize(
    ("start", "end", "error"), [(month(0), None, ModelStoreError), (month(11), month(10), UsageError)]
)
def test_a_shadow_run_before_the_model_or_of_no_month_is_refused(
    store: Settings, start: date, end: date | None, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"not in the registry|would end"):
        order_shadow(other_model(store), start, end, store)


def test_the_last_order_holds_and_an_edited_one_is_found(store: Settings) -> None:
    shadow = other_model(store)
    order_shadow(shadow, month(11), None, store)
    assert shadows_on(month(15), store) == [shadow]
    order_shadow(shadow, month(11), month(12), store)
    assert (shadows_on(month(12), store), shadows_on(month(13), store)) == ([shadow], [])
    path = path_of_orders(store)
    text = path.read_text()
    path.write_text(text.replace(str(month(12)), str(month(14))))
    with pytest.raises(ModelStoreError, match="was edited"):
        shadows_on(month(12), store)
    path.write_text(text)
