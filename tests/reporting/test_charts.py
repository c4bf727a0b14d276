import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tasks.config import Settings
from tasks.reporting.charts import RATES, add_measured_rates, draw_charts
from tasks.schemas.catalog import TABLES
from tasks.schemas.monitoring import METRICS
from tasks.store import documents, tables
from tests.charts.books import figure_rows, month


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    chosen = Settings(datamart=tmp_path / "datamart", model_store=tmp_path / "models")
    tables.create_missing(chosen)
    return chosen


def measure(values: list[float | None], settings: Settings) -> None:
    for number, value in enumerate(values):
        rows = figure_rows("psi", [value], first=number)
        tables.replace_partitions("gold.monitoring", rows, days=[month(number)], settings=settings)


def charts_of(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (settings.datamart / "charts").iterdir()}


def test_a_second_run_leaves_the_same_files(settings: Settings) -> None:
    measure([0.05, 0.06], settings)
    draw_charts(month(1), settings)
    first = charts_of(settings)
    draw_charts(month(1), settings)
    assert charts_of(settings) == first
    assert set(first) == {f"{spec.drawing}.svg" for spec in METRICS.values() if spec.drawing}


def test_charts_ignore_what_comes_after_as_of(settings: Settings) -> None:
    measure([0.05, 0.06], settings)
    draw_charts(month(1), settings)
    before = charts_of(settings)
    measure([0.05, 0.06, 0.90], settings)
    draw_charts(month(1), settings)
    assert charts_of(settings) == before


def test_applications_labels_and_predictions_are_counted_by_month(settings: Settings) -> None:
    loans = pl.DataFrame(
        {"loan_id": ["a", "b"], "customer_id": ["a", "b"], "has_attributes": [True, False]}
    ).with_columns(
        snapshot_date=pl.lit(date(2023, 1, 1)), has_clickstream=pl.lit(True), has_financials=pl.lit(True)
    )
    missing = {
        k: pl.lit(None, v) for k, v in TABLES["gold.feature_store"].columns.items() if k not in loans.columns
    }
    loans = loans.with_columns(**missing)
    tables.replace_partitions("gold.feature_store", loans, days=[date(2023, 1, 1)], settings=settings)
    draw_charts(date(2023, 1, 1), settings)
    drawn = charts_of(settings)["intake.svg"].decode()
    assert "50% throughout" in drawn
    assert "not scored: 1" in drawn


def test_a_chart_that_cannot_be_replaced_stays_and_leaves_no_rest(settings: Settings) -> None:
    stays = settings.datamart / "charts" / "auc.svg"
    stays.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        documents.write_chart("auc", b"<svg/>", settings)
    assert list(stays.parent.iterdir()) == [stays]


@pytest.mark.parametrize(
    ("module", "unused"),
    [
        ("tasks.reporting.html_report", {"matplotlib", "seaborn", "sklearn", "pandas", "scipy", "joblib"}),
        ("tasks.charts", {"seaborn", "sklearn", "pandas", "scipy"}),
    ],
)
def test_importing_what_a_report_needs_imports_no_library_that_takes_long(
    module: str, unused: set[str]
) -> None:
    code = f"import sys, {module}; print({unused} & {{*sys.modules}} or '')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_the_bad_rate_of_a_scored_cohort_is_that_of_gold_monitoring_with_the_stored_interval() -> None:
    cohorts = pl.DataFrame([(month(n), 500, 0.3, 0.26, 0.34) for n in range(2)], schema=RATES, orient="row")
    stored = figure_rows("bad_rate_observed", [0.2], n=400)
    figures = pl.concat([stored, figure_rows("bad_rate_expected", [0.25], n=400)])
    scored, other = add_measured_rates(cohorts, figures).iter_rows()
    assert scored == (month(0), 400, 0.2, *stored.select("ci_low", "ci_high").row(0), 0.25)
    assert other == (month(1), 500, 0.3, 0.26, 0.34, None)


def test_an_interval_that_older_code_did_not_store_is_added() -> None:
    older = figure_rows("bad_rate_observed", [0.2]).with_columns(ci_low=pl.lit(None, pl.Float64))
    (row,) = add_measured_rates(pl.DataFrame(schema=RATES), older).iter_rows(named=True)
    assert row["ci_low"] < 0.2 < row["ci_high"]
