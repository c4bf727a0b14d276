"""Why a score is what it is: what each group of features adds to the log-odds of the reference applicant."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from tasks.modelling.base_models import Explainer, columns_of
from tasks.modelling.fallbacks import FallbackEnsemble, rows_by_model
from tasks.modelling.stacking import StackedModel, base_log_odds, credibility_in
from tasks.schemas.feature_store import MONTHS, REASON_GROUP_OF
from tasks.schemas.reasons import OTHER, REASON_GROUPS, REASONS
from tasks.scoring.tree_shap import share_out
from tasks.statistics.performance import Floats

MIN_CONTRIBUTION = 0.05  # of log-odds: weaker ones are no reason


def explain(ensemble: FallbackEnsemble, features: pl.DataFrame) -> Floats:
    """Contribution (rows, REASON_GROUPS) of each group to the log-odds, against the reference applicant.

    They add up to the difference in log-odds between the applicant and the reference applicant, by the same
    model: Shapley's value of each group (Shapley 1953). For linear base models it is what replacing the group
    by the reference's values takes away; for trees it comes from the leaves. The weights are those at the
    length of the applicant's history; what another length alone changes counts as the (first) history's.
    """
    contributions = np.zeros((features.height, len(REASON_GROUPS)))
    for model, rows in rows_by_model(ensemble, features):
        contributions[rows] = _explain_model(
            model, features[rows].select(ensemble.reference.columns), ensemble.reference
        )
    return contributions


def _explain_model(model: StackedModel, features: pl.DataFrame, reference: pl.DataFrame) -> Floats:
    total = np.zeros((features.height, len(REASON_GROUPS)))
    explain_by: dict[Explainer, Callable[..., Floats]] = {"linear": _swap_in_turn, "trees": _from_leaves}
    longer = credibility_in(model, features)
    changes = model.weights_by_history or (0.0,) * len(model.weights)
    weighed = zip(model.base_models, model.weights, changes, model.explainers, strict=True)
    for base_model, weight, change, explainer in weighed:
        at_length = (weight + change * longer)[:, None]
        total += at_length * explain_by[explainer](base_model, features, reference)
    if model.weights_by_history:
        usual = base_log_odds(model.base_models, reference)[0] @ np.asarray(model.weights_by_history)
        by_length = (longer - credibility_in(model, reference)) * (usual + model.intercept_by_history)
        total[:, list(REASON_GROUPS).index(REASON_GROUP_OF[MONTHS[0]])] += by_length
    return total


def _from_leaves(base_model: Pipeline, features: pl.DataFrame, reference: pl.DataFrame) -> Floats:
    """Contributions (rows, REASON_GROUPS) to the log-odds of a boosting."""
    columns: Any = base_model.steps[0][1]
    group_of = group_of_columns(columns)
    shares = share_out(
        base_model.steps[-1][1], columns.transform(features), columns.transform(reference), group_of
    )
    return np.pad(shares, ((0, 0), (0, len(REASON_GROUPS) - shares.shape[1])))


def group_of_columns(columns: Any) -> list[int]:
    """The number of the reason group of each column that a fitted ColumnTransformer gives."""
    group_of: list[int] = []
    for step, _, names in columns.transformers_:
        made = columns.output_indices_[step]
        outputs = made.stop - made.start
        # a column for each feature, or several from features that are all of one group
        groups = [group_of_feature(name) for name in names]
        group_of += groups if outputs == len(names) else groups[:1] * outputs
    return group_of


def group_of_feature(name: str) -> int:
    """The number of a feature's reason group; that of OTHER for one of another team's source."""
    groups = list(REASON_GROUPS)
    return groups.index(REASON_GROUP_OF.get(name, OTHER))


def _swap_in_turn(base_model: Pipeline, features: pl.DataFrame, reference: pl.DataFrame) -> Floats:
    """Contributions (rows, REASON_GROUPS) to linear log-odds: what swapping one group after another takes."""
    used = columns_of(base_model)
    groups = [place for place, names in enumerate(REASON_GROUPS.values()) if used.intersection(names)]
    names = [[name for name in group if name in reference.columns] for group in REASON_GROUPS.values()]
    swapped, before = features, base_model.decision_function(features)
    effects = np.zeros((features.height, len(REASON_GROUPS)))
    for group in groups:
        usual = {name: pl.lit(reference[name][0], dtype=reference.schema[name]) for name in names[group]}
        swapped = swapped.with_columns(**usual)
        after = base_model.decision_function(swapped)
        effects[:, group] = before - after
        before = after
    return effects


def name_reasons(contributions: Floats) -> pl.DataFrame:
    """Columns REASONS: codes of the strongest contributions, strongest first; null for weak ones."""
    codes = pl.Series([f"{group}_{way}" for group in REASON_GROUPS for way in ("DOWN", "UP")])
    strongest, values = _strongest(contributions)
    columns: dict[str, pl.Series] = {}
    for place, name in enumerate(REASONS):
        value = values[:, place]
        code = pl.Series(2 * strongest[:, place] + (value > 0), dtype=pl.UInt32)
        strong = pl.Series(np.abs(value) >= MIN_CONTRIBUTION)
        columns[name] = codes.gather(pl.select(pl.when(strong).then(code)).to_series())
    return pl.DataFrame(columns)


def list_reasons(contributions: Floats) -> list[tuple[str | None, ...]]:
    """The same codes as `name_reasons` gives, row by row: quicker where there are few."""
    groups = list(REASON_GROUPS)
    return [_codes_of(row, groups) for row in contributions.tolist()]


def _codes_of(contributions: Sequence[float], groups: Sequence[str]) -> tuple[str | None, ...]:
    strong = [(-abs(one), place) for place, one in enumerate(contributions) if abs(one) >= MIN_CONTRIBUTION]
    places = [place for _, place in sorted(strong)[: len(REASONS)]]
    codes = [f"{groups[place]}_{'UP' if contributions[place] > 0 else 'DOWN'}" for place in places]
    return (*codes, *[None] * (len(REASONS) - len(codes)))


def _strongest(contributions: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Groups and contributions (n, REASONS) of the strongest of each row, strongest first.

    Of a lender of fewer groups than REASONS the others contribute 0.
    """
    n_groups = contributions.shape[1]
    few = n_groups < len(REASONS)
    filled = np.pad(contributions, ((0, 0), (0, len(REASONS) - n_groups))) if few else contributions
    strongest = np.argsort(-np.abs(filled), axis=1, kind="stable")[:, : len(REASONS)]
    return np.minimum(strongest, n_groups - 1), np.take_along_axis(filled, strongest, axis=1)
