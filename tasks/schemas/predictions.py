"""gold.predictions: one row per scored application."""

import dataframely as dy
import polars as pl


class Predictions(dy.Schema):
    """Key: loan_id. `pd` is the probability of default (0 to 1), `grade` A (best) to G.

    `fallback` names the missing sources that the model answered without, joined by `+`, or `none`;
    `reason_1` to `reason_4` are codes of `tasks.schemas.reasons`, the strongest first.
    """

    loan_id = dy.String(nullable=False, primary_key=True)
    customer_id = dy.String(nullable=False)
    snapshot_date = dy.Date(nullable=False)
    pd = dy.Float64(nullable=False, min=0, max=1)
    grade = dy.String(nullable=False, regex="^[A-G]$")
    model_id = dy.String(nullable=False)
    fallback = dy.String(nullable=False)
    reason_1 = dy.String(nullable=True)
    reason_2 = dy.String(nullable=True)
    reason_3 = dy.String(nullable=True)
    reason_4 = dy.String(nullable=True)


class ShadowPredictions(Predictions):
    """gold.shadow_predictions: the same by models that decide nothing. Key: loan_id, model_id."""

    model_id = dy.String(nullable=False, primary_key=True)


GRADE_LIMITS = {
    "A": 0.03,
    "B": 0.08,
    "C": 0.16,
    "D": 0.30,
    "E": 0.50,
    "F": 0.75,
}  # a PD up to the limit; G above


COMPLETE = "none"  # the score path that lacks no source


def describe_path(path: str) -> str:
    """A score path in words: with all sources, or without those that `fallback` names."""
    return "with all sources" if path == COMPLETE else f"without {path.replace('+', ' and ')}"


def grade_of(pd: pl.Expr) -> pl.Expr:
    """Grade A (best) to G by fixed limits of the probability of default."""
    grade = pl.lit("G")
    for name, limit in reversed(GRADE_LIMITS.items()):
        grade = pl.when(pd <= limit).then(pl.lit(name)).otherwise(grade)
    return grade


def grade_of_pd(pd: float) -> str:
    """As `grade_of`, of one probability."""
    return next((grade for grade, limit in GRADE_LIMITS.items() if pd <= limit), "G")
