"""Every command that the operating procedure names ends well, on a store with a waiting challenger."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from flows.cli.main import command
from flows.engine import run_flow
from flows.inference import inference
from flows.monitoring import monitoring
from simulator.drift import parse_drift
from simulator.lender import Lender, simulate
from tasks.config import Settings
from tasks.modelling.tasks import train_challenger
from tasks.monitoring.actions import actions_on
from tasks.registry.history import load_registry, record
from tasks.registry.records import Change
from tasks.schemas.actions import keep_open
from tests.builders import START, month, months, quick_settings, run_months, take_in

pytestmark = pytest.mark.integration

SOP = Path(__file__).parents[1] / "governance" / "SOP.md"
COMMANDS = list(dict.fromkeys(re.findall(r"`vintage ([^`]+)`", SOP.read_text(encoding="utf-8"))))
DAYS = {"2024-05-01": month(9), "2024-06-01": month(10), "2024-07-01": month(11)}
PACE = {"FIRST_TRAINING_COHORTS": "3", "RETRAIN_EVERY_COHORTS": "2", "TRIALS": "2", "AUTO_APPROVE": "false"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion of the ninth month, a challenger of the eleventh that waits, features of the twelfth.

    A measure moves from the tenth month on, which calls for an action.
    """
    home = tmp_path_factory.mktemp("sop")
    simulate(Lender(START, 12, 80, 1, drifts=(parse_drift("shift:fe_5:10:3"),)), home / "data")
    settings = quick_settings(home / "data", home)
    run_months(settings, months(10))
    take_in(settings, months(12)[10:])
    challenger = train_challenger(month(10), settings)  # waits, whatever the gate says of so small a book
    waits = [Change(challenger, "challenger", "pipeline", "trained on ripe cohorts")]
    record(load_registry(settings), settings, effective_from=month(10), changes=waits)
    for flow in (inference, monitoring):
        run_flow(flow, month(10), settings)
    return home


def words_of(text: str, settings: Settings) -> list[str]:
    champion, challenger = (e.model_id for e in load_registry(settings).entries if e.state == "challenger")
    waiting = any(word in text for word in ("approve", "reject"))
    values = {"OTHER_ID": challenger, "MODEL_ID": challenger if waiting else champion}
    if "TRIGGER" in text:
        values["TRIGGER"] = open_trigger(settings)
    values |= {"NAME": "'Model risk'", "TEXT": "'agreed in the committee'"}
    for name, value in {**values, **{day: str(here) for day, here in DAYS.items()}}.items():
        text = text.replace(name, value)
    return shlex.split(text)


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_of_the_procedure_ends_well(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    home = shutil.copytree(store, tmp_path / "home")
    for name, value in PACE.items():
        monkeypatch.setenv(f"VINTAGE_{name}", value)
    for name in ("data", "datamart", "model_store"):
        monkeypatch.setenv(f"VINTAGE_{name.upper()}", str(home / name))
    monkeypatch.setenv("PREFECT_HOME", str(home / "prefect"))
    (home / "sources.toml").write_bytes(Settings().sources.read_bytes())
    monkeypatch.setenv("VINTAGE_SOURCES", str(home / "sources.toml"))
    if "sources restore" in text:
        ends_well(words_of(text.replace("restore", "retire"), Settings()))
    if "rollback" in text:
        approve = next(other for other in COMMANDS if "models approve" in other)
        ends_well(words_of(approve.replace("2024-07-01", "2024-06-01"), Settings()))
    ends_well(words_of(text, Settings()))


def open_trigger(settings: Settings) -> str:
    return str(keep_open(actions_on(month(10), settings))["trigger"][0])


def ends_well(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command(words)
    assert end.value.code == 0


def test_the_procedure_states_no_number_that_the_policy_may_change() -> None:
    text = SOP.read_text(encoding="utf-8")
    prose = re.sub(r"`[^`]*`|^\| \d \|", "", text, flags=re.MULTILINE)
    assert re.findall(r"\d+", prose) == []
    words = r"\b(two|three|four|five|six|ten|twenty) (\w+ )?(days?|hours?|months|cohorts|loans)\b|per cent"
    assert re.findall(words, prose) == []


def test_the_procedure_names_the_decisions_and_the_routine() -> None:
    named = {" ".join(text.split()[:2]) for text in COMMANDS}
    assert {"models approve", "models rollback", "models verify", "policy check"} <= named
    assert len(COMMANDS) >= 15
