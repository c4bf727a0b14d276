"""What each group of features adds to a boosting's log-odds, exactly, from the leaves of its trees."""

from collections.abc import Iterator, Sequence
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from tasks.statistics.performance import Floats

Bools = NDArray[np.bool_]
Path = list[tuple[int, bool]]  # from the root to a leaf: node, and whether to the left
UNKNOWN = 255  # code of a value that is missing
MAX_GROUPS = 16  # that one path may go through


def share_out(
    model: HistGradientBoostingClassifier, rows: Floats, reference: Floats, group_of: Sequence[int]
) -> Floats:
    """Shapley value (n, groups) of each group of columns for the log-odds of `rows` against `reference`.

    A leaf is reached by a mix of applicant and reference when each group on its path, taken from the one or
    from the other, passes its splits. With `a` groups that only the applicant passes and `b` that only the
    reference does, each of the former gets (a-1)! b! / (a+b)! of the leaf's value, and each of the latter
    loses a! (b-1)! / (a+b)! of it (interventional TreeSHAP, Lundberg et al. 2020).

    Needs:  (n, columns) and (1, columns) of whole numbers from 0 to 254 or NaN, as the model was fitted to,
            categories first; the group of each column, numbered from 0.
    """
    codes = np.vstack([rows, reference]).T
    coded = np.ascontiguousarray(np.where(np.isnan(codes), UNKNOWN, codes).astype(np.uint8))
    shares = np.zeros((max(group_of) + 1, len(rows)))
    for (tree,) in model._predictors:  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] - leaves have no public name
        nodes = tree.nodes
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        left = {int(node): goes_left(nodes[node], tree)[coded[nodes[node]["feature_idx"]]] for node in inner}
        for leaf, path in leaf_paths(nodes):
            passed = _passes(path, left, nodes, group_of)
            _add_leaf(shares, float(nodes[leaf]["value"]), passed)
    return shares.T


def goes_left(node: Any, tree: Any) -> Bools:
    """For each code (256,) whether it goes to the left; the missing one as the training found best."""
    codes = np.arange(256)
    if node["is_categorical"]:
        words = tree.raw_left_cat_bitsets[node["bitset_idx"]]
        table = ((words[codes // 32] >> (codes % 32).astype(np.uint32)) & 1).astype(bool)
    else:
        table = codes <= node["num_threshold"]
    table[UNKNOWN] = bool(node["missing_go_to_left"])
    return table


def leaf_paths(nodes: Any) -> Iterator[tuple[int, Path]]:
    waiting: list[tuple[int, Path]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        if nodes[node]["is_leaf"]:
            yield node, path
        else:
            waiting.append((int(nodes[node]["left"]), [*path, (node, True)]))
            waiting.append((int(nodes[node]["right"]), [*path, (node, False)]))


def _passes(path: Path, left: dict[int, Bools], nodes: Any, group_of: Sequence[int]) -> dict[int, Bools]:
    """For each group on the path whether each row, the reference last, passes all of its splits."""
    passed: dict[int, Bools] = {}
    for node, to_left in path:
        group = group_of[nodes[node]["feature_idx"]]
        here = left[node] if to_left else ~left[node]
        passed[group] = passed[group] & here if group in passed else here
    return passed


def _add_leaf(shares: Floats, value: float, passed: dict[int, Bools]) -> None:
    """Share a leaf's value among the groups that applicant and reference do not both pass."""
    mine = [group for group, ok in passed.items() if not ok[-1]]
    theirs = {group: ~ok[:-1] for group, ok in passed.items() if ok[-1]}
    alive = np.ones(shares.shape[1], dtype=bool)
    for group in mine:
        alive &= passed[group][:-1]
    rows = np.flatnonzero(alive)
    if not len(rows):
        return
    lost = np.zeros(len(rows), dtype=np.uint8)
    for fails in theirs.values():
        lost += fails[rows]
    gain, loss = shapley_weights(len(mine))
    gained, given = value * gain[lost], value * loss[lost]
    for group in mine:
        shares[group, rows] += gained
    for group, fails in theirs.items():
        shares[group, rows] -= given * fails[rows]


def shapley_weights(a: int) -> tuple[Floats, Floats]:
    """(a-1)! b! / (a+b)! and a! (b-1)! / (a+b)! for b from 0 on; 0 where nobody is there to share."""
    some = range(MAX_GROUPS)
    gain = [factorial(a - 1) * factorial(b) / factorial(a + b) if a else 0.0 for b in some]
    loss = [factorial(a) * factorial(b - 1) / factorial(a + b) if b else 0.0 for b in some]
    return np.array(gain), np.array(loss)
