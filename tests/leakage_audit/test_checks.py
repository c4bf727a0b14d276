import numpy as np
import polars as pl
import pytest

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy
from tasks.leakage_audit.checks import Verdict, audit_columns
from tasks.schemas.source_features import name_feature
from tests.leakage_audit import planted

SEEDS = (1, 2)


LIMITS = read_policy(Settings().policy).policy.audit


@pytest.fixture(scope="module", params=SEEDS)
def lender(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> planted.Lender:
    return planted.build_lender(tmp_path_factory.mktemp("lender"), seed=int(request.param))


@pytest.fixture(scope="module")
def audited(lender: planted.Lender) -> dict[str, dict[str, Verdict]]:
    """Verdicts on columns that leak, and on honest ones, of a lender's source."""
    kinds = {
        "leaks": planted.leaks(lender),
        "honest": planted.honest_columns(lender),
        "copies": planted.copies(lender),
    }
    return {
        kind: {v.column: v for v in audit_columns(pl.DataFrame(list(columns.values())), lender.book, LIMITS)}
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


def test_names_and_types_that_no_feature_can_have_are_refused(lender: planted.Lender) -> None:
    n = len(lender.book.labels)
    noise = np.random.default_rng(1).normal(size=n)
    empty = np.full(n, np.nan)
    columns = {
        "A b": empty,
        "a_b": noise,
        "A-b": noise[::-1],
        "tags": [["x"]] * n,
        "day": [b"x"] * n,
        "%": noise**2,
    }
    checks = [one.check for one in audit_columns(pl.DataFrame(columns), lender.book, LIMITS)]
    assert checks == ["empty", "", "a name that is taken", "unreadable", "unreadable", "no name for it"]


def test_columns_named_in_any_script_are_told_apart(lender: planted.Lender) -> None:
    noise = np.random.default_rng(1).normal(size=(len(lender.book.labels), 2))
    columns = pl.DataFrame(noise, schema=["金额", "Überziehung"])
    assert all(verdict.admitted for verdict in audit_columns(columns, lender.book, LIMITS))
    assert [name_feature("team", name) for name in columns.columns] == ["team__金额", "team__überziehung"]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%Y-%m-%dT00:00:00", "%Y/%m/%d", "%Y%m%d", "%Y-%m", "%Y%m", "%d/%m/%Y", "%d.%m.%Y"]
)
@pytest.mark.parametrize("months", [1, 0])
def test_dates_are_seen_however_they_are_written(lender: planted.Lender, form: str, months: int) -> None:
    days = lender.book.days.dt.offset_by(f"{months}mo")
    written = {"text": days.dt.to_string(form), "some": days.dt.to_string(form)}
    written["some"] = written["some"].scatter(range(0, len(days), 50), "-")
    if form in ("%Y%m%d", "%Y%m"):
        written["number"] = written["text"].cast(pl.Int64)
    for verdict in audit_columns(pl.DataFrame(written), lender.book, LIMITS):
        assert (verdict.check == "dates after the application") == bool(months), verdict


def test_numbers_that_are_no_dates_are_not_taken_for_dates(lender: planted.Lender) -> None:
    numbers = np.random.default_rng(1).integers(10_000_000, 99_999_999, size=len(lender.book.labels))
    (verdict,) = audit_columns(pl.DataFrame({"account": numbers}), lender.book, LIMITS)
    assert verdict.admitted, verdict


def test_infinite_numbers_are_looked_at_as_if_they_were_not_there(lender: planted.Lender) -> None:
    noise = np.random.default_rng(1).normal(size=len(lender.book.labels))
    column = pl.DataFrame({"ratio": np.where(noise > 1, np.inf, noise)})
    (verdict,) = audit_columns(column, lender.book, LIMITS)
    assert verdict.admitted, verdict
