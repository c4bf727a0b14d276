"""gold.predictions: one row per scored application."""

import dataframely as dy


class Predictions(dy.Schema):
    """Key: loan_id. `pd` is the probability of default (0 to 1), `grade` A (best) to G."""

    loan_id = dy.String(nullable=False, primary_key=True)
    customer_id = dy.String(nullable=False)
    snapshot_date = dy.Date(nullable=False)
    pd = dy.Float64(nullable=False, min=0, max=1)
    grade = dy.String(nullable=False, regex="^[A-G]$")
    model_id = dy.String(nullable=False)
