"""A model as flat arrays: the scores, paths and reasons that its pipelines give, far quicker for one row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from tasks.modelling.base_models import Explainer
from tasks.modelling.fallbacks import FallbackEnsemble, answering_path, may_be_missing, name_missing
from tasks.modelling.stacking import HALF_CREDIBLE, StackedModel, all_sources
from tasks.schemas.feature_store import HAS_SOURCE, MONTHS, REASON_GROUP_OF
from tasks.schemas.predictions import grade_of_pd
from tasks.schemas.reasons import REASON_GROUPS
from tasks.schemas.source_features import other_features, other_sources, source_of
from tasks.scoring.compiled_linear import CompiledLinear, compile_linear, explain_linear
from tasks.scoring.compiled_rows import Layout, Rows, frame_to_rows, layout_of, to_rows
from tasks.scoring.compiled_tables import TreeTable, look_up_trees, tabulate
from tasks.scoring.compiled_trees import CompiledTrees, compile_trees, explain_trees
from tasks.scoring.reason_codes import list_reasons
from tasks.statistics.performance import Floats

CompiledBase = CompiledLinear | CompiledTrees
Explain = Callable[[CompiledBase, Rows], tuple[Floats, Floats]]  # log-odds, and the groups' contributions
SLICE = 50_000  # applicants of a frame at a time: a million need no more memory than that
MANY = 2_000  # applicants for whom tables pay


@dataclass(frozen=True)
class CompiledStack:
    """The model of one score path; weights and changes by history (base models,)."""

    base_models: tuple[CompiledBase, ...]
    weights: Floats
    intercept: float
    by_history: Floats
    intercept_by_history: float
    usual: float  # log-odds of the reference applicant that history weighs
    usual_credibility: float
    max_credibility: float


@dataclass(frozen=True)
class CompiledModel:
    """All score paths by name; the sources that may be missing, each with the features that tell."""

    layout: Layout
    lacking: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, CompiledStack]
    months: tuple[str, ...]  # those features that count months of a history which the model learned
    months_group: int


@dataclass(frozen=True)
class Score:
    """What gold.predictions says of an application, without its keys."""

    pd: float
    grade: str
    path: str
    reasons: tuple[str | None, ...]


def compile_model(ensemble: FallbackEnsemble) -> CompiledModel:
    """The flat form of a model that serves; base models that several paths share are compiled once."""
    reference = ensemble.reference
    pipelines = (pipeline for model in ensemble.models.values() for pipeline in model.base_models)
    layout = layout_of(reference, (pipeline.steps[0][1] for pipeline in pipelines))
    rows = to_rows(layout, reference.to_dicts())
    compiled: dict[int, CompiledBase] = {}
    for model in ensemble.models.values():
        for pipeline, explainer in zip(model.base_models, model.explainers, strict=True):
            if id(pipeline) not in compiled:
                compiled[id(pipeline)] = _compile_base(pipeline, explainer, layout, rows)
    ours = [source for source in may_be_missing() if source in all_sources(reference)]
    others = {
        source: tuple(name for name in other_features(reference.columns) if source_of(name) == source)
        for source in other_sources(reference.columns)
    }
    months = tuple(name for name in MONTHS if name in layout.numbers)
    credibility = _credibility(rows, months, layout)[0]
    stacks = {
        path: _compile_stack(model, [compiled[id(one)] for one in model.base_models], rows, credibility)
        for path, model in ensemble.models.items()
    }
    group = list(REASON_GROUPS).index(REASON_GROUP_OF[MONTHS[0]]) if months else 0
    return CompiledModel(layout, {name: (HAS_SOURCE[name],) for name in ours} | others, stacks, months, group)


def _compile_base(pipeline: Any, explainer: Explainer, layout: Layout, reference: Rows) -> CompiledBase:
    if explainer == "trees":
        return compile_trees(pipeline, layout, reference)
    return compile_linear(pipeline, layout, reference, len(REASON_GROUPS))


def _compile_stack(
    model: StackedModel, base_models: Sequence[CompiledBase], reference: Rows, credibility: float
) -> CompiledStack:
    by_history = np.asarray(model.weights_by_history or np.zeros(len(base_models)))
    changed = model.intercept_by_history if model.weights_by_history else 0.0
    usual = np.array([_explain_base(one, reference)[0][0] for one in base_models])
    return CompiledStack(
        base_models=tuple(base_models),
        weights=np.asarray(model.weights),
        intercept=model.intercept,
        by_history=by_history,
        intercept_by_history=changed,
        usual=float(usual @ by_history) + changed,
        usual_credibility=min(credibility, model.max_credibility),
        max_credibility=model.max_credibility,
    )


def _explain_base(model: CompiledBase, rows: Rows) -> tuple[Floats, Floats]:
    if isinstance(model, CompiledTrees):
        return explain_trees(model, rows, len(REASON_GROUPS))
    return explain_linear(model, rows)


def _credibility(rows: Rows, months: Sequence[str], layout: Layout) -> Floats:
    """As `history_credibility`, of months that are NaN where there are none."""
    at = [layout.numbers[name] for name in months]
    longest = np.fmax.reduce(rows.numbers[:, at], axis=1, initial=0.0)  # leaves NaN out
    return longest / (longest + HALF_CREDIBLE)


def score_rows(model: CompiledModel, applicants: Sequence[Mapping[str, Any]]) -> list[Score]:
    """The scores of applicants, each with its features and has_<source> by name, None where unknown."""
    paths = [path_of(model, one) for one in applicants]
    log_odds, contributions = explain_rows(model, applicants, paths)
    codes = list_reasons(contributions)
    pds = [float(pd) for pd in expit(log_odds)]
    return [
        Score(pd, grade_of_pd(pd), path, reasons) for pd, path, reasons in zip(pds, paths, codes, strict=True)
    ]


def path_of(model: CompiledModel, applicant: Mapping[str, Any]) -> str:
    """The score path of an applicant, as `find_paths` names it."""
    lacking = [source for source, tells in model.lacking.items() if not _knows(applicant, tells)]
    return answering_path(name_missing(lacking), model.paths)


def _knows(applicant: Mapping[str, Any], tells: Sequence[str]) -> bool:
    """Whether one of the features says something; has_<source> does by being true."""
    return any(applicant[name] is not None and applicant[name] is not False for name in tells)


def explain_rows(
    model: CompiledModel, applicants: Sequence[Mapping[str, Any]], paths: Sequence[str]
) -> tuple[Floats, Floats]:
    """Calibrated log-odds (n,), and contributions (n, REASON_GROUPS), each by the model of its path."""
    log_odds, contributions = np.zeros(len(paths)), np.zeros((len(paths), len(REASON_GROUPS)))
    for path, stack in model.paths.items():
        at = [place for place, name in enumerate(paths) if name == path]
        if at:
            rows = to_rows(model.layout, [applicants[place] for place in at])
            log_odds[at], contributions[at] = _explain_stack(model, stack, rows, _explain_base)
    return log_odds, contributions


def explain_frame(model: CompiledModel, features: pl.DataFrame, paths: pl.Series) -> tuple[Floats, Floats]:
    """As `explain_rows`, of a frame of features."""
    log_odds, contributions = np.zeros(len(paths)), np.zeros((len(paths), len(REASON_GROUPS)))
    taken = paths.to_numpy()
    tables: dict[int, tuple[TreeTable, ...]] = {}

    def explain(base_model: CompiledBase, rows: Rows) -> tuple[Floats, Floats]:
        if isinstance(base_model, CompiledLinear) or len(taken) < MANY:
            return _explain_base(base_model, rows)
        if id(base_model) not in tables:
            tables[id(base_model)] = tabulate(base_model)
        return look_up_trees(base_model, tables[id(base_model)], rows, len(REASON_GROUPS))

    for path, stack in model.paths.items():
        places = np.flatnonzero(taken == path)
        for at in (places[begin : begin + SLICE] for begin in range(0, len(places), SLICE)):
            rows = frame_to_rows(model.layout, features[at])
            log_odds[at], contributions[at] = _explain_stack(model, stack, rows, explain)
    return log_odds, contributions


def _explain_stack(
    model: CompiledModel, stack: CompiledStack, rows: Rows, explain: Explain
) -> tuple[Floats, Floats]:
    n = len(rows.numbers)
    longer = np.minimum(_credibility(rows, model.months, model.layout), stack.max_credibility)
    log_odds = stack.intercept + longer * stack.intercept_by_history
    contributions = np.zeros((n, len(REASON_GROUPS)))
    for base_model, weight, change in zip(stack.base_models, stack.weights, stack.by_history, strict=True):
        alone, shares = explain(base_model, rows)
        at_length = weight + change * longer
        log_odds += at_length * alone
        contributions += at_length[:, None] * shares
    contributions[:, model.months_group] += (longer - stack.usual_credibility) * stack.usual
    return log_odds, contributions
