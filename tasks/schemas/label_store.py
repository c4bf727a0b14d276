"""gold.label_store: one row per ripe loan, in the partition of the day its label came to exist."""

import dataframely as dy


class LabelStore(dy.Schema):
    """Key: loan_id. `snapshot_date` is the label date, `dpd` in days, `label` 1 for default."""

    loan_id = dy.String(nullable=False, primary_key=True)
    customer_id = dy.String(nullable=False)
    loan_start_date = dy.Date(nullable=False)
    snapshot_date = dy.Date(nullable=False)
    dpd = dy.Int32(nullable=False, min=0)
    label = dy.Int32(nullable=False, min=0, max=1)
    label_def = dy.String(nullable=False)
