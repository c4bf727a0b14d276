"""Attributes: who the customer is, one row per customer on the day the loan starts."""

import dataframely as dy

from tasks.schemas.source import SilverRow, Source

ADULT_AGE = 18


class SilverAttributes(SilverRow):
    """Key: (customer_id, snapshot_date). `name` and `ssn` are personal data and never leave silver."""

    name = dy.String(nullable=True)
    age = dy.Int32(nullable=True, min=14, max=100)
    ssn = dy.String(nullable=True)
    occupation = dy.String(nullable=False)


ATTRIBUTES = Source(
    name="attributes",
    columns=("Customer_ID", "Name", "Age", "SSN", "Occupation", "snapshot_date"),
    silver=SilverAttributes,
)
