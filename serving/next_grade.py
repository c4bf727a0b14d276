"""What would have to change for a better grade: single features, each alone, all else as it is.

Values are tried that known customers have (quantiles of a number, the words that occur), and of those that
lift the grade the one nearest to today's is told. Nothing is recorded: it is no decision.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from serving.answers import Application, known_of
from serving.snapshot import Snapshot
from tasks.lender.current import lender
from tasks.schemas.feature_store import numbers_of, words_of
from tasks.scoring.compiled_model import Score, score_rows

PERSON = "PERSON"  # the reason group of what an applicant is, and cannot change
QUANTILES = np.linspace(0.0, 1.0, 21)
MAX_CUSTOMERS = 10_000  # whose values are looked at
MAX_WORDS = 30  # of a feature
MAX_GROUP = 32  # trials that are scored before somebody who came meanwhile is let first

Trial = tuple[str, Any]


@dataclass(frozen=True)
class Change:
    """A feature, its value now, the nearest that lifts the grade, and the grade and PD with it alone."""

    feature: str
    now: float | str
    then: float | str
    grade: str
    pd: float


async def find_changes(snapshot: Snapshot, application: Application) -> tuple[Score, list[Change]]:
    """The score of an application, and the changes that give a better grade, lowest PD first."""
    compiled = snapshot.model.compiled
    known = known_of(snapshot.state, compiled.layout, application)
    (base,) = score_rows(compiled, [known])
    values = await asyncio.to_thread(_values_of_customers, snapshot)
    trials = [one for name, some in values.items() if name in known for one in _nearest(name, known, some)]
    found: dict[str, Change] = {}
    for group in _in_groups(trials):
        scores = score_rows(compiled, [{**known, name: value} for name, value in group])
        for (name, value), score in zip(group, scores, strict=True):
            if score.grade < base.grade and name not in found:
                found[name] = Change(name, known[name], value, score.grade, score.pd)
        await asyncio.sleep(0)
    return base, sorted(found.values(), key=lambda one: one.pd)


def _nearest(name: str, known: Mapping[str, Any], values: Sequence[Any]) -> list[Trial]:
    """Other values of a feature than today's, the nearest first; none of a feature that is unknown."""
    now = known[name]
    others = [value for value in values if value != now]
    if now is None or isinstance(now, str):
        return [(name, value) for value in others if now is not None]
    return [(name, value) for value in sorted(others, key=lambda value: abs(value - now))]


def _values_of_customers(snapshot: Snapshot) -> dict[str, list[Any]]:
    """The values to try of each feature that an applicant can change and the model learned."""
    some, layout = snapshot.state.features.head(MAX_CUSTOMERS), snapshot.model.compiled.layout
    free = {name for name in _changeable() if name in layout.numbers or name in layout.words}
    return {name: _values(some[name].drop_nulls()) for name in sorted(free)}


def _changeable() -> set[str]:
    """Features of applications but what the applicant is, and what the declaration protects."""
    groups = {
        name: group
        for one in lender().applications
        for name, group in {**numbers_of(one), **words_of(one)}.items()
    }
    protected = {n for one in lender().applications for n, c in one.by_our_name.items() if c.protected}
    return {name for name, group in groups.items() if group != PERSON and name not in protected}


def _values(column: pl.Series) -> list[Any]:
    if column.dtype == pl.String:
        return column.value_counts(sort=True, parallel=False)[column.name].head(MAX_WORDS).sort().to_list()
    if column.is_empty():
        return []
    found = np.quantile(column.cast(pl.Float64).to_numpy(), QUANTILES, method="nearest")
    return np.unique(found).tolist()


def _in_groups(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    left = iter(trials)
    while group := list(islice(left, MAX_GROUP)):
        yield group
