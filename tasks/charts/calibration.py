"""Whether PDs came true, grade by grade; and the AUC that was expected before there were labels."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.charts import style
from tasks.charts.frames import fill_months, keep_metric
from tasks.schemas.monitoring import METRICS, keep_metrics

GRADE_TITLE = "Bad rate by grade, observed and expected, in % of loans"
EXPECTED_TITLE = "AUC by application month, expected at scoring and realised"


@style.themed
def draw_grades(figures: pl.DataFrame) -> Figure:
    """Observed bad rate of each grade, with its Jeffreys interval, and the mean PD of its loans.

    Needs:  gold.monitoring; the newest month that has them is drawn.
    """
    rows = keep_metrics(figures, "grade_bad_rate")
    if rows.is_empty():
        return style.say_missing(GRADE_TITLE, "No cohort that was scored is ripe yet.")
    newest = rows.filter(pl.col("snapshot_date") == pl.col("snapshot_date").max()).sort("subject")
    subtitle = (
        f"Applications of the {newest['window'][0]}; {newest['n'].sum():,} loans; with {style.INTERVAL}"
    )
    sheet = style.new_sheet(GRADE_TITLE, subtitle)
    axes = style.add_plot(sheet, top=1.3)
    at = list(range(newest.height))
    axes.vlines(at, newest["ci_low"], newest["ci_high"], color=style.BLUE, lw=2.2, alpha=0.55)
    axes.plot(at, newest["value"], ls="", marker="o", ms=6.5, color=style.BLUE, label="observed")
    axes.plot(at, newest["reference"], "_", ms=26, mew=3, color=style.ORANGE, label="expected (mean PD)")
    names = [f"{grade}\n{n:,}" for grade, n in newest.select("subject", "n").iter_rows()]
    axes.set_xticks(at, names)
    axes.set_xlim(-0.6, len(at) - 0.4)
    axes.set_xlabel("grade, and its number of loans")
    _set_shares(axes)
    style.add_key(axes)
    return sheet


def _set_shares(axes: Axes) -> None:
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axes.set_ylabel(METRICS["grade_bad_rate"].unit)


@style.themed
def draw_expected_auc(figures: pl.DataFrame) -> Figure:
    """AUC that is expected if the PDs of a month hold, as a band, and the realised one once it is ripe.

    Needs:  gold.monitoring.
    """
    expected = fill_months(keep_metric(figures, "expected_auc", "month"))
    known = expected.drop_nulls("value")
    if known.is_empty():
        return style.say_missing(EXPECTED_TITLE, "No month was scored yet.")
    realised = keep_metric(figures, "auc", "cohort").drop_nulls("value")
    subtitle = (
        f"Expected with {style.INTERVAL} as a band; {realised.height} of {known.height} months are ripe"
    )
    sheet = style.new_sheet(EXPECTED_TITLE, subtitle)
    axes = style.add_plot(sheet, top=1.3)
    axes.fill_between(known["at"], known["ci_low"], known["ci_high"], color=style.ORANGE, alpha=0.2, lw=0)
    axes.plot(known["at"], known["value"], color=style.ORANGE, lw=2, label="expected at scoring")
    axes.vlines(realised["at"], realised["ci_low"], realised["ci_high"], color=style.BLUE, lw=2.2, alpha=0.55)
    axes.plot(
        realised["at"], realised["value"], ls="", marker="o", ms=6.5, color=style.BLUE, label="realised"
    )
    lows = [known["ci_low"].min(), realised["ci_low"].min()]
    floor = min(float(low) for low in lows if isinstance(low, float))
    axes.set_ylim(max(0.0, floor - 0.03), 1.0)
    axes.set_ylabel(METRICS["expected_auc"].unit)
    style.set_months(axes, expected["at"], label="application month")
    style.add_key(axes)
    return sheet
