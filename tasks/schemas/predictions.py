"""gold.predictions: one row per scored application."""

import dataframely as dy


class Predictions(dy.Schema):
    """Key: loan_id. `pd` is the probability of default (0 to 1), `grade` A (best) to G.

    `fallback` names the missing sources that the model answered without, such as `clickstream`, or `none`;
    `reason_1` to `reason_4` are codes of `tasks.schemas.reasons`, the strongest first.
    """

    loan_id = dy.String(nullable=False, primary_key=True)
    customer_id = dy.String(nullable=False)
    snapshot_date = dy.Date(nullable=False)
    pd = dy.Float64(nullable=False, min=0, max=1)
    grade = dy.String(nullable=False, regex="^[A-G]$")
    model_id = dy.String(nullable=False)
    fallback = dy.String(nullable=False)
    reason_1 = dy.String(nullable=True)
    reason_2 = dy.String(nullable=True)
    reason_3 = dy.String(nullable=True)
    reason_4 = dy.String(nullable=True)
