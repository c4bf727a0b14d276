"""How the cohorts whose loans have come of age turned out: ranking and bad rate."""

from statistics import NormalDist

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

AUC_TITLE = "Separation of good and bad loans: AUC by application month"
BAD_TITLE = "Bad rate by application month, observed and expected, in % of loans"
MOST_NUMBERS = 14
CONFIDENCE = 0.95


@style.themed
def draw_auc(figures: pl.DataFrame) -> Figure:
    """AUC of each ripe cohort with its 95 % interval, under the models that scored them.

    Needs:  gold.monitoring.
    """
    cohorts = fill_months(keep_metric(figures, "auc", "cohort"))
    measured = cohorts.drop_nulls("value")
    if measured.is_empty():
        return style.say_missing(
            AUC_TITLE, f"No cohort has an AUC yet ({count_statuses(cohorts) or 'none is ripe'})."
        )
    told = f"With 95 % interval; {count_words(measured['n'], 'loans')}; 0.5 is no better than chance"
    sheet = style.new_sheet(AUC_TITLE, told)
    axes = style.add_plot(sheet)
    _add_intervals(axes, measured, low="ci_low", high="ci_high", label="AUC")
    _set_auc_range(axes, measured)
    style.set_months(axes, cohorts["at"], label="application month")
    style.mark_models(axes, cohorts, label="scored by")
    style.name_missing(axes, cohorts)
    if cohorts.height <= MOST_NUMBERS:
        _add_numbers(axes, measured)
    return sheet


@style.themed
def draw_bad_rates(figures: pl.DataFrame, cohorts: pl.DataFrame) -> Figure:
    """Observed bad rate of each ripe cohort with a 95 % Wilson interval, and the mean PD of its loans.

    Needs:  gold.monitoring; `cohorts` with month (Date), n (loans), n_bad: all loans with a label.
    """
    if cohorts.is_empty():
        return style.say_missing(BAD_TITLE, "No cohort is ripe yet, so no bad rate is known.")
    rows = fill_months(_add_wilson(_join_expected(figures, cohorts)))
    measured = rows.drop_nulls("value")
    sheet = style.new_sheet(BAD_TITLE, f"Loans old enough for a label; {count_words(measured['n'], 'loans')}")
    axes = style.add_plot(sheet)
    _add_intervals(axes, measured, low="ci_low", high="ci_high", label="observed, with 95 % interval")
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
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axes.set_ylabel("share of loans in default")


def _join_expected(figures: pl.DataFrame, cohorts: pl.DataFrame) -> pl.DataFrame:
    """A scored cohort counts the loans that were scored, so that both rates are of the same loans."""
    expected = keep_metric(figures, "bad_rate_expected", "cohort").select("at", expected="value")
    observed = keep_metric(figures, "bad_rate_observed", "cohort").select("at", seen="value", n_seen="n")
    rates = add_position(cohorts).with_columns(value=pl.col("n_bad") / pl.col("n"))
    for part in (expected, observed):
        rates = rates.join(part, on="at", how="left", validate="1:1")
    scored = pl.col("seen").is_not_null()
    return rates.sort("at").with_columns(
        value=pl.coalesce("seen", "value"),
        n=pl.when(scored).then("n_seen").otherwise(pl.col("n").cast(pl.Int64)),
        status=pl.lit("measured"),
    )


def _add_wilson(rates: pl.DataFrame) -> pl.DataFrame:
    """Add `ci_low`, `ci_high`: Wilson's interval of the share `value` of `n`."""
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    p, n = pl.col("value"), pl.col("n")
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)).sqrt()
    return rates.with_columns(ci_low=(middle - half).clip(0, 1), ci_high=(middle + half).clip(0, 1))


def _add_intervals(axes: Axes, rows: pl.DataFrame, *, low: str, high: str, label: str) -> None:
    axes.vlines(rows["at"], rows[low], rows[high], color=style.BLUE, lw=2.2, alpha=0.55)
    axes.plot(rows["at"], rows["value"], ls="", marker="o", ms=6.5, color=style.BLUE, label=label)


def _set_auc_range(axes: Axes, measured: pl.DataFrame) -> None:
    floor = lowest(measured, "value", "ci_low")
    axes.set_ylim(floor - 0.03 if floor < 0.5 else 0.5, 1.0)
    axes.set_ylabel("AUC (1 is perfect)")
    if floor < 0.5:
        axes.axhline(0.5, color=style.GREY, lw=0.7, ls=(0, (4, 4)), zorder=0)


def _add_numbers(axes: Axes, measured: pl.DataFrame) -> None:
    for at, value in measured.select("at", "value").iter_rows():
        axes.annotate(f"{value:.2f}", (at, value), (7, 0), textcoords="offset points", va="center", size=10)
