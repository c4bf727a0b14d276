"""A source that ends for new applicants: what it explains is no alarm, and what it costs is one."""

from collections.abc import Sequence

import polars as pl
import pytest

from simulator.drift import parse_drift
from simulator.lender import Lender, simulate
from tasks.config import Settings
from tasks.reporting.review_list import applications_to_review
from tasks.store import tables
from tests.builders import START, month, months, quick_settings, run_months

pytestmark = pytest.mark.integration

LAST = 9  # the month in which new applicants have no clickstream, the second that is scored


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("closed")
    drifts = (parse_drift(f"close:clickstream:{LAST + 1}"),)
    simulate(Lender(START, LAST + 1, 150, 3, drifts=drifts), home / "data")
    settings = quick_settings(home / "data", home)
    run_months(settings, months(LAST + 1))
    return settings


def figures(settings: Settings, *names: str) -> dict[str, tuple[float | None, float | None, str]]:
    """Value, reference and status by subject, of the last month."""
    rows = tables.read("gold.monitoring", settings, on=month(LAST))
    chosen = rows.filter(pl.col("metric").is_in(names))
    return {one["subject"]: (one["value"], one["reference"], one["status"]) for one in chosen.to_dicts()}


def statuses(settings: Settings, name: str) -> Sequence[str]:
    return [status for _, _, status in figures(settings, name).values()]


def test_the_source_is_red_and_what_it_explains_is_not(closed: Settings) -> None:
    assert figures(closed, "coverage")["clickstream"][::2] == (0.0, "red")
    assert set(figures(closed, "psi")) == {"score", "score without clickstream"}
    assert "red" not in statuses(closed, "psi")
    watched = figures(closed, "csi")
    assert {watched[f"fe_{n}"][2] for n in range(1, 21)} == {"no data"}


def test_the_change_of_the_paths_is_told(closed: Settings) -> None:
    assert figures(closed, "path_mix") == {
        "with all sources": (0.0, 1.0, "amber"),
        "without clickstream": (1.0, 0.0, "amber"),
    }


def test_what_the_path_costs_shows_in_the_first_month(closed: Settings) -> None:
    """More than development expected of those approved, and not more than of that path."""
    cost = figures(closed, "expected_bad_rate_approved")
    value, before, status = cost["score"]
    assert value is not None
    assert before is not None
    assert value > (1 + 0.25) * before
    assert status in ("amber", "red")
    assert cost["score without clickstream"][2] == "green"


def test_nobody_whose_path_was_validated_is_for_manual_review(closed: Settings) -> None:
    review = applications_to_review(month(LAST), closed)
    assert review.filter(pl.col("reason").str.contains("path|clickstream")).is_empty()
    predictions = tables.read("gold.predictions", closed, on=month(LAST))
    assert set(predictions["fallback"]) == {"clickstream"}
