"""The walk-forward evaluation as a figure: AUC per month and scorer, with its interval for the champion."""

import polars as pl
import seaborn as sns
from matplotlib.figure import Figure

from tasks.charts import style
from tasks.schemas.monitoring import METRICS

CHAMPION, POOLED = "champion", "pooled"
TITLE = "Walk-forward AUC by application month"
SUBTITLE = f"Each month scored by what was known on its day; the band is the champion's {style.INTERVAL}"
PLOT = (0.1, 0.16, 0.6, 0.64)  # of the sheet: left, bottom, width, height; the names stand to the right


@style.themed
def draw_evaluation(figures: pl.DataFrame) -> Figure:
    """The AUC of each scorer over the months.

    Needs:  scorer, month, auc, auc_low, auc_high; rows of month `pooled` are left out.
    """
    months = figures.filter(pl.col("month") != POOLED)
    others = months.filter(pl.col("scorer") != CHAMPION)["scorer"].unique(maintain_order=True).to_list()
    sheet = style.new_sheet(TITLE, SUBTITLE)
    axes = sheet.add_axes(PLOT)
    champion = months.filter(pl.col("scorer") == CHAMPION)
    axes.fill_between(
        champion["month"], champion["auc_low"], champion["auc_high"], color=style.BLUE, alpha=0.15
    )
    axes.plot(champion["month"], champion["auc"], marker="o", lw=2.5, color=style.BLUE, label=CHAMPION)
    for name, colour in zip(others, sns.color_palette("husl", len(others)), strict=True):
        rows = months.filter(pl.col("scorer") == name)
        axes.plot(rows["month"], rows["auc"], marker="o", lw=1, color=colour, label=name)
    axes.set(ylabel=METRICS["auc"].unit, xlabel="application month")
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return sheet
