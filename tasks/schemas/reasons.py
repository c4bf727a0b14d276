"""Reason codes: groups of features, each with a stable code and a plain text for either direction.

`<code>_UP` raises the probability of default against the reference applicant, `<code>_DOWN` lowers it.
"""

from tasks.schemas.feature_store import (
    CLICKSTREAM_LEVELS,
    CLICKSTREAM_MONTHS,
    CLICKSTREAM_SPREADS,
)
from tasks.schemas.financials import LOAN_TYPES

OTHER = "OTHER"
REASON_GROUPS: dict[str, tuple[str, ...]] = {
    "ONLINE": (CLICKSTREAM_MONTHS, *CLICKSTREAM_LEVELS, *CLICKSTREAM_SPREADS),
    "INCOME": ("annual_income", "monthly_inhand_salary"),
    "DEBT": ("outstanding_debt", "debt_to_income_ratio", "credit_utilization_ratio"),
    "DELAYS": ("delay_from_due_date", "num_of_delayed_payment", "payment_of_min_amount"),
    "INQUIRIES": ("num_credit_inquiries", "changed_credit_limit"),
    "ACCOUNTS": ("num_bank_accounts", "num_credit_card"),
    "LOANS": ("num_of_loan", *(f"n_{kind}s" for kind in LOAN_TYPES)),
    "INTEREST": ("interest_rate",),
    "HISTORY": ("credit_history_age", "credit_mix"),
    "BUDGET": (
        "total_emi_per_month",
        "amount_invested_monthly",
        "monthly_balance",
        "emi_to_salary_ratio",
        "invested_to_salary_ratio",
        "balance_to_salary_ratio",
        "payment_behaviour",
    ),
    "PERSON": ("age", "is_minor", "occupation"),
    OTHER: (),  # whatever another team's source says
}

REASON_TEXTS: dict[str, str] = {
    "ONLINE_UP": "Online behaviour resembles that of customers who fell behind",
    "ONLINE_DOWN": "Online behaviour resembles that of customers who paid on time",
    "INCOME_UP": "Income speaks for a higher risk",
    "INCOME_DOWN": "Income speaks for a lower risk",
    "DEBT_UP": "Debt or credit utilisation is high for the income",
    "DEBT_DOWN": "Debt and credit utilisation are moderate for the income",
    "DELAYS_UP": "Payments were late, or only the minimum was paid",
    "DELAYS_DOWN": "Payments were on time",
    "INQUIRIES_UP": "Many credit inquiries or changes of the credit limit",
    "INQUIRIES_DOWN": "Few credit inquiries and changes of the credit limit",
    "ACCOUNTS_UP": "Number of bank accounts and cards speaks for a higher risk",
    "ACCOUNTS_DOWN": "Number of bank accounts and cards speaks for a lower risk",
    "LOANS_UP": "Number and kind of other loans speak for a higher risk",
    "LOANS_DOWN": "Number and kind of other loans speak for a lower risk",
    "INTEREST_UP": "Interest on present credit is high",
    "INTEREST_DOWN": "Interest on present credit is low",
    "HISTORY_UP": "Credit history is short, or its mix is weak",
    "HISTORY_DOWN": "Credit history is long, or its mix is good",
    "BUDGET_UP": "Little is left of the monthly budget after instalments and investments",
    "BUDGET_DOWN": "The monthly budget leaves room after instalments and investments",
    "PERSON_UP": "Personal circumstances speak for a higher risk",
    "PERSON_DOWN": "Personal circumstances speak for a lower risk",
    "OTHER_UP": "What another department holds speaks for a higher risk",
    "OTHER_DOWN": "What another department holds speaks for a lower risk",
}
REASONS = ("reason_1", "reason_2", "reason_3", "reason_4")
