"""How the ripe cohorts turned out: ranking and bad rate."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.charts import style
from tasks.charts.frames import (
    add_position,
    count_statuses,
    count_words,
    fill_months,
    highest,
    keep_metric,
    lowest,
)
from tasks.schemas.monitoring import METRICS

AUC_TITLE = "Separation of good and bad loans: AUC by application month"
BAD_TITLE = "Bad rate by application month: observed and expected, in %"
MAX_NUMBERS = 14


@style.themed
def draw_auc(figures: pl.DataFrame) -> Figure:
    """AUC of each ripe cohort with its interval, under the models that scored them.

    Needs:  gold.monitoring.
    """
    cohorts = fill_months(keep_metric(figures, "auc", "cohort"))
    measured = cohorts.drop_nulls("value")
    if measured.is_empty():
        return style.say_missing(
            AUC_TITLE, f"No cohort has an AUC yet ({count_statuses(cohorts) or 'none is ripe'})."
        )
    subtitle = f"With {style.INTERVAL}; {count_words(measured['n'], 'loans')}; 0.5 is no better than chance"
    sheet = style.new_sheet(AUC_TITLE, subtitle)
    axes = style.add_plot(sheet)
    _add_intervals(axes, measured, low="ci_low", high="ci_high", label="AUC")
    _set_auc_range(axes, measured)
    style.set_months(axes, cohorts["at"], label="application month")
    style.mark_models(axes, cohorts, label="scored by")
    style.name_missing(axes, cohorts)
    if cohorts.height <= MAX_NUMBERS:
        _add_numbers(axes, measured)
    return sheet


@style.themed
def draw_bad_rates(cohorts: pl.DataFrame) -> Figure:
    """Observed bad rate of each ripe cohort with its interval, and the mean PD of its loans.

    Needs:  month (Date), n (loans), value, ci_low, ci_high (shares), expected (null where never scored).
    """
    if cohorts.is_empty():
        return style.say_missing(BAD_TITLE, "No cohort is ripe yet, so no bad rate is known.")
    rows = fill_months(add_position(cohorts.sort("month")).with_columns(status=pl.lit("measured")))
    measured = rows.drop_nulls("value")
    sheet = style.new_sheet(BAD_TITLE, f"Loans old enough for a label; {count_words(measured['n'], 'loans')}")
    axes = style.add_plot(sheet)
    _add_intervals(axes, measured, low="ci_low", high="ci_high", label=f"observed, with {style.INTERVAL}")
    _add_dashes(axes, measured.drop_nulls("expected"), n_months=rows.height)
    _set_share_range(axes, highest(measured, "ci_high", "expected"))
    style.set_months(axes, rows["at"], label="application month")
    style.name_missing(axes, rows)
    style.add_key(axes)
    return sheet


def _add_dashes(axes: Axes, expected: pl.DataFrame, *, n_months: int) -> None:
    if expected.is_empty():
        return
    points = min(20.0, 0.75 * 72 * style.size_of(axes)[0] / n_months)
    words = "expected by the model that scored them"
    at, rates = expected["at"], expected["expected"]
    axes.plot(at, rates, "_", ms=points, mew=3, color=style.ORANGE, zorder=1.5, label=words)


def _set_share_range(axes: Axes, highest: float) -> None:
    axes.set_ylim(0, min(1.0, 1.15 * highest))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axes.set_ylabel(METRICS["bad_rate_observed"].unit)


def _add_intervals(axes: Axes, rows: pl.DataFrame, *, low: str, high: str, label: str) -> None:
    axes.vlines(rows["at"], rows[low], rows[high], color=style.BLUE, lw=2.2, alpha=0.55)
    axes.plot(rows["at"], rows["value"], ls="", marker="o", ms=6.5, color=style.BLUE, label=label)


def _set_auc_range(axes: Axes, measured: pl.DataFrame) -> None:
    floor = lowest(measured, "value", "ci_low")
    axes.set_ylim(floor - 0.03 if floor < 0.5 else 0.5, 1.0)
    axes.set_ylabel(METRICS["auc"].unit)
    if floor < 0.5:
        axes.axhline(0.5, color=style.GREY, lw=0.7, ls=(0, (4, 4)), zorder=0)


def _add_numbers(axes: Axes, measured: pl.DataFrame) -> None:
    for at, value in measured.select("at", "value").iter_rows():
        axes.annotate(f"{value:.2f}", (at, value), (7, 0), textcoords="offset points", va="center", size=10)
