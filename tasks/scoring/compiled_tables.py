"""What each tree of a boosting adds, by table: for many applicants quicker than leaf by leaf.

A tree asks few columns, and each of them for few differences. What it adds is worked out once for each
combination of those that occurs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.scoring.compiled_rows import Codes, Rows
from tasks.scoring.compiled_trees import N_CODES, CompiledTrees, Usual, codes_of, pack, share_leaves, usual_of
from tasks.scoring.tree_shap import Bools
from tasks.statistics.performance import Floats

MAX_SIZE = 2**16  # combinations that a table has room for; of a larger tree those that occur are sorted


@dataclass(frozen=True)
class TreeTable:
    """One tree: the columns that it asks, and by code what each adds (columns, N_CODES) to the combination.

    `passes` holds for each column which leaves (classes, leaves) each of its classes lets through; `groups`
    are places among those of the boosting, of the columns one by one; `usual` is of those.
    """

    columns: tuple[int, ...]
    steps: tuple[Codes, ...]
    passes: tuple[Bools, ...]
    group_of: tuple[int, ...]
    groups: tuple[int, ...]
    usual: Usual
    values: Floats
    size: int


def tabulate(trees: CompiledTrees) -> tuple[TreeTable, ...]:
    """The tables of a boosting, still empty."""
    n_columns = len(trees.order)
    whole = np.unpackbits(trees.let_through.view(np.uint8), axis=1, count=len(trees.values)).view(bool)
    by_column = whole.reshape(n_columns, N_CODES, -1)
    group_of = np.searchsorted(trees.starts, np.arange(n_columns), side="right") - 1
    begins = [0, *trees.ends[:-1]]
    return tuple(
        _tabulate_tree(
            by_column[:, :, begin:end], group_of, trees.usual.lets[:, begin:end], trees.values[begin:end]
        )
        for begin, end in zip(begins, trees.ends, strict=True)
    )


def _tabulate_tree(lets: Bools, group_of: Codes, usual: Bools, values: Floats) -> TreeTable:
    columns = np.flatnonzero(~lets.all(axis=(1, 2)))
    passes: list[Bools] = []
    steps: list[Codes] = []
    size = 1
    for column in columns:
        leaves = pack(lets[column])
        axis = 0 if leaves.shape[1] > 1 else None  # numbers are told apart much sooner than rows
        _, first, which = np.unique(leaves, axis=axis, return_index=True, return_inverse=True)
        passes.append(lets[column][first])
        steps.append(which.ravel() * size)
        size *= len(first)
    groups = np.unique(group_of[columns])
    small: Any = np.int32 if size <= MAX_SIZE else np.int64
    return TreeTable(
        columns=tuple(columns.tolist()),
        steps=tuple(step.astype(small) for step in steps),
        passes=tuple(passes),
        group_of=tuple(np.searchsorted(groups, group_of[columns]).tolist()),
        groups=tuple(groups.tolist()),
        usual=usual_of(usual[groups]),
        values=values,
        size=size,
    )


def look_up_trees(
    trees: CompiledTrees, tables: tuple[TreeTable, ...], rows: Rows, n_groups: int
) -> tuple[Floats, Floats]:
    """As `explain_trees`: log-odds (n,) of the rows, and contributions (n, n_groups)."""
    codes = np.ascontiguousarray(codes_of(trees, rows).T.astype(np.uint8))
    log_odds = np.full(codes.shape[1], trees.baseline)
    shares = np.zeros((n_groups, codes.shape[1]))
    for table in tables:
        at = sum((step[codes[column]] for column, step in zip(table.columns, table.steps, strict=True)), 0)
        occurring, at = _number(np.broadcast_to(at, log_odds.shape), table.size)
        added, by_group = _work_out(table, occurring)
        log_odds += added[at]
        for place, group in enumerate(table.groups):
            shares[trees.groups[group]] += by_group[:, place][at]
    return log_odds, shares.T


def _number(combinations: Codes, size: int) -> tuple[Codes, Codes]:
    """The combinations that occur, and the place of each row's among them."""
    if size > MAX_SIZE:
        return np.unique(combinations, return_inverse=True)
    occurring = np.flatnonzero(np.bincount(combinations, minlength=size))
    place = np.zeros(size, dtype=np.int64)
    place[occurring] = np.arange(len(occurring))
    return occurring, place[combinations]


def _work_out(table: TreeTable, combinations: Codes) -> tuple[Floats, Floats]:
    """What the tree adds (combinations,), and the shares (combinations, groups) of its groups in it."""
    passed = np.ones((len(combinations), *table.usual.lets.shape), dtype=bool)
    size = 1
    for group, classes in zip(table.group_of, table.passes, strict=True):
        passed[:, group] &= classes[combinations // size % len(classes)]
        size *= len(classes)
    added, shares = share_leaves(passed, table.usual, table.values)
    return added, np.asfortranarray(shares)
