"""gold.monitoring: one row per measured figure, and the metrics that there are.

A metric has its one home here: what is measured, when it is amber or red, and where the report, the deck and
the charts show it are read from its MetricSpec.
"""

from collections.abc import Mapping, Sequence

import dataframely as dy
import polars as pl

from tasks.metric_spec import MONTHS, PATH, MetricSpec

CONFIDENCE = 0.95  # level of the intervals of the table, ci_low to ci_high
NO_CHANGE = "of what a sample of this size shows without any change"
OFF = ", the Brier score being off by {calibration.min_deviation:%} or more"
# The sections of the report follow this order.
SPECS = (
    MetricSpec(
        "pooled_auc",
        "pooled AUC",
        "AUC (1 is perfect)",
        worse="low",
        policy="ranking",
        amber="below development by {ranking.min_drop} or more, p < {ranking.amber_p}",
        red="below development by {ranking.min_drop} or more, p < {ranking.red_p}; or significantly below "
        "{ranking.auc_floor}",
        section="Ranking",
        chart="auc",
        escalate="the AUC of the newest {ranking.cohorts} ripe cohorts, pooled, is significantly below "
        "development",
    ),
    MetricSpec(
        "calibration_in_the_large",
        "observed/expected defaults",
        "ratio",
        form=".2f",
        worse="either",
        policy="calibration",
        amber="{calibration.min_deviation:%} or more away from 1, p < {calibration.amber_p}",
        red="{calibration.min_deviation:%} or more away from 1, p < {calibration.red_p}; or outside "
        "{calibration.oe_low} to {calibration.oe_high}, p < {calibration.amber_p}",
        section="Calibration by grade",
        chart="grades",
        escalate="a grade is named here, or a better grade defaults more often than a worse one; of several "
        "intervals one may miss its expected rate by chance",
    ),
    MetricSpec(
        "bad_rate_observed",
        "observed bad rate",
        "share of loans in default",
        form=".1%",
        section="Bad rate, observed and expected",
        chart="bad_rates",
        escalate="the expected rate leaves the interval month after month on the same side",
    ),
    MetricSpec(
        "early_arrears",
        "share of a young cohort in arrears",
        "share of loans",
        form=".1%",
        worse="high",
        policy="arrears",
        amber="above what the PDs imply at MOB {arrears.mob} by {arrears.min_excess:%} or more, "
        "p < {arrears.amber_p}",
        red="above what the PDs imply at MOB {arrears.mob} by {arrears.min_excess:%} or more, "
        "p < {arrears.red_p}",
        section="Early arrears",
        chart=MONTHS,
        escalate="significantly more loans are in arrears than their PDs imply; labels come months later",
    ),
    MetricSpec(
        "psi",
        "PSI of the score",
        "PSI (index, no unit)",
        worse="high",
        policy="stability",
        amber="at least {stability.amber} and beyond the {stability.amber_level:%} point " + NO_CHANGE,
        red="at least {stability.red} and beyond the {stability.red_level:%} point " + NO_CHANGE,
        section="Stability of the score",
        chart="score_stability",
        escalate="the PSI exceeds both its fixed limit and what chance alone reaches at this sample size",
    ),
    MetricSpec(
        "csi",
        "CSI",
        "CSI (index, no unit)",
        worse="high",
        policy="stability",
        amber="at least {stability.amber} and beyond the {stability.amber_level:%} point " + NO_CHANGE,
        red="at least {stability.red} and beyond the {stability.red_level:%} point " + NO_CHANGE,
        section="Stability of the features",
        chart="feature_stability",
        escalate="dark cells fill a column of the heat map: then the delivery changed, not the customers",
        by_subject=True,
    ),
    MetricSpec(
        "coverage",
        "coverage",
        "share of applications",
        form=".1%",
        worse="low",
        policy="coverage",
        amber="below {coverage.amber:%}; of a source also below its share in the training data with "
        "p < {coverage.amber_p}",
        red="{coverage.below_reference:%} of the applications or more below the share in the training data; "
        "of scoring below {coverage.red:%}",
        section="Coverage",
        chart="intake",
        escalate="scoring is below {coverage.amber:%}, or a source significantly below its share in the "
        "training data. Customers that a source never covered are scored by the "
        "fallback; where only this month is missing, earlier months are used",
        by_subject=True,
    ),
    MetricSpec(
        "expected_auc",
        "expected AUC",
        "AUC (1 is perfect)",
        section="Expected and realised AUC",
        chart="expected_auc",
        escalate="realised points fall below the band: the forecast is blind to a changed relation between "
        "features and default",
    ),
    MetricSpec(
        "expected_bad_rate_approved",
        "expected bad rate among approved",
        "share of loans in default",
        form=".1%",
        worse="high",
        policy="path_cost",
        amber="{path_cost.amber_excess:%} or more above development, p < {path_cost.p}",
        red="{path_cost.red_excess:%} or more above development, p < {path_cost.red_p}",
        section="Expected bad rate among approved",
        chart=MONTHS,
        escalate="at the cut-off (a PD of {cutoff.approve_up_to_pd}) it is {path_cost.red_excess:%} or more "
        "above development: the applications approved are worse than the cut-off was set for",
    ),
    MetricSpec(
        "path_mix",
        "share of applications scored",
        "share of applications",
        form=".1%",
        worse="either",
        policy="paths",
        amber="{paths.min_change:%} of the applications or more away from its share in the {paths.months} "
        "months before, p < {paths.p} (paths of {paths.min_loans} loans or more have figures of their own)",
        by_subject=True,
    ),
    MetricSpec("approval_rate", "approval rate at the cut-off", "share of applications", form=".1%"),
    MetricSpec("grade_share", "share of grade", "share of applications", form=".1%", by_subject=True),
    MetricSpec("drift_p", "p-value of a change", "p-value", by_subject=True),
    MetricSpec(
        "drifting_features",
        "features drifting",
        "number of features",
        form=".0f",
        worse="high",
        counted="features",
        amber="one or more in each of {stability.drift_months} months in a row, false discovery rate "
        "{stability.drift_fdr}",
    ),
    MetricSpec(
        "quarantined",
        "share of rows in quarantine",
        "share of rows",
        form=".1%",
        worse="high",
        policy="intake",
        amber="{intake.amber:%} or more",
        red="{intake.red:%} or more",
        by_subject=True,
    ),
    MetricSpec("expected_bad_rate", "expected bad rate", "share of loans in default", form=".1%"),
    MetricSpec(
        "cohorts_since_training",
        "cohorts ripe since the last training",
        "number",
        form=".0f",
        counted="ripe cohorts",
    ),
    MetricSpec(
        "optimistic_forecasts",
        "forecasts of the AUC above what was realised",
        "number of cohorts",
        form=".0f",
        counted="ripe cohorts",
    ),
    MetricSpec(
        "artefact",
        "integrity of the model's files",
        "1 is intact",
        form=".0f",
        worse="low",
        red="a file of the model is not the one that was registered",
    ),
    MetricSpec(
        "fairness",
        "adverse impact ratio",
        "ratio of approval rates",
        form=".2f",
        worse="low",
        policy="fairness",
        amber="below {fairness.amber}, p < {fairness.p} (over {fairness.months} months, of groups of "
        "{fairness.min_applicants} or more, approved up to a PD of {cutoff.approve_up_to_pd})",
        red="below {fairness.red}, and below {fairness.amber} with p < {fairness.red_p}",
        by_subject=True,
    ),
    MetricSpec("auc", "AUC", "AUC (1 is perfect)"),
    MetricSpec("gini", "Gini coefficient", "Gini (1 is perfect)"),
    MetricSpec("ks", "KS statistic", "KS"),
    MetricSpec("brier", "Brier score", "Brier score", form=".4f"),
    MetricSpec("log_loss", "log loss", "log loss", form=".4f"),
    MetricSpec("bad_rate_expected", "mean PD", "share of loans in default", form=".1%"),
    MetricSpec("observed_to_expected", "observed/expected defaults of one cohort", "ratio", form=".2f"),
    MetricSpec(
        "grade_bad_rate",
        "bad rate of grade",
        "share of loans in default",
        form=".1%",
        worse="high",
        policy="calibration",
        amber="above the mean PD by {calibration.min_deviation:%} or more, p < {calibration.amber_p} (Holm)",
        red="above the mean PD by {calibration.min_deviation:%} or more, p < {calibration.red_p} (Holm)",
        by_subject=True,
    ),
    MetricSpec(
        "spiegelhalter_z",
        "Spiegelhalter's z (allowing for the sampling error of PDs learned from few loans)",
        "z",
        form=".2f",
        worse="either",
        policy="calibration",
        amber="{calibration.amber_z} or more either way" + OFF,
        red="{calibration.red_z} or more either way" + OFF,
    ),
    MetricSpec("spiegelhalter_z_raw", "Spiegelhalter's z as if the PDs were known", "z", form=".2f"),
    MetricSpec("calibration_slope", "calibration slope", "slope", form=".2f"),
    MetricSpec(
        "grade_inversions",
        "adjacent grades in the wrong order",
        "number of pairs",
        form=".0f",
        worse="high",
        amber="one or more with p < {ranking.inversion_p}",
    ),
)
METRICS: Mapping[str, MetricSpec] = {spec.name: spec for spec in SPECS}


class Monitoring(dy.Schema):
    """Key: (snapshot_date, metric, subject, window).

    `metric` is one of METRICS, `subject` what was measured (score, a feature, a source), `window` which
    applications (a month or cohort), `n` how many. `value` is null when there was nothing to measure, and
    `status` says why.
    """

    snapshot_date = dy.Date(nullable=False, primary_key=True)
    metric = dy.String(nullable=False, primary_key=True, check=lambda name: name.is_in(list(METRICS)))
    subject = dy.String(nullable=False, primary_key=True)
    window = dy.String(nullable=False, primary_key=True)
    n = dy.Int64(nullable=False, min=0)
    value = dy.Float64(nullable=True)
    ci_low = dy.Float64(nullable=True)
    ci_high = dy.Float64(nullable=True)
    reference = dy.Float64(nullable=True)
    amber = dy.Float64(nullable=True)
    red = dy.Float64(nullable=True)
    status = dy.String(nullable=False)
    model_id = dy.String(nullable=False)


def keep_metrics(rows: pl.DataFrame, *names: str, paths: bool = False) -> pl.DataFrame:
    """Rows of some metrics, without those of single score paths unless `paths` are wanted too.

    A name that the catalogue does not hold raises KeyError.
    """
    kept = is_of_metrics(names)
    return rows.filter(kept if paths else kept & is_of_all_paths())


def is_of_metrics(names: Sequence[str]) -> pl.Expr:
    """Whether a row is of one of some metrics, of a single score path or not.

    A name that the catalogue does not hold raises KeyError.
    """
    return pl.col("metric").is_in([METRICS[name].name for name in names])


def is_of_all_paths() -> pl.Expr:
    """Whether a row is not of a single score path; the shares of the paths are of all of them."""
    return (pl.col("metric") == "path_mix") | ~pl.col("subject").str.contains(PATH)
