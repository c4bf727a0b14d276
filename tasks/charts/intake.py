"""How many applications came in, and how many of them each source covers."""

from math import floor

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.charts import style
from tasks.charts.frames import add_position, count_statuses, count_words, fill_months
from tasks.months import month_label

TITLE = "Applications per month, and the share each source covers"
LEFT, RIGHT, LANE, LOANS = 1.45, 1.75, 0.62, 1.45  # inches


@style.themed
def draw_intake(coverage: pl.DataFrame, limits: style.Limits) -> Figure:
    """A lane of bars for the coverage of each source, over the number of applications.

    Needs:  month (Date), subject, n (applications), value (share covered; null where `status` says why).
            Shares below the amber one of the `limits` are orange.
    Keys:   (month, subject); a month has the same n in each of its rows.
    """
    if coverage.is_empty():
        return style.say_missing(TITLE, "No application has come in yet.")
    rows = add_position(coverage)
    subjects = rows["subject"].unique(maintain_order=True).to_list()
    sheet = style.new_sheet(
        TITLE,
        f"Coverage in % of the month's applications, orange below {100 * limits[0]:g}%",
        height=1.1 + LANE * len(subjects) + LOANS + style.BOTTOM,
    )
    for lane, subject in enumerate(subjects):
        own = fill_months(rows.filter(pl.col("subject") == subject).sort("at"))
        _draw_lane(_place(sheet, 1.0 + LANE * lane, LANE - 0.14), own, subject, limits[0])
    months = fill_months(rows.unique("at").sort("at"))
    _draw_counts(_place(sheet, 1.1 + LANE * len(subjects), LOANS), months)
    for axes in sheet.axes[:-1]:
        axes.set_xlim(sheet.axes[-1].get_xlim())
    return sheet


def _place(sheet: Figure, top: float, height: float) -> Axes:
    wide, high = sheet.get_size_inches()
    return sheet.add_axes((LEFT / wide, 1 - (top + height) / high, 1 - (LEFT + RIGHT) / wide, height / high))


def _draw_lane(axes: Axes, own: pl.DataFrame, subject: str, amber: float) -> None:
    measured = own.drop_nulls("value")
    colours = [style.BLUE if share >= amber else style.ORANGE for share in measured["value"]]
    axes.bar(measured["at"], measured["value"], width=0.8, color=colours, label=subject)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.spines[["left"]].set_visible(False)
    axes.set_ylabel(subject, rotation=0, ha="right", va="center", labelpad=8)
    words = (_lowest(measured) if measured.height else "", count_statuses(own))
    _say_beside(axes, "\n".join(filter(None, words)))


def _lowest(measured: pl.DataFrame) -> str:
    low = measured.sort("value", "at").row(0, named=True)
    share = f"{floor(1000 * low['value'] + 1e-9) / 10:g}%"  # rounded down: 99.96 % is not all of them
    if low["value"] == measured["value"].max():
        return f"{share} throughout"
    return f"low {share} in {month_label(low['at'])}"


def _draw_counts(axes: Axes, months: pl.DataFrame) -> None:
    known = months.drop_nulls("n")
    axes.bar(known["at"], known["n"], width=0.8, color=style.GREY, label="applications")
    axes.set_ylabel("applications")
    style.set_months(axes, months["at"], label="application month")
    _say_beside(axes, count_words(known["n"]))


def _say_beside(axes: Axes, words: str) -> None:
    axes.text(1.015, 0.5, words, transform=axes.transAxes, size=10.5, color=style.GREY, va="center")
