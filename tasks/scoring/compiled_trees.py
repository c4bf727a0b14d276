"""A boosting as flat arrays: for each code of a column, which leaves it lets through.

A row reaches the leaf of a tree that all of its columns let through (QuickScorer, Lucchese et al. 2015). The
same bits, put together by reason group, are what TreeSHAP asks of a leaf.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from tasks.modelling.base_models import QuantileBins
from tasks.scoring.compiled_rows import Codes, Layout, Rows, encode_levels, encode_numbers, encode_words
from tasks.scoring.reason_codes import group_of_columns
from tasks.scoring.tree_shap import MAX_GROUPS, Bools, goes_left, leaf_paths, shapley_weights
from tasks.statistics.performance import Floats

N_CODES = 256
Bits = NDArray[np.uint64]


GAIN, LOSS = (np.array(some) for some in zip(*(shapley_weights(a) for a in range(MAX_GROUPS)), strict=True))


@dataclass(frozen=True)
class Usual:
    """Which leaves the reference applicant's groups let through (groups, leaves), and which they stop.

    Shapes: stops (leaves, groups), as numbers; weights_at (leaves,): where the weights of GAIN and LOSS begin
    of a leaf that so many groups stop.
    """

    lets: Bools
    stops: Floats
    weights_at: Codes


def usual_of(lets: Bools) -> Usual:
    """Of the leaves (groups, leaves) that the reference applicant's groups let through."""
    return Usual(lets, (~lets).T.astype(float), (~lets).sum(axis=0) * LOSS.shape[1])


@dataclass(frozen=True)
class CompiledTrees:
    """Columns are in the order of their groups; leaves are those of all trees, one after another.

    Shapes: let_through (columns * N_CODES, leaves as bits, 64 to a number), order and first (columns,),
    starts and groups (groups,), values (leaves,), ends (trees,): where each tree's leaves end.
    """

    encoders: tuple[Callable[[Rows], Codes], ...]
    order: Codes
    let_through: Bits
    starts: Codes
    groups: Codes
    values: Floats
    ends: Codes
    baseline: float
    usual: Usual


def compile_trees(pipeline: Pipeline, layout: Layout, reference: Rows) -> CompiledTrees:
    """The flat form of a fitted pipeline of columns and a boosting."""
    columns: Any = pipeline.steps[0][1]
    model: Any = pipeline.steps[-1][1]
    group_of = np.array(group_of_columns(columns))
    order = np.argsort(group_of, kind="stable")
    groups, starts = np.unique(group_of[order], return_index=True)
    let_through, values, ends = _flatten(model, len(group_of))
    ordered = let_through.reshape(len(group_of), N_CODES, -1)[order].reshape(let_through.shape)
    compiled = CompiledTrees(
        encoders=tuple(
            _encoder_of(name, step, names, layout)
            for name, step, names in columns.transformers_
            if step != "drop"
        ),
        order=order,
        let_through=pack(ordered),
        starts=starts,
        groups=groups,
        values=values,
        ends=ends,
        baseline=float(np.ravel(model._baseline_prediction)[0]),
        usual=usual_of(np.ones((len(groups), len(values)), dtype=bool)),
    )
    return replace(compiled, usual=usual_of(_groups_pass(compiled, reference)[0]))


def _encoder_of(name: str, step: Any, names: Sequence[str], layout: Layout) -> Callable[[Rows], Codes]:
    if name == "categories":
        return encode_words(step, names, layout)
    if isinstance(step, QuantileBins):
        return encode_numbers(step, names, layout)
    means, bins = (one for _, one in step.steps)
    return encode_levels(means, bins, names, layout)


def _flatten(model: Any, n_columns: int) -> tuple[Bools, Floats, Codes]:
    """Which leaves each code of each column lets through, the leaves' values, where those of a tree end."""
    passes: list[Bools] = []
    values: list[float] = []
    ends: list[int] = []
    for (tree,) in model._predictors:
        nodes = tree.nodes
        left = {int(node): goes_left(nodes[node], tree) for node in np.flatnonzero(nodes["is_leaf"] == 0)}
        for leaf, path in leaf_paths(nodes):
            here = np.ones((n_columns, N_CODES), dtype=bool)
            for node, to_left in path:
                here[nodes[node]["feature_idx"]] &= left[node] if to_left else ~left[node]
            passes.append(here.ravel())
            values.append(float(nodes[leaf]["value"]))
        ends.append(len(values))
    return np.ascontiguousarray(np.array(passes).T), np.array(values), np.array(ends)


def codes_of(trees: CompiledTrees, rows: Rows) -> Codes:
    """The code (n, columns) of each column of each row."""
    return np.hstack([encode(rows) for encode in trees.encoders])[:, trees.order]


def _groups_pass(trees: CompiledTrees, rows: Rows) -> Bools:
    """Which leaves (n, groups, leaves) each group of each row lets through."""
    codes = codes_of(trees, rows)
    passed = trees.let_through[codes + np.arange(codes.shape[1]) * N_CODES]
    by_group = np.bitwise_and.reduceat(passed, trees.starts, axis=1)
    return np.unpackbits(by_group.view(np.uint8), axis=2, count=len(trees.values)).view(bool)


def pack(leaves: Bools) -> Bits:
    """Rows of leaves as bits: an eighth of the memory that an applicant's columns have to be read from."""
    packed = np.packbits(leaves, axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def explain_trees(trees: CompiledTrees, rows: Rows, n_groups: int) -> tuple[Floats, Floats]:
    """Log-odds (n,) of the rows, and Shapley values (n, n_groups) of the groups against the reference.

    Source: as `tree_shap.share_out`.
    """
    log_odds, shares = share_leaves(_groups_pass(trees, rows), trees.usual, trees.values)
    contributions = np.zeros((len(shares), n_groups))
    contributions[:, trees.groups] = shares
    return log_odds + trees.baseline, contributions


def share_leaves(passed: Bools, usual: Usual, values: Floats) -> tuple[Floats, Floats]:
    """The sum (n,) of the leaves that are reached, and the groups' shares (n, groups) of it.

    Needs:  which leaves each group lets through: (n, groups, leaves), and those of the reference.
    """
    fails = usual.lets & ~passed
    lost = fails.view(np.uint8).sum(axis=1, dtype=np.uint8)
    at = usual.weights_at + lost
    worth = (passed | usual.lets).all(axis=1) * values
    given = worth * LOSS.ravel()[at]
    shares = (worth * GAIN.ravel()[at]) @ usual.stops - np.matmul(fails, given[:, :, None])[:, :, 0]
    return (worth * (lost == 0)).sum(axis=1), shares
