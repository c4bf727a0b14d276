"""Whether the scores of a month look like those the champion was trained on."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.charts import style
from tasks.charts.frames import count_statuses, count_words, fill_months, highest, keep_metric
from tasks.schemas.monitoring import METRICS

TITLE = "Score stability: PSI of the scores of each month"


@style.themed
def draw_score_stability(figures: pl.DataFrame, limits: style.Limits) -> Figure:
    """PSI of the score per application month, the line broken where the champion changed.

    Needs:  gold.monitoring; the fixed `limits` of the PSI.
    """
    months = fill_months(keep_metric(figures, "psi", "month"))
    measured = months.drop_nulls("value")
    if measured.is_empty():
        return style.say_missing(
            TITLE, f"No month has a PSI yet ({count_statuses(months) or 'none was scored'})."
        )
    counts = count_words(measured["n"], "scores")
    sheet = style.new_sheet(TITLE, f"Against the training data of the month's champion; {counts}")
    axes = style.add_plot(sheet, right=1.45)
    for model_id in measured["model_id"].unique(maintain_order=True):
        own = months.select("at", pl.when(pl.col("model_id") == model_id).then("value"))
        axes.plot(own["at"], own["value"], color=style.BLUE, marker="o", lw=1.6, ms=6, label=model_id)
    style.set_months(axes, months["at"], label="application month")
    style.mark_models(axes, months, label="champion")
    _add_guides(axes, measured, limits)
    style.name_missing(axes, months)
    return sheet


def _add_guides(axes: Axes, measured: pl.DataFrame, limits: style.Limits) -> None:
    axes.set_ylim(0, max(1.2 * limits[1], 1.12 * highest(measured, "value")))
    axes.set_ylabel(METRICS["psi"].unit)
    for colour, height in zip(("amber", "red"), limits, strict=True):
        axes.axhline(height, color=style.GREY, lw=0.7, ls=(0, (4, 4)), zorder=0)
        style.name_line(axes, height, f"{colour} {height:g}")
