"""The kinds of loan that `type_of_loan` lists."""

LOAN_TYPES = (
    "auto_loan",
    "credit_builder_loan",
    "debt_consolidation_loan",
    "home_equity_loan",
    "mortgage_loan",
    "not_specified",
    "payday_loan",
    "personal_loan",
    "student_loan",
)
