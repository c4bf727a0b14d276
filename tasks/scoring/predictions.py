"""From features to predictions."""

import polars as pl

from tasks.modelling.fallbacks import FallbackEnsemble, paths_taken, predict_ensemble
from tasks.schemas.predictions import grade_of
from tasks.scoring.reason_codes import explain, name_reasons

SLICE = 50_000  # applications at a time: a million need no more memory than that


def score_applications(features: pl.DataFrame, model: FallbackEnsemble, *, model_id: str) -> pl.DataFrame:
    """Rows of gold.predictions: pd (0 to 1), grade, reasons, fallback and model_id of each application.

    Needs:  the columns of gold.feature_store.
    Keys:   one row per loan_id.
    """
    slices = [_score(part, model, model_id) for part in features.iter_slices(SLICE)]
    return pl.concat(slices) if slices else _score(features, model, model_id)


def _score(features: pl.DataFrame, model: FallbackEnsemble, model_id: str) -> pl.DataFrame:
    scored = features.select(
        "loan_id",
        "customer_id",
        "snapshot_date",
        pd=pl.Series(predict_ensemble(model, features)),
        model_id=pl.lit(model_id),
        fallback=paths_taken(model, features),
    ).with_columns(grade=grade_of(pl.col("pd")))
    return scored.hstack(name_reasons(explain(model, features)))
