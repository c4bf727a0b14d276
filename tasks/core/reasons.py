"""Why a score is what it is: what each group of features adds to the log-odds of the reference applicant."""

import numpy as np
import polars as pl

from tasks.core.models import Blend, Floats
from tasks.core.parts import columns_of
from tasks.core.serving import Served, rows_by_blend
from tasks.schemas.feature_store import FEATURES
from tasks.schemas.reasons import REASON_GROUPS, REASONS

WORTH_TELLING = 0.05  # of log-odds: weaker contributions are no reason


def explain(served: Served, features: pl.DataFrame) -> Floats:
    """Contribution (rows, REASON_GROUPS) of each group to the log-odds, against the reference applicant.

    They add up to the difference in log-odds between the applicant and the reference applicant, by the same
    blend. Groups are swapped for the reference's values one after the other, in the order of REASON_GROUPS
    and in the reverse order, and the two effects averaged: Shapley's value where at most pairs of groups
    interact (Shapley 1953; Strumbelj & Kononenko 2014), and exact for additive parts.
    """
    contributions = np.zeros((features.height, len(REASON_GROUPS)))
    for blend, rows in rows_by_blend(served, features):
        contributions[rows] = _explain_blend(blend, features[rows].select(FEATURES), served.reference)
    return contributions


def _explain_blend(blend: Blend, features: pl.DataFrame, reference: pl.DataFrame) -> Floats:
    total = np.zeros((features.height, len(REASON_GROUPS)))
    for part, weight in zip(blend.parts, blend.weights, strict=True):
        used = columns_of(part)
        groups = [place for place, names in enumerate(REASON_GROUPS.values()) if used.intersection(names)]
        start, end = part.decision_function(features), part.decision_function(reference)[0]
        for order in (groups, groups[::-1]):
            total[:, order] += weight / 2 * _swap_in_turn(part, features, reference, order, (start, end))
    return total


def _swap_in_turn(
    part: object,
    features: pl.DataFrame,
    reference: pl.DataFrame,
    order: list[int],
    ends: tuple[Floats, float],
) -> Floats:
    """What each swap of `order` takes away, from the applicant to the reference applicant."""
    names = list(REASON_GROUPS.values())
    swapped, before = features, ends[0]
    effects = np.zeros((features.height, len(order)))
    for step, group in enumerate(order):
        if step == len(order) - 1:
            after = np.full(features.height, ends[1])
        else:
            usual = {name: pl.lit(reference[name][0], dtype=reference.schema[name]) for name in names[group]}
            swapped = swapped.with_columns(**usual)
            after = part.decision_function(swapped)  # pyright: ignore[reportAttributeAccessIssue]
        effects[:, step] = before - after
        before = after
    return effects


def name_reasons(contributions: Floats) -> pl.DataFrame:
    """Columns REASONS: codes of the strongest contributions, strongest first; null for weak ones."""
    groups = np.array(list(REASON_GROUPS))
    strongest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, : len(REASONS)]
    columns: dict[str, pl.Series] = {}
    for place, name in enumerate(REASONS):
        value = np.take_along_axis(contributions, strongest[:, place : place + 1], axis=1)[:, 0]
        code = np.char.add(groups[strongest[:, place]], np.where(value > 0, "_UP", "_DOWN"))
        told = pl.Series(np.abs(value) >= WORTH_TELLING)
        columns[name] = pl.select(pl.when(told).then(pl.Series(code.tolist(), dtype=pl.String))).to_series()
    return pl.DataFrame(columns)
