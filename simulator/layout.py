"""The files a lender delivers: their columns in order, and how far each number usually spreads."""

from typing import Final, Literal

Source = Literal["clickstream", "attributes", "financials"]
LenderKind = Literal["reference", "car_loans"]

FE_COLUMNS: Final = tuple(f"fe_{number}" for number in range(1, 21))
FINANCIAL_COLUMNS: Final = (
    "Annual_Income",
    "Monthly_Inhand_Salary",
    "Num_Bank_Accounts",
    "Num_Credit_Card",
    "Interest_Rate",
    "Num_of_Loan",
    "Type_of_Loan",
    "Delay_from_due_date",
    "Num_of_Delayed_Payment",
    "Changed_Credit_Limit",
    "Num_Credit_Inquiries",
    "Credit_Mix",
    "Outstanding_Debt",
    "Credit_Utilization_Ratio",
    "Credit_History_Age",
    "Payment_of_Min_Amount",
    "Total_EMI_per_month",
    "Amount_invested_monthly",
    "Payment_Behaviour",
    "Monthly_Balance",
)
ATTRIBUTE_COLUMNS: Final = ("Name", "Age", "SSN", "Occupation")
COLUMNS_BY_SOURCE: Final[dict[Source, tuple[str, ...]]] = {
    "clickstream": FE_COLUMNS,
    "attributes": ATTRIBUTE_COLUMNS,
    "financials": FINANCIAL_COLUMNS,
}

CLICKSTREAM_FILE: Final = "feature_clickstream.csv"
ATTRIBUTES_FILE: Final = "features_attributes.csv"
FINANCIALS_FILE: Final = "features_financials.csv"
LOANS_FILE: Final = "lms_loan_daily.csv"
TRUTH_FILE: Final = "true_default_probability.csv"
FILES: Final = (CLICKSTREAM_FILE, ATTRIBUTES_FILE, FINANCIALS_FILE, LOANS_FILE, TRUTH_FILE)

# Standard deviations of the clean columns: the step in which a `shift` drift is counted.
SPREADS: Final[dict[str, float]] = {
    **dict.fromkeys(FE_COLUMNS, 100.0),
    "Age": 10.8,
    "Annual_Income": 38_000.0,
    "Monthly_Inhand_Salary": 3_160.0,
    "Num_Bank_Accounts": 2.6,
    "Num_Credit_Card": 2.1,
    "Interest_Rate": 8.8,
    "Num_of_Loan": 2.5,
    "Delay_from_due_date": 14.9,
    "Num_of_Delayed_Payment": 6.3,
    "Changed_Credit_Limit": 6.8,
    "Num_Credit_Inquiries": 4.0,
    "Outstanding_Debt": 1_156.0,
    "Credit_Utilization_Ratio": 5.2,
    "Credit_History_Age": 99.6,
    "Total_EMI_per_month": 150.0,
    "Amount_invested_monthly": 200.0,
    "Monthly_Balance": 214.0,
}


def source_of(column: str) -> Source | None:
    """Return the source that delivers `column`, None when no source has it."""
    return next((source for source, columns in COLUMNS_BY_SOURCE.items() if column in columns), None)
