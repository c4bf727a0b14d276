"""gold.feature_store: one row per application, everything the lender knew on the day it came in.

Key: loan_id. `has_<source>` says whether the source knew the customer; a feature is null where it did not.
"""

import polars as pl

from tasks.schemas.clickstream import MEASURES
from tasks.schemas.financials import LOAN_TYPES

HAS_SOURCE = {
    "clickstream": "has_clickstream",
    "attributes": "has_attributes",
    "financials": "has_financials",
}

CLICKSTREAM_LEVELS = tuple(f"{measure}_mean" for measure in MEASURES)
CLICKSTREAM_SPREADS = tuple(f"{measure}_sd" for measure in MEASURES)
CLICKSTREAM_MONTHS = "n_clickstream_months"

ATTRIBUTE_NUMBERS = ("age", "is_minor")
FINANCIAL_NUMBERS = (
    "annual_income",
    "monthly_inhand_salary",
    "num_bank_accounts",
    "num_credit_card",
    "interest_rate",
    "num_of_loan",
    "delay_from_due_date",
    "num_of_delayed_payment",
    "changed_credit_limit",
    "num_credit_inquiries",
    "outstanding_debt",
    "credit_utilization_ratio",
    "credit_history_age",
    "total_emi_per_month",
    "amount_invested_monthly",
    "monthly_balance",
    "debt_to_income_ratio",
    "emi_to_salary_ratio",
    "invested_to_salary_ratio",
    "balance_to_salary_ratio",
    *(f"n_{loan_type}s" for loan_type in LOAN_TYPES),
)
CATEGORIES = ("occupation", "credit_mix", "payment_of_min_amount", "payment_behaviour")

KEYS = ("loan_id", "customer_id", "snapshot_date")
NUMBERS = (
    *ATTRIBUTE_NUMBERS,
    *FINANCIAL_NUMBERS,
    CLICKSTREAM_MONTHS,
    *CLICKSTREAM_LEVELS,
    *CLICKSTREAM_SPREADS,
)
FEATURES = (*NUMBERS, *CATEGORIES)

FEATURE_STORE: dict[str, pl.DataType] = {
    "loan_id": pl.String(),
    "customer_id": pl.String(),
    "snapshot_date": pl.Date(),
    **dict.fromkeys(HAS_SOURCE.values(), pl.Boolean()),
    **dict.fromkeys(NUMBERS, pl.Float64()),
    **dict.fromkeys(CATEGORIES, pl.String()),
}

SOURCES = tuple(HAS_SOURCE)
SOURCE_OF = {
    **dict.fromkeys((*ATTRIBUTE_NUMBERS, "occupation"), "attributes"),
    **dict.fromkeys((*FINANCIAL_NUMBERS, *CATEGORIES[1:]), "financials"),
    **dict.fromkeys((CLICKSTREAM_MONTHS, *CLICKSTREAM_LEVELS, *CLICKSTREAM_SPREADS), "clickstream"),
}
