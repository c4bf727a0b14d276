"""The look of every figure: its colours, sizes and month axis, and the bytes it is stored as."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any, ParamSpec

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator

from tasks.months import month_label
from tasks.schemas.monitoring import CONFIDENCE

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito: distinct to colour-blind readers too
INK, GREY, PALE = "#222222", "#666666", "#EBEBEB"
WIDTH, LEFT, RIGHT = 7.6, 0.95, 0.3  # inches: read at 500 pixels too
BOTTOM = 0.75
INTERVAL = f"{100 * CONFIDENCE:g}% interval"
Limits = tuple[float, float]  # amber and red
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)
BAND, LETTER = 0.27, 0.082  # inches: height of a model's band, width of a small letter
THEME: dict[Any, Any] = {
    "axes.axisbelow": True,
    "grid.color": "0.8",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
    "font.sans-serif": ["Arial", "DejaVu Sans", "Liberation Sans"],
    "font.family": ["sans-serif"],
    "font.size": 12,
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "svg.fonttype": "none",
    "svg.hashsalt": "vintage",
}

Inputs = ParamSpec("Inputs")


def themed(draw: Callable[Inputs, Figure]) -> Callable[Inputs, Figure]:
    """The same function, drawing in the theme and leaving matplotlib's settings as they were."""

    @wraps(draw)
    def drawn(*args: Inputs.args, **kwargs: Inputs.kwargs) -> Figure:
        with mpl.rc_context(THEME):
            return draw(*args, **kwargs)

    return drawn


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG, text as text; the same figure gives the same bytes."""
    sheet = BytesIO()
    with mpl.rc_context(THEME):
        figure.savefig(sheet, format="svg", metadata={"Date": None, "Title": figure.get_suptitle()})
    return sheet.getvalue()


def new_sheet(title: str, subtitle: str, *, width: float = WIDTH, height: float = 5.0) -> Figure:
    """A sheet (sizes in inches) with its two headlines; the axes are up to the caller."""
    sheet = Figure(figsize=(width, height), facecolor="white")
    sheet.suptitle(title, x=0.25 / width, y=1 - 0.2 / height, ha="left", va="top", size=15, weight="bold")
    sheet.text(0.25 / width, 1 - 0.56 / height, subtitle, ha="left", va="top", size=11.5, color=GREY)
    return sheet


def say_missing(title: str, sentence: str) -> Figure:
    """A low sheet that says why there is nothing to see."""
    return new_sheet(title, sentence, height=1.2)


def add_plot(
    sheet: Figure, *, top: float = 1.45, bottom: float = BOTTOM, left: float = LEFT, right: float = RIGHT
) -> Axes:
    """Axes that fill the sheet up to margins in inches; `top` leaves room for headlines and models."""
    width, height = sheet.get_size_inches()
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    return sheet.add_axes(box)


def size_of(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes in inches."""
    window, dpi = axes.get_window_extent(), axes.figure.dpi
    return window.width / dpi, window.height / dpi


def set_months(axes: Axes, positions: pl.Series, *, label: str) -> None:
    """Label months as YYYY-MM, as many as fit, with January among them; one small tick for each month."""
    first, last = int(positions[0]), int(positions[-1])
    fit = int(size_of(axes)[0] / 0.8)
    step = next((s for s in MONTH_STEPS if (last - first) // s < fit), MONTH_STEPS[-1])
    named = [at for at in range(first, last + 1) if at % step == 0] or [first]
    axes.set_xlim(first - 0.6, last + 0.6)
    axes.set_xticks(named, [month_label(at) for at in named])
    axes.xaxis.set_minor_locator(FixedLocator(list(range(first, last + 1))))
    axes.set_xlabel(label)


def name_line(axes: Axes, height: float, words: str) -> None:
    """Name a line of this height to the right of the plot."""
    end = (axes.get_xlim()[1], height)
    axes.annotate(words, end, (5, 0), textcoords="offset points", va="center", size=10, color=GREY)


def name_missing(axes: Axes, rows: pl.DataFrame) -> None:
    """Write the status of each month without a value upright above the axis.

    Needs:  at, value, status.
    """
    upright = axes.get_xaxis_transform()
    for at, status in rows.filter(pl.col("value").is_null()).select("at", "status").iter_rows():
        axes.text(
            at, 0.03, status, rotation=90, ha="center", va="bottom", size=9, color=GREY, transform=upright
        )


def mark_models(axes: Axes, rows: pl.DataFrame, *, label: str) -> None:
    """Show above the plot which model served which months: a band per model, named as far as it fits.

    Needs:  at, model_id, sorted by at; a month that no model served ("none", null) belongs to no band.
    """
    served = rows.filter(pl.col("model_id") != "none")
    breaks = (pl.col("model_id").ne_missing(pl.col("model_id").shift())) | (pl.col("at").diff() != 1)
    bands = (
        served.with_columns(band=breaks.fill_null(value=True).cum_sum())
        .group_by("band")
        .agg(pl.col("model_id").first(), first=pl.col("at").min(), last=pl.col("at").max())
    )
    for model_id, first, last in bands.sort("band").select("model_id", "first", "last").iter_rows():
        _add_band(axes, model_id, first - 0.46, last + 0.46)
    above = 1 + (BAND + 0.14) / size_of(axes)[1]
    axes.text(0, above, label, transform=axes.transAxes, size=9.5, color=GREY, ha="left", va="bottom")


def _add_band(axes: Axes, model_id: str, start: float, end: float) -> None:
    upright = axes.get_xaxis_transform()
    width, height = size_of(axes)
    box = Rectangle((start, 1 + 0.1 / height), end - start, BAND / height, transform=upright, clip_on=False)
    box.set(color=PALE, lw=0)
    axes.add_patch(box)
    low, high = axes.get_xlim()
    room = int((end - start) / (high - low) * width / LETTER)
    names = (model_id, model_id[:10], model_id[:7], model_id[2:7])
    name = next((name for name in names if len(name) <= room), "")
    middle = 1 + (0.1 + BAND / 2) / height
    axes.text((start + end) / 2, middle, name, transform=upright, ha="center", va="center", size=9.5)


def add_key(axes: Axes) -> None:
    """Name the series in their own colours, in a row between headlines and plot."""
    series = axes.get_legend_handles_labels()[0]
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=3,
        frameon=False,
        labelcolor=[line.get_color() for line in series if isinstance(line, Line2D)],
        fontsize=11,
    )
