"""Any metric over the months: what its MetricSpec says is all that is needed."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.charts import style
from tasks.charts.frames import count_statuses, count_words, fill_months, keep_months
from tasks.metric_spec import MetricSpec


@style.themed
def draw_months(figures: pl.DataFrame, spec: MetricSpec) -> Figure:
    """Value of a metric of one subject a month, with interval, reference and limits where it has them.

    Needs:  gold.monitoring.
    """
    title = f"{spec.title[:1].upper()}{spec.title[1:]} by application month"
    months = fill_months(keep_months(figures, spec.name))
    measured = months.drop_nulls("value")
    if measured.is_empty():
        reason = count_statuses(months) or "none was measured"
        return style.say_missing(title, f"No month has a value yet ({reason}).")
    with_interval = f"With {style.INTERVAL}; " if measured["ci_low"].count() else ""
    sheet = style.new_sheet(title, f"{with_interval}n = {count_words(measured['n'])}")
    axes = style.add_plot(sheet, top=1.3, right=0.8)
    axes.vlines(measured["at"], measured["ci_low"], measured["ci_high"], color=style.BLUE, lw=2.2, alpha=0.55)
    axes.plot(
        measured["at"], measured["value"], ls="", marker="o", ms=6.5, color=style.BLUE, label="measured"
    )
    _add_reference(axes, measured.drop_nulls("reference"))
    style.set_months(axes, months["at"], label="application month")
    for name in ("amber", "red"):
        _add_limit(axes, measured.drop_nulls(name), name)
    if spec.form.endswith("%"):
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.set_ylabel(spec.unit)
    style.name_missing(axes, months)
    style.add_key(axes)
    return sheet


def _add_reference(axes: Axes, rows: pl.DataFrame) -> None:
    if rows.height:
        at, values = rows["at"], rows["reference"]
        axes.plot(at, values, "_", ms=16, mew=3, color=style.ORANGE, label="expected", zorder=1.5)


def _add_limit(axes: Axes, rows: pl.DataFrame, name: str) -> None:
    """A broken line through the limit of each month, named at its end."""
    if rows.is_empty():
        return
    at, values = rows["at"].to_list(), rows[name].to_list()
    at, values = [at[0] - 0.5, *at, axes.get_xlim()[1]], [values[0], *values, values[-1]]
    axes.plot(at, values, color=style.GREY, lw=0.9, ls=(0, (4, 4)), zorder=0)
    style.name_line(axes, values[-1], name)
