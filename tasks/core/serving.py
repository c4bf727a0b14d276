"""The model that serves: a blend for every application, whichever of its sources are missing."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit

from tasks.core.models import Blend, Floats, Lessons, Recipe, fit_blends, score_log_odds
from tasks.core.parts import SOURCES
from tasks.schemas.feature_store import CATEGORIES, FEATURES, HAS_SOURCE, NUMBERS

COMPLETE = "none"
# What may be missing, by the name that gold.predictions records; attributes alone weigh too little to matter.
MISSING: dict[str, tuple[str, ...]] = {
    COMPLETE: (),
    "clickstream": ("clickstream",),
    "financials": ("financials",),
    "clickstream+financials": ("clickstream", "financials"),
}


@dataclass(frozen=True)
class Served:
    """A blend for each name in MISSING, and the reference applicant (one row) of explanations."""

    blends: Mapping[str, Blend]
    reference: pl.DataFrame


def sources_without(missing: str) -> tuple[str, ...]:
    """The sources that are left when those of a name in MISSING are gone."""
    return tuple(source for source in SOURCES if source not in MISSING[missing])


def fit_served(recipe: Recipe, lessons: Lessons, *, seed: int) -> Served:
    """The recipe fitted with all sources, and once more for each way that sources can be missing."""
    blends = fit_blends(recipe, lessons, {name: sources_without(name) for name in MISSING}, seed=seed)
    return Served(blends, reference_applicant(lessons.features))


def reference_applicant(features: pl.DataFrame) -> pl.DataFrame:
    """One row: the median of every number and the most frequent word of every category."""
    usual = features.select(
        *(pl.col(name).median() for name in NUMBERS),
        *(pl.col(name).drop_nulls().mode().sort().first() for name in CATEGORIES),
    )
    return usual.select(FEATURES)


def find_missing(features: pl.DataFrame) -> pl.Series:
    """Name in MISSING of what each application lacks; `none` when the sources know the customer."""
    lacks = [
        pl.when(~pl.col(HAS_SOURCE[source])).then(pl.lit(source)) for source in ("clickstream", "financials")
    ]
    named = pl.concat_str(lacks, separator="+", ignore_nulls=True)
    return features.select(fallback=pl.when(named == "").then(pl.lit(COMPLETE)).otherwise(named)).to_series()


def rows_by_blend(served: Served, features: pl.DataFrame) -> list[tuple[Blend, np.ndarray]]:
    """Each blend that is needed, with the numbers of the rows that it answers for."""
    missing = find_missing(features).to_numpy()
    pairs = [(blend, np.flatnonzero(missing == name)) for name, blend in served.blends.items()]
    return [(blend, rows) for blend, rows in pairs if len(rows)]


def score_served(served: Served, features: pl.DataFrame) -> Floats:
    """Calibrated log-odds of default (n,) of each row, by the blend for what it lacks."""
    log_odds = np.zeros(features.height)
    for blend, rows in rows_by_blend(served, features):
        log_odds[rows] = score_log_odds(blend, features[rows])
    return log_odds


def predict_served(served: Served, features: pl.DataFrame) -> Floats:
    """Probability of default (n,) of each row."""
    return expit(score_served(served, features))
