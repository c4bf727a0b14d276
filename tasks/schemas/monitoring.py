"""gold.monitoring: one row per measured figure."""

import dataframely as dy


class Monitoring(dy.Schema):
    """Key: (snapshot_date, metric, subject, window).

    `subject` is what was measured (score, a feature, a source), `window` which applications (a month
    or cohort), `n` how many. `value` is null when there was nothing to measure, and `status` says why.
    """

    snapshot_date = dy.Date(nullable=False, primary_key=True)
    metric = dy.String(nullable=False, primary_key=True)
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
