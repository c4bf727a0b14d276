"""gold.feature_store: one row per application, everything the lender knew on the day it came in.

Key: loan_id. `has_<source>` says whether the source knew the customer; a feature is null where it did not.
"""

from collections.abc import Mapping

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

# What each feature means, for cards and validators.
DESCRIPTIONS: Mapping[str, str] = {
    "age": "age in years",
    "is_minor": "1 for an age below 18",
    "occupation": "occupation as stated",
    "annual_income": "income a year (account currency)",
    "monthly_inhand_salary": "salary paid out a month (account currency)",
    "num_bank_accounts": "number of bank accounts",
    "num_credit_card": "number of credit cards",
    "interest_rate": "mean interest rate of the customer's other loans (%)",
    "num_of_loan": "number of other loans",
    "delay_from_due_date": "mean delay of payments on other loans (days)",
    "num_of_delayed_payment": "number of delayed payments on other loans",
    "changed_credit_limit": "change of the credit card limit (%)",
    "num_credit_inquiries": "number of credit inquiries",
    "outstanding_debt": "debt outstanding elsewhere (account currency)",
    "credit_utilization_ratio": "share of the card limit in use (%)",
    "credit_history_age": "age of the credit history (months)",
    "total_emi_per_month": "instalments due a month (account currency)",
    "amount_invested_monthly": "amount invested a month (account currency)",
    "monthly_balance": "balance left at the end of a month (account currency)",
    "debt_to_income_ratio": "outstanding debt over annual income",
    "emi_to_salary_ratio": "instalments a month over salary",
    "invested_to_salary_ratio": "amount invested a month over salary",
    "balance_to_salary_ratio": "monthly balance over salary",
    "credit_mix": "mix of credit as graded by the source",
    "payment_of_min_amount": "whether only the minimum is paid",
    "payment_behaviour": "spending and payment pattern as graded by the source",
    CLICKSTREAM_MONTHS: "months of clickstream known up to the application",
    **{name: f"mean of {name.removesuffix('_mean')} over those months" for name in CLICKSTREAM_LEVELS},
    **{name: f"standard deviation of {name.removesuffix('_sd')}" for name in CLICKSTREAM_SPREADS},
}


def describe_feature(name: str) -> str:
    """What a feature means; of loan types and of other teams' sources by their names."""
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    if name.startswith("n_") and name.endswith("s"):
        return f"number of other loans of type {name[2:-1].replace('_', ' ')}"
    return "column of another team's source, as its declaration says"
