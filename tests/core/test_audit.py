from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks.config import Settings
from tasks.core.audit import Verdict, audit_columns
from tasks.storage.policy import read_policy
from tests.core import planted

SEEDS = (1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def audited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Verdict]]:
    """Verdicts on columns that leak, and on honest ones, of a lender's source."""
    seed = int(request.param)
    lender = planted.build_lender(tmp_path_factory.mktemp("lender"), seed=seed)
    limits = read_policy(Settings().policy).policy.audit
    kinds = {
        "leaks": planted.leaks(lender, seed=seed),
        "honest": planted.honest_columns(lender, seed=seed),
        "copies": planted.copies(lender),
    }
    return {
        kind: {v.column: v for v in audit_columns(pl.DataFrame(list(columns.values())), lender.book, limits)}
        for kind, columns in kinds.items()
    }


def test_every_planted_leak_is_refused_with_its_evidence(audited: dict[str, dict[str, Verdict]]) -> None:
    assert len(audited["leaks"]) >= 20
    assert [name for name, verdict in audited["leaks"].items() if verdict.admitted] == []
    assert all(verdict.evidence for verdict in audited["leaks"].values())


def test_no_honest_column_is_refused(audited: dict[str, dict[str, Verdict]]) -> None:
    assert len(audited["honest"]) >= 20
    assert {name: v.evidence for name, v in audited["honest"].items() if not v.admitted} == {}


def test_a_copy_of_a_feature_is_refused_as_one(audited: dict[str, dict[str, Verdict]]) -> None:
    assert {verdict.check for verdict in audited["copies"].values()} == {"a copy of ours"}


@pytest.mark.parametrize(
    ("leak", "check"),
    [
        ("label copy", "the outcome itself"),
        ("noisy label", "a shadow of the outcome"),
        ("future aggregate", "a later value"),
        ("shifted by three months", "a later value"),
        ("scaled over the whole period", "whole-period statistics"),
        ("target encoding over all cohorts", "encodes the outcomes"),
        ("id that orders outcomes", "the outcome itself"),
        ("ripe loans only", "chosen by the outcome"),
        ("date of the first reminder", "dates after the application"),
    ],
)
def test_a_leak_is_called_by_its_name(audited: dict[str, dict[str, Verdict]], leak: str, check: str) -> None:
    assert audited["leaks"][leak].check == check


def test_names_and_types_that_no_feature_can_have_are_refused(tmp_path: Path) -> None:
    lender = planted.build_lender(tmp_path, seed=1)
    n = len(lender.book.labels)
    noise = np.random.default_rng(1).normal(size=n)
    columns = pl.DataFrame({"A b": noise, "a_b": noise[::-1], "tags": [["x"]] * n, "day": [b"x"] * n})
    limits = read_policy(Settings().policy).policy.audit
    verdicts = audit_columns(columns, lender.book, limits)
    assert [one.check for one in verdicts] == ["", "a name that is taken", "unreadable", "unreadable"]
