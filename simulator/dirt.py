"""What becomes of clean facts on their way into a file: text, with the dirt that such files usually have."""

from typing import Final

import numpy as np
import polars as pl

from simulator.layout import SPREADS, Source, source_of
from simulator.terms import Lender, Stream, draws, drifts_in

# Shares of rows, by column: a `_` after the number, words that stand for nothing, numbers beyond reason.
UNDERSCORED: Final = {
    "Annual_Income": 0.0701,
    "Num_of_Loan": 0.0499,
    "Num_of_Delayed_Payment": 0.0309,
    "Outstanding_Debt": 0.0114,
    "Age": 0.0515,
}
PLACEHOLDERS: Final = {
    "Num_Bank_Accounts": ("-1", 0.0002),
    "Num_of_Loan": ("-100", 0.0392),
    "Changed_Credit_Limit": ("_", 0.0211),
    "Credit_Mix": ("_", 0.2113),
    "Amount_invested_monthly": ("__10000__", 0.0441),
    "Payment_Behaviour": ("!@9#%8", 0.0792),
    "Monthly_Balance": ("__-333333333333333333333333333__", 0.0001),
    "Age": ("-500", 0.0086),
    "SSN": ("#F%$D@*&8", 0.0585),
    "Occupation": ("_______", 0.0694),
}
BEYOND_REASON: Final = {
    "Annual_Income": (200_000, 24_200_000, 0.0091),
    "Num_Bank_Accounts": (28, 1_756, 0.0125),
    "Num_Credit_Card": (21, 1_499, 0.0244),
    "Interest_Rate": (99, 5_790, 0.0216),
    "Num_of_Loan": (27, 1_496, 0.0051),
    "Num_of_Delayed_Payment": (88, 4_300, 0.0089),
    "Num_Credit_Inquiries": (46, 2_560, 0.015),
    "Total_EMI_per_month": (1_900, 82_000, 0.0325),
    "Age": (95, 8_700, 0.017),
}
STREAMS: Final = {"financials": Stream.DIRT_FINANCIALS, "attributes": Stream.DIRT_ATTRIBUTES}


def soil(lender: Lender, cohort: int, source: Source, clean: pl.DataFrame) -> pl.DataFrame:
    """Return `clean` as the file's text (all String): drift applied first, then the usual dirt.

    Keys: rows and columns keep their order.
    """
    chance = draws(lender, STREAMS[source], cohort)
    text = as_text(_shift(lender, cohort, source, clean))
    for name in clean.columns:
        column = pl.col(name)
        if name in BEYOND_REASON:
            low, high, share = BEYOND_REASON[name]
            huge = pl.Series(chance.integers(low, high, len(text))).cast(clean.schema[name]).cast(pl.String)
            text = text.with_columns(
                pl.when(_some(chance, share, len(text))).then(huge).otherwise(column).alias(name)
            )
        if name in UNDERSCORED:
            marked = pl.when(_some(chance, UNDERSCORED[name], len(text))).then(column + "_").otherwise(column)
            text = text.with_columns(marked.alias(name))
        if name in PLACEHOLDERS:
            word, share = PLACEHOLDERS[name]
            text = text.with_columns(
                pl.when(_some(chance, share, len(text))).then(pl.lit(word)).otherwise(column).alias(name)
            )
    return _swap(lender, cohort, source, text)


def as_text(clean: pl.DataFrame) -> pl.DataFrame:
    """Return `clean` as the files write it, all String; a credit history in months as years and months."""
    months = pl.col("Credit_History_Age")
    if "Credit_History_Age" in clean.columns:
        years = pl.format("{} Years and {} Months", months // 12, months % 12)
        clean = clean.with_columns(Credit_History_Age=years)
    return clean.with_columns(pl.all().cast(pl.String))


def _some(chance: np.random.Generator, share: float, size: int) -> pl.Series:
    return pl.Series(chance.random(size) < share)


def _shift(lender: Lender, cohort: int, source: Source, clean: pl.DataFrame) -> pl.DataFrame:
    for drift in drifts_in(lender, "shift", cohort):
        name = drift.names[0]
        if source_of(name) == source:
            step = drift.amount * SPREADS[name]
            whole = clean.schema[name].is_integer() or name == "Num_Credit_Inquiries"
            digits = 0 if whole else 2
            moved = (pl.col(name) + round(step, digits)).round(digits).cast(clean.schema[name])
            clean = clean.with_columns(moved.alias(name))
    return clean


def _swap(lender: Lender, cohort: int, source: Source, text: pl.DataFrame) -> pl.DataFrame:
    for drift in drifts_in(lender, "swap", cohort):
        if source_of(drift.names[0]) == source:
            one, other = drift.names
            text = text.with_columns(pl.col(other).alias(one), pl.col(one).alias(other))
    return text
