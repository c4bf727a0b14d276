"""The walk-forward evaluation as a figure: AUC per month and scorer, with its interval for the champion."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import polars as pl
import seaborn as sns
from matplotlib.figure import Figure

CHAMPION, POOLED = "champion", "pooled"


def draw_evaluation(figures: pl.DataFrame, path: Path) -> None:
    """Draw the AUC of each scorer over the months into `path` (PNG).

    Needs:  scorer, month, auc, auc_low, auc_high; rows of month `pooled` are left out.
    """
    months = figures.filter(pl.col("month") != POOLED)
    names = months["scorer"].unique(maintain_order=True).to_list()
    style: Any = sns.axes_style("whitegrid")
    with mpl.rc_context(style):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        axes = figure.subplots()
        for name, colour in zip(names, sns.color_palette("husl", len(names)), strict=True):
            rows = months.filter(pl.col("scorer") == name)
            width = 2.5 if name == CHAMPION else 1.0
            axes.plot(rows["month"], rows["auc"], marker="o", label=name, color=colour, linewidth=width)
            if name == CHAMPION:
                axes.fill_between(rows["month"], rows["auc_low"], rows["auc_high"], color=colour, alpha=0.15)
        axes.set(ylabel="AUC", xlabel="application month", title="Walk-forward AUC, known on each day")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        figure.savefig(path, dpi=120, metadata={"Software": None})
