"""Financials: the customer's income, debts and payment habits, one row on the day the loan starts."""

import dataframely as dy

from tasks.schemas.source import SilverRow, Source

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


class SilverFinancials(SilverRow):
    """Key: (customer_id, snapshot_date). Account currency, per month unless annual; rates in percent."""

    annual_income = dy.Float64(nullable=True)
    monthly_inhand_salary = dy.Float64(nullable=True)
    num_bank_accounts = dy.Int32(nullable=True)
    num_credit_card = dy.Int32(nullable=True)
    interest_rate = dy.Int32(nullable=True)
    num_of_loan = dy.Int32(nullable=True)
    type_of_loan = dy.String(nullable=False)
    delay_from_due_date = dy.Int32(nullable=True)
    num_of_delayed_payment = dy.Int32(nullable=True)
    changed_credit_limit = dy.Float64(nullable=True)
    num_credit_inquiries = dy.Int32(nullable=True)
    credit_mix = dy.String(nullable=False)
    outstanding_debt = dy.Float64(nullable=True)
    credit_utilization_ratio = dy.Float64(nullable=True)
    credit_history_age = dy.Int32(nullable=True)  # months
    payment_of_min_amount = dy.String(nullable=False)
    total_emi_per_month = dy.Float64(nullable=True)
    amount_invested_monthly = dy.Float64(nullable=True)
    payment_behaviour = dy.String(nullable=False)
    monthly_balance = dy.Float64(nullable=True)


FINANCIALS = Source(
    name="financials",
    columns=(
        "Customer_ID",
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
        "snapshot_date",
    ),
    silver=SilverFinancials,
)
