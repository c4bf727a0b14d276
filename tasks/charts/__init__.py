"""The figures of a run as SVG, drawn from finished frames."""

from collections.abc import Callable, Mapping
from functools import partial

import polars as pl
from matplotlib.figure import Figure

from tasks.charts.calibration import draw_expected_auc, draw_grades
from tasks.charts.feature_stability import draw_feature_stability
from tasks.charts.intake import draw_intake
from tasks.charts.months import draw_months
from tasks.charts.performance import draw_auc, draw_bad_rates
from tasks.charts.score_stability import draw_score_stability
from tasks.charts.style import Limits, to_svg
from tasks.metric_spec import MONTHS
from tasks.schemas.monitoring import SPECS


def draw_all(
    figures: pl.DataFrame,
    *,
    cohorts: pl.DataFrame,
    coverage: pl.DataFrame,
    limits: Mapping[str, Limits],
    **sizes: int,
) -> dict[str, bytes]:
    """The figures as SVG by name.

    Needs:  gold.monitoring; what draw_bad_rates needs of `cohorts`; what draw_intake needs of `coverage`; the
            fixed `limits` by metric; `sizes` are those of draw_feature_stability.
    """
    draws: dict[str, Callable[[], Figure]] = {
        "score_stability": lambda: draw_score_stability(figures, limits["psi"]),
        "feature_stability": lambda: draw_feature_stability(figures, limits["csi"], **sizes),
        "auc": lambda: draw_auc(figures),
        "grades": lambda: draw_grades(figures),
        "expected_auc": lambda: draw_expected_auc(figures),
        "bad_rates": lambda: draw_bad_rates(cohorts),
        "intake": lambda: draw_intake(coverage, limits["coverage"]),
        **{spec.name: partial(draw_months, figures, spec) for spec in SPECS if spec.chart == MONTHS},
    }
    return {name: to_svg(draw()) for name, draw in draws.items()}
