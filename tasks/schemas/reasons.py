"""Reason codes: groups of features, each with a stable code and a plain text for either direction.

`<code>_UP` raises the probability of default against the reference applicant, `<code>_DOWN` lowers it.
"""

from tasks.schemas.feature_store import REASON_GROUP_OF

OTHER = "OTHER"  # whatever another team's source says
GROUPS = (
    "ONLINE",
    "INCOME",
    "DEBT",
    "DELAYS",
    "INQUIRIES",
    "ACCOUNTS",
    "LOANS",
    "INTEREST",
    "HISTORY",
    "BUDGET",
    "PERSON",
    OTHER,
)
REASON_GROUPS = {
    group: tuple(name for name, of in REASON_GROUP_OF.items() if of == group) for group in GROUPS
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
