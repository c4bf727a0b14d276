"""From features to predictions."""

import numpy as np
import polars as pl
from scipy.special import expit

from tasks.modelling.fallbacks import FallbackEnsemble, paths_taken, score_ensemble
from tasks.schemas.predictions import grade_of
from tasks.scoring.compiled_model import compile_model, explain_frame
from tasks.scoring.reason_codes import explain, name_reasons
from tasks.statistics.performance import Floats


def score_applications(features: pl.DataFrame, model: FallbackEnsemble, *, model_id: str) -> pl.DataFrame:
    """Rows of gold.predictions: pd (0 to 1), grade, reasons, fallback and model_id of each application.

    Needs:  the columns of gold.feature_store.
    Keys:   one row per loan_id.
    """
    paths = paths_taken(model, features)
    return _to_rows(features, paths, *explain_frame(compile_model(model), features, paths), model_id)


def score_by_pipelines(features: pl.DataFrame, model: FallbackEnsemble, *, model_id: str) -> pl.DataFrame:
    """The same by the pipelines that were fitted, which take longer: what the arrays are held against."""
    paths = paths_taken(model, features)
    log_odds, contributions = score_ensemble(model, features), explain(model, features)
    return _to_rows(features, paths, log_odds, contributions, model_id)


def _to_rows(
    features: pl.DataFrame, paths: pl.Series, log_odds: Floats, contributions: Floats, model_id: str
) -> pl.DataFrame:
    scored = features.select(
        "loan_id",
        "customer_id",
        "snapshot_date",
        pd=pl.Series(np.asarray(expit(log_odds))),
        model_id=pl.lit(model_id),
        fallback=paths,
    ).with_columns(grade=grade_of(pl.col("pd")))
    return scored.hstack(name_reasons(contributions))
