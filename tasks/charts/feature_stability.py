"""Which features shifted from what the champion was trained on, and when."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tasks.charts import style
from tasks.charts.frames import count_statuses, count_words, keep_metric, lowest
from tasks.months import month_label

MAX_FEATURES, MAX_MONTHS = 20, 24
SHADES = ("#F7FBFF", "#DCE9F6", "#B3D3E8", "#86BDDF", "#2F7EBC", "#08468B")
DARK = 4  # of the shades: from this one on, numbers are written in white
TITLE = "Feature stability: CSI of the features that shifted most"
Grid = Sequence[Sequence[float]]
ROW, COLUMN, WIDEST, LETTER = 0.27, 0.44, 1.1, 0.088  # inches


@style.themed
def draw_feature_stability(
    figures: pl.DataFrame,
    limits: style.Limits,
    *,
    max_features: int = MAX_FEATURES,
    newest_months: int = MAX_MONTHS,
) -> Figure:
    """Heat map of CSI, feature by month, the largest value of any shown month on top.

    Needs:  gold.monitoring, only the newest months of which are shown, so that the numbers can be read; the
            fixed `limits` of the CSI, which part the shades.
    """
    rows = keep_metric(figures, "csi", "month")
    if rows["value"].is_null().all():
        return style.say_missing(
            TITLE, f"No month has a CSI yet ({count_statuses(rows) or 'none was scored'})."
        )
    first, last = _months_shown(rows, newest_months)
    newest = rows.filter(pl.col("at") >= first)
    names = _most_shifted(newest, max_features)
    sheet, axes = _new_grid(_describe(rows, names, first), names, last - first + 1)
    levels = (0.0, *limits, 2 * limits[1], 4 * limits[1], 8 * limits[1])
    _fill_cells(axes, _to_grid(newest, names, first, last), names, levels)
    _label_months(axes, first, last)
    champions = newest.drop_nulls("value").unique("at").sort("at")
    style.mark_models(axes, champions.with_columns(at=pl.col("at") - first + 0.5), label="champion")
    _add_key(sheet, levels)
    return sheet


def _new_grid(subtitle: str, names: list[str], n_months: int) -> tuple[Figure, Axes]:
    left = 0.5 + LETTER * max(map(len, names))
    width = max(style.WIDTH, left + style.RIGHT + COLUMN * n_months)
    unused = max(0.0, width - left - style.RIGHT - WIDEST * n_months)
    sheet = style.new_sheet(TITLE, subtitle, width=width, height=2.75 + ROW * len(names))
    return sheet, style.add_plot(sheet, bottom=1.3, left=left, right=style.RIGHT + unused)


def _months_shown(rows: pl.DataFrame, newest: int) -> tuple[int, int]:
    months = rows.drop_nulls("value")["at"].unique().sort()
    last = int(rows["at"].sort()[-1])
    return max(int(months[0]), last - newest + 1), last


def _most_shifted(rows: pl.DataFrame, most: int) -> list[str]:
    peaks = rows.drop_nulls("value").group_by("subject").agg(peak=pl.col("value").max())
    return peaks.sort("peak", "subject", descending=[True, False])["subject"].head(most).to_list()


def _to_grid(rows: pl.DataFrame, names: list[str], first: int, last: int) -> Grid:
    """Values as names by months, NaN where nothing was measured."""
    wanted = pl.DataFrame({"subject": names}).join(pl.DataFrame({"at": range(first, last + 1)}), how="cross")
    cells = wanted.with_columns(pl.col("at").cast(pl.Int32)).join(
        rows, on=["subject", "at"], how="left", validate="1:1", maintain_order="left"
    )
    lines = cells.group_by("subject", maintain_order=True).agg(pl.col("value").fill_null(math.nan))
    return lines["value"].to_list()


def _describe(rows: pl.DataFrame, names: list[str], first: int) -> str:
    shown = f"{len(names)} of {rows['subject'].n_unique()} features, ordered by their highest month"
    if lowest(rows, "at") < first:
        shown += "; the newest months"
    return f"{shown}; {count_words(rows.drop_nulls('value')['n'], 'applications')}"


def _fill_cells(axes: Axes, grid: Grid, names: list[str], levels: Sequence[float]) -> None:
    colours, norm = ListedColormap(SHADES), BoundaryNorm([*levels, math.inf], len(SHADES))
    axes.set_facecolor(style.PALE)
    axes.pcolormesh(np.ma.masked_invalid(grid), cmap=colours, norm=norm, edgecolors="white", linewidth=1.2)
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            if not math.isnan(value):
                ink = "white" if value >= levels[DARK] else style.INK
                place = (column + 0.5, row + 0.5)
                axes.text(*place, _short(value), size=9.5, color=ink, ha="center", va="center")
    axes.set_yticks([row + 0.5 for row in range(len(names))], names, va="center")
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="both", length=0)
    axes.tick_params(axis="y", labelsize=10.5)


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _label_months(axes: Axes, first: int, last: int) -> None:
    months = range(first, last + 1)
    turned = 90 if style.size_of(axes)[0] / len(months) < 0.7 else 0
    axes.set_xticks([at - first + 0.5 for at in months], [month_label(at) for at in months], rotation=turned)
    axes.tick_params(axis="x", labelsize=10)
    axes.set_xlabel("")


def _add_key(sheet: Figure, levels: Sequence[float]) -> None:
    """The shades in words, in a row at the foot of the sheet."""
    width, height = sheet.get_size_inches()
    words = [f"{low:g} to {high:g}" for low, high in zip(levels, [*levels[1:], 0], strict=True)]
    words[0], words[-1] = f"CSI below {levels[1]:g}", f"{levels[-1]:g} and more"
    x = 0.25
    for shade, word in zip(SHADES, words, strict=True):
        box = Rectangle((x / width, 0.2 / height), 0.24 / width, 0.18 / height, fc=shade)
        box.set(ec=style.GREY, lw=0.4)
        sheet.add_artist(box)
        sheet.text((x + 0.31) / width, 0.29 / height, word, size=10, va="center")
        x += 0.5 + 0.075 * len(word)
