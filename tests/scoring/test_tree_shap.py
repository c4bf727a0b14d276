from itertools import combinations
from math import factorial

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from tasks.scoring.tree_shap import share_out

RNG = np.random.default_rng(3)
GROUP_OF = [0, 1, 1, 2, 3]  # the first column is a category


def data(n: int) -> np.ndarray:
    """Whole numbers, the first a category of four, a tenth of the values missing."""
    rows = np.column_stack([RNG.integers(0, 4, n), RNG.integers(0, 32, (n, 4)).reshape(n, 4)]).astype(float)
    rows[RNG.random(rows.shape) < 0.1] = np.nan
    return rows


def fitted() -> HistGradientBoostingClassifier:
    rows = data(800)
    known = np.nan_to_num(rows, nan=9.0)
    risk = (known[:, 0] == 2) * (known[:, 1] - 12) + known[:, 2] * known[:, 3] / 20 - known[:, 4] / 4 - 6
    labels = RNG.random(800) < 1 / (1 + np.exp(-risk / 4))
    model = HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=10, categorical_features=[0])
    return model.fit(rows, labels)


def by_every_coalition(
    model: HistGradientBoostingClassifier, row: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    """Shapley's definition itself: the mean over all orders of what a group adds."""
    groups = sorted(set(GROUP_OF))

    def worth(members: tuple[int, ...]) -> float:
        mixed = np.where(np.isin(GROUP_OF, members), row, reference)
        return float(model.decision_function(mixed[None])[0])

    shares = np.zeros(len(groups))
    for group in groups:
        others = [other for other in groups if other != group]
        for size in range(len(groups)):
            weight = factorial(size) * factorial(len(groups) - size - 1) / factorial(len(groups))
            for members in combinations(others, size):
                shares[group] += weight * (worth((*members, group)) - worth(members))
    return shares


def test_shares_are_shapley_values_with_categories_and_missing_values() -> None:
    model, rows, reference = fitted(), data(40), data(1)
    shares = share_out(model, rows, reference, GROUP_OF)
    expected = np.array([by_every_coalition(model, row, reference[0]) for row in rows])
    assert np.abs(expected).max() > 0.5
    assert np.allclose(shares, expected, atol=1e-9)


def test_the_reference_itself_has_nothing_to_explain() -> None:
    model, reference = fitted(), data(1)
    assert (share_out(model, reference, reference, GROUP_OF) == 0).all()
