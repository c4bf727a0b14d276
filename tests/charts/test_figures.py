import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from tasks.charts import (
    draw_all,
    draw_auc,
    draw_bad_rates,
    draw_feature_stability,
    draw_intake,
    draw_score_stability,
    to_svg,
)
from tasks.charts.months import draw_months
from tasks.schemas.monitoring import METRICS
from tests.charts.books import (
    cohort_rows,
    coverage_rows,
    figure_rows,
    month,
    no_figures,
)
from tests.policies import POLICY

LIMITS = (0.1, 0.25)
SOURCES = ("clickstream", "attributes", "financials")
LENGTHS = (1, 13, 18, 48)
NULLS: list[float | None] = [None]


def words_of(sheet: Figure) -> list[str]:
    return [text.get_text() for text in sheet.findobj(Text) if isinstance(text, Text) and text.get_text()]


def heights_of(sheet: Figure, axes: int = 0) -> list[float]:
    """What the lines and markers of the axes show, from left to right, gaps left out."""
    points = [
        (float(x), float(y))
        for line in sheet.axes[axes].get_lines()
        if not str(line.get_label()).startswith("_")
        for x, y in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata(), dtype=float), strict=True)
    ]
    return [y for _, y in sorted(points) if not math.isnan(y)]


def every_figure(n_months: int) -> dict[str, Callable[[], Figure]]:
    values: list[float | None] = [0.1 + number / 1000 for number in range(n_months)]
    names = [f"feature_{number}" for number in range(30)]
    csi = pl.concat([figure_rows("csi", values, subject=name) for name in names])
    shares: dict[str, list[float | None]] = {name: list(values) for name in SOURCES}
    return {
        "score_stability": lambda: draw_score_stability(figure_rows("psi", values), LIMITS),
        "feature_stability": lambda: draw_feature_stability(csi, LIMITS),
        "auc": lambda: draw_auc(figure_rows("auc", [0.7] * n_months)),
        "bad_rates": lambda: draw_bad_rates(cohort_rows([0.1] * n_months, expected=0.2)),
        "months": lambda: draw_months(figure_rows("ks", values), METRICS["ks"]),
        "intake": lambda: draw_intake(coverage_rows(shares), (0.99, 0.95)),
    }


@pytest.mark.parametrize("n_months", LENGTHS)
def test_month_names_never_touch(n_months: int) -> None:
    for name, draw in every_figure(n_months).items():
        sheet = draw()
        sheet.draw_without_rendering()
        labels = [label for label in sheet.axes[-1].get_xticklabels() if label.get_text()]
        assert labels, name
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes)), name


@pytest.mark.parametrize("n_months", LENGTHS)
def test_no_word_leaves_the_sheet(n_months: int) -> None:
    for name, draw in every_figure(n_months).items():
        sheet = draw()
        sheet.draw_without_rendering()
        width, height = sheet.canvas.get_width_height()
        for text in (
            t for t in sheet.findobj(Text) if isinstance(t, Text) and t.get_text() and t.get_visible()
        ):
            box = text.get_window_extent()
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
            assert inside, f"{name}: {text.get_text()}"


@pytest.mark.parametrize("name", list(every_figure(1)))
def test_the_same_frames_give_the_same_bytes(name: str) -> None:
    first, again = (to_svg(every_figure(18)[name]()) for _ in range(2))
    assert first == again


def test_an_svg_keeps_its_text_and_title_but_no_date() -> None:
    svg = to_svg(draw_score_stability(figure_rows("psi", [0.05, 0.06]), LIMITS)).decode()
    assert ">2023-01</text>" in svg
    assert "<title>Score stability" in svg
    assert "dc:date" not in svg


@pytest.mark.parametrize("figures", [no_figures(), figure_rows("auc", [None]), figure_rows("psi", [None])])
def test_figures_without_data_say_so_in_a_sentence(figures: pl.DataFrame) -> None:
    for sheet in (
        draw_score_stability(figures, LIMITS),
        draw_feature_stability(figures, LIMITS),
        draw_auc(figures),
        draw_months(figures, METRICS["ks"]),
    ):
        assert not sheet.axes
        assert any(word.startswith("No ") and word.endswith(".") for word in words_of(sheet))
    assert "No cohort is ripe yet, so no bad rate is known." in words_of(draw_bad_rates(cohort_rows([])))
    assert "No application has come in yet." in words_of(draw_intake(coverage_rows({}), (0.99, 0.95)))


def test_what_is_missing_is_told_by_its_status() -> None:
    sheet = draw_auc(figure_rows("auc", [None, None], status="single class"))
    assert "No cohort has an AUC yet (single class: 2)." in words_of(sheet)


def test_every_psi_is_drawn_and_every_gap_named() -> None:
    sheet = draw_score_stability(figure_rows("psi", [0.05, None, 0.31], status="too few rows"), LIMITS)
    assert heights_of(sheet) == [0.05, 0.31]
    assert "too few rows" in words_of(sheet)


def test_a_month_without_a_row_is_a_gap() -> None:
    figures = pl.concat([figure_rows("psi", [0.05]), figure_rows("psi", [0.07], first=2)])
    assert "no rows" in words_of(draw_score_stability(figures, LIMITS))


def test_the_line_of_psi_breaks_with_the_champion() -> None:
    models = ["2023-01-01-aaaaaaaa"] * 2 + ["2023-03-01-bbbbbbbb"] * 2
    sheet = draw_score_stability(figure_rows("psi", [0.05, 0.06, 0.07, 0.08], models=models), LIMITS)
    assert [line.get_label() for line in sheet.axes[0].get_lines()[:2]] == models[1:3]
    assert set(models) <= set(words_of(sheet))


def test_of_a_month_measured_twice_the_newest_figure_is_drawn() -> None:
    late = figure_rows("psi", [0.20]).with_columns(snapshot_date=pl.lit(month(3)))
    assert heights_of(draw_score_stability(pl.concat([late, figure_rows("psi", [0.05])]), LIMITS)) == [0.20]


def test_csi_shows_the_twenty_features_that_moved_most_in_order() -> None:
    figures = pl.concat([figure_rows("csi", [0.1, k / 100], subject=f"feature_{k}") for k in range(25)])
    sheet = draw_feature_stability(figures, LIMITS)
    names = [label.get_text() for label in sheet.axes[0].get_yticklabels()]
    assert names == [f"feature_{k}" for k in range(24, 10, -1)] + [
        f"feature_{k}" for k in sorted(map(str, range(11)))[:6]
    ]
    assert {"0.24", "0.10"} <= set(words_of(sheet))


def test_csi_shows_the_newest_24_months() -> None:
    words = words_of(draw_feature_stability(figure_rows("csi", [0.1] * 48, subject="age"), LIMITS))
    assert month(23).strftime("%Y-%m") not in words
    assert {month(24).strftime("%Y-%m"), month(47).strftime("%Y-%m")} <= set(words)


def test_auc_and_its_interval_are_drawn() -> None:
    sheet = draw_auc(figure_rows("auc", [None, 0.81, 0.77]))
    segments = sheet.axes[0].collections[0].get_segments()  # pyright: ignore[reportAttributeAccessIssue]
    assert heights_of(sheet) == [0.81, 0.77]
    assert [(low[1], high[1]) for low, high in segments] == [
        (0.81 - 0.04, 0.81 + 0.04),
        (0.77 - 0.04, 0.77 + 0.04),
    ]


@pytest.mark.parametrize(("value", "lowest"), [(0.8, 0.5), (0.4, 0.33)])
def test_the_auc_axis_starts_at_chance_unless_a_model_is_worse(value: float, lowest: float) -> None:
    assert draw_auc(figure_rows("auc", [value])).axes[0].get_ylim() == pytest.approx((lowest, 1.0))


def test_bad_rates_of_unscored_cohorts_are_drawn_without_an_expected_one() -> None:
    sheet = draw_bad_rates(cohort_rows([0.3]))
    assert heights_of(sheet) == [0.30]
    assert not any("expected by" in word for word in words_of(sheet))


def test_the_bad_rate_of_a_scored_cohort_is_drawn_with_its_interval_and_the_expected_one() -> None:
    sheet = draw_bad_rates(cohort_rows([0.2], expected=0.25, n=400))
    (segment,) = sheet.axes[0].collections[0].get_segments()  # pyright: ignore[reportAttributeAccessIssue]
    assert heights_of(sheet) == [0.2, 0.25]
    assert [end[1] for end in segment] == pytest.approx([0.16, 0.24])
    assert any("400 loans" in word for word in words_of(sheet))


def test_any_metric_is_drawn_over_the_months_with_its_limits() -> None:
    rows = figure_rows("early_arrears", [0.2, 0.3], subject="MOB 3")
    rows = rows.with_columns(reference=pl.lit(0.25), amber=pl.lit(0.28), red=pl.lit(0.35))
    sheet = draw_months(rows, METRICS["early_arrears"])
    assert heights_of(sheet) == [0.2, 0.25, 0.25, 0.3]
    assert {"amber", "red", "measured", "expected"} <= {
        *words_of(sheet),
        *sheet.axes[0].get_legend_handles_labels()[1],
    }
    assert "Share of a young cohort in arrears by application month" in words_of(sheet)


def test_of_several_months_measured_together_the_last_is_drawn() -> None:
    rows = figure_rows("pooled_auc", [0.7]).with_columns(window=pl.lit("cohorts 2023-01 to 2023-03"))
    assert "2023-03" in words_of(draw_months(rows, METRICS["pooled_auc"]))


def test_coverage_has_a_lane_for_each_source_over_the_counts() -> None:
    sheet = draw_intake(
        coverage_rows({"attributes": [1.0, 0.9996], "scored": [None, 0.5]}, n=512), (0.99, 0.95)
    )
    bars = [[bar.get_height() for bar in axes.patches] for axes in sheet.axes]
    assert bars == [[1.0, 0.9996], [0.5], [512, 512]]
    assert {"low 99.9% in 2023-02", "50% throughout\nnot scored: 1"} <= set(words_of(sheet))


def test_all_are_drawn_from_empty_tables() -> None:
    limits = POLICY.fixed_limits
    svgs = draw_all(no_figures(), cohorts=cohort_rows([]), coverage=coverage_rows({}), limits=limits)
    assert set(svgs) == {spec.drawing for spec in METRICS.values() if spec.drawing}
    assert all(svg.startswith(b"<?xml") for svg in svgs.values())
