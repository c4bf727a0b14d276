"""The families of models, in one table: all that the search, the fits and the explanations ask of a family.

A new family is one more row of FAMILIES. Where no builder of `base_models.py` fits, the row comes with one of
its own, which assembles its steps and its model as those do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from tasks.lender.current import lender
from tasks.modelling.base_models import BaseModel, build_history_scorecard, build_scorecard, build_trees
from tasks.schemas.feature_store import MEASURES_OF, SOURCES


@dataclass(frozen=True)
class Family:
    """A kind of model: its base models, the hyperparameters tried first, and those a search may draw."""

    name: str
    base_models_of: Callable[[], tuple[BaseModel, ...]]
    defaults: Mapping[str, float]
    search_space: Mapping[str, BaseDistribution]

    @property
    def base_models(self) -> tuple[BaseModel, ...]:
        """The base models on the sources of the lender."""
        return self.base_models_of()


@dataclass(frozen=True)
class ModelSpec:
    """A family's name and hyperparameters: all it takes, besides data and seed, to fit a model again."""

    family: str
    params: Mapping[str, float] = field(default_factory=dict)


def _search_trees(max_trees: int) -> dict[str, BaseDistribution]:
    return {
        "learning_rate": FloatDistribution(0.03, 0.15, log=True),
        "max_iter": IntDistribution(40, max_trees, step=20),
        "max_leaf_nodes": IntDistribution(4, 16),
        "min_samples_leaf": IntDistribution(10, 60, step=10),
        "l2": FloatDistribution(0.1, 30.0, log=True),
        "max_features": FloatDistribution(0.15, 0.8),
    }


def _history_and_profile() -> tuple[BaseModel, ...]:
    """One on the histories, if there are any, and one on who the customer is and how the customer stands."""
    applications = tuple(source.name for source in lender().applications)
    profile = BaseModel("profile", applications, build_trees, "trees")  # beyond 80 trees nothing is gained
    if not MEASURES_OF:
        return (profile,)
    return (BaseModel("history", tuple(MEASURES_OF), build_history_scorecard, "linear"), profile)


TREES = {
    "learning_rate": 0.06,
    "max_iter": 120,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2": 1.0,
    "max_features": 0.3,
}
# The simplest first: it wins a tie.
_ROWS = (
    Family(
        name="logistic",
        base_models_of=lambda: (BaseModel("scorecard", tuple(SOURCES), build_scorecard, "linear"),),
        defaults={"c": 0.05},
        search_space={"c": FloatDistribution(1e-3, 1.0, log=True)},
    ),
    Family(
        name="stack",
        base_models_of=_history_and_profile,
        defaults={**TREES, "learning_rate": 0.09, "max_iter": 80, "evidence_c": 0.02},
        search_space={**_search_trees(80), "evidence_c": FloatDistribution(1e-3, 0.3, log=True)},
    ),
    Family(
        name="boosting",
        base_models_of=lambda: (
            BaseModel("boosting", tuple(SOURCES), build_trees, "trees", fixed_columns=False),  # kappa
        ),
        defaults={**TREES, "kappa": 30.0},
        search_space={**_search_trees(120), "kappa": FloatDistribution(3.0, 300.0, log=True)},
    ),
)
FAMILIES: Mapping[str, Family] = {family.name: family for family in _ROWS}


def default_spec(family: str) -> ModelSpec:
    """A family with the hyperparameters that it has before any search."""
    return ModelSpec(family, FAMILIES[family].defaults)
