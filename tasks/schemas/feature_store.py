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

# Each feature with its reason group (tasks/schemas/reasons.py).
ATTRIBUTE_NUMBERS = {"age": "PERSON", "is_minor": "PERSON"}
FINANCIAL_NUMBERS = {
    "annual_income": "INCOME",
    "monthly_inhand_salary": "INCOME",
    "num_bank_accounts": "ACCOUNTS",
    "num_credit_card": "ACCOUNTS",
    "interest_rate": "INTEREST",
    "num_of_loan": "LOANS",
    "delay_from_due_date": "DELAYS",
    "num_of_delayed_payment": "DELAYS",
    "changed_credit_limit": "INQUIRIES",
    "num_credit_inquiries": "INQUIRIES",
    "outstanding_debt": "DEBT",
    "credit_utilization_ratio": "DEBT",
    "credit_history_age": "HISTORY",
    "total_emi_per_month": "BUDGET",
    "amount_invested_monthly": "BUDGET",
    "monthly_balance": "BUDGET",
    "debt_to_income_ratio": "DEBT",
    "emi_to_salary_ratio": "BUDGET",
    "invested_to_salary_ratio": "BUDGET",
    "balance_to_salary_ratio": "BUDGET",
    **{f"n_{loan_type}s": "LOANS" for loan_type in LOAN_TYPES},
}
WORDS = {
    "occupation": "PERSON",
    "credit_mix": "HISTORY",
    "payment_of_min_amount": "DELAYS",
    "payment_behaviour": "BUDGET",
}
CATEGORIES = tuple(WORDS)
REASON_GROUP_OF = {
    **ATTRIBUTE_NUMBERS,
    **FINANCIAL_NUMBERS,
    **dict.fromkeys((CLICKSTREAM_MONTHS, *CLICKSTREAM_LEVELS, *CLICKSTREAM_SPREADS), "ONLINE"),
    **WORDS,
}

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
