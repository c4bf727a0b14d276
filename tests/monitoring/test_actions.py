"""What the figures of a month ask for closes the loop: trainings out of schedule, promotions that wait."""

import re

import pytest

from flows.engine import run_flow
from flows.features import features
from flows.training import training
from simulator.drift import parse_drift
from simulator.lender import Lender, simulate
from tasks.config import Settings
from tasks.monitoring.actions import actions_on, freezes_promotion, requires_training
from tasks.registry.history import champion_on, load_registry
from tasks.registry.settings_of_record import change_settings
from tasks.schemas.actions import keep_open
from tasks.store import tables
from tests.builders import START, month, months, quick_settings, run_months

pytestmark = pytest.mark.integration

N_MONTHS = 15
BEGUN, IN_ARREARS = 8, 13  # months of the first training, and whose figures say that loans are in arrears


@pytest.fixture(scope="module")
def worsened(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lender most of whose loans default from its tenth month on; by schedule it trains once.

    The limits of its policy see in PSI what so small a lender shows of it, whatever the adopted ones are.
    """
    home = tmp_path_factory.mktemp("worsened")
    simulate(Lender(START, N_MONTHS, 150, 1, drifts=(parse_drift("badrate:10:6"),)), home / "data")
    settings = quick_settings(home / "data", home)
    policy, adopted = home / "policy.toml", settings.policy.read_text(encoding="utf-8")
    lower = re.sub(r"(?m)^red = .*$", "red = 0.15", adopted, count=1)
    lower = re.sub(r"(?m)_level = .*$", "_level = 0.9", lower, count=2)
    policy.write_text(lower, encoding="utf-8")
    changes = {"retrain_every_cohorts": 20, "trials": 1, "policy": policy}
    settings = settings.model_copy(update=changes)
    run_months(settings, months(IN_ARREARS + 1))
    return settings


def triggers_on(number: int, settings: Settings) -> set[str]:
    """Triggers whose actions are open."""
    return set(keep_open(actions_on(month(number), settings))["trigger"])


def first_shifted(settings: Settings) -> int:
    """The first month whose figures say that the score shifted."""
    return next(n for n in range(BEGUN, IN_ARREARS) if "score_shifted" in triggers_on(n, settings))


def challengers(settings: Settings) -> dict[str, str]:
    """Why each challenger is one, by the day of its training."""
    lines = [entry for entry in load_registry(settings).entries if entry.state == "challenger"]
    return {entry.effective_from: entry.why for entry in lines}


def test_a_score_that_shifted_trains_a_challenger_out_of_schedule(worsened: Settings) -> None:
    shifted = first_shifted(worsened)
    assert set(challengers(worsened)) >= {str(month(BEGUN)), str(month(shifted + 1))}
    assert not set(challengers(worsened)) & {str(month(n)) for n in range(BEGUN + 1, shifted + 1)}


def test_a_month_asks_for_nothing_on_its_own_day(worsened: Settings) -> None:
    """Its training ran before it was monitored, and a re-run must decide as the first run did."""
    shifted = first_shifted(worsened)
    assert not requires_training(str(month(BEGUN)), month(shifted), worsened)
    assert requires_training(str(month(BEGUN)), month(shifted + 1), worsened)
    assert freezes_promotion(month(IN_ARREARS), worsened) == ""
    assert freezes_promotion(month(IN_ARREARS + 1), worsened) == f"arrears_red of {month(IN_ARREARS)}"


def test_groups_are_compared_over_the_months_of_the_policy(worsened: Settings) -> None:
    figures = tables.read("gold.monitoring", worsened, on=month(IN_ARREARS))
    assert set(figures.filter(metric="fairness")["window"]) == {
        f"months {month(IN_ARREARS - 5):%Y-%m} to {month(IN_ARREARS):%Y-%m}"
    }


def test_red_early_arrears_freeze_the_next_promotion(worsened: Settings) -> None:
    assert "arrears_red" in triggers_on(IN_ARREARS, worsened)
    before = champion_on(load_registry(worsened), month(IN_ARREARS))
    day = month(IN_ARREARS + 1)
    sooner = {"retrain_every_cohorts": "1"}
    change_settings(sooner, day, worsened, by="Head of model risk", reason="more bad loans")
    run_flow(features, day, worsened)
    run_flow(training, day, worsened)
    waits = f"trained on ripe cohorts; waits for a person: arrears_red of {month(IN_ARREARS)}"
    assert challengers(worsened)[str(day)] == waits
    assert champion_on(load_registry(worsened), day) == before
