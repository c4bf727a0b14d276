"""Models in the shadow score what the service answered, and decide nothing."""

import json
import os
import re
import signal
import sys
from collections import Counter
from typing import Any

import pytest

from serving.service import Service
from serving.shadow import process, shadows
from tasks.config import Settings
from tasks.decisions.log import decisions_folder, read_log
from tasks.decisions.shadow_scores import read_scores, shadow_folder
from tasks.evaluation.compare_shadow import compare_shadow
from tasks.registry.history import champion_on, load_registry
from tasks.registry.models import ARTEFACT
from tasks.scoring.shadow_log import order_shadow
from tasks.store import tables
from tests.builders import exit_code, month
from tests.serving.client import TODAY, Client, serving
from tests.serving.conftest import N_MONTHS


@pytest.fixture
def shadow(own: Settings) -> str:
    """The model that `put_into_shadow` chooses."""
    return put_into_shadow(own)


def put_into_shadow(settings: Settings) -> str:
    """The model that does not serve; it scores in the shadow from the last scored month on."""
    registry = load_registry(settings)
    serving_now = champion_on(registry, TODAY)
    assert serving_now is not None
    other = next(e.model_id for e in registry.entries if e.model_id != serving_now.model_id)
    order_shadow(other, month(N_MONTHS - 1), None, settings)
    return other


def ask(client: Client, settings: Settings, n: int) -> list[dict[str, Any]]:
    """What is answered to the first `n` applications of the last scored month, as of their day."""
    day = month(N_MONTHS - 1)
    rows = tables.read("gold.predictions", settings, on=day).sort("loan_id").head(n).to_dicts()
    asked = [
        {"customer_id": row["customer_id"], "loan_id": row["loan_id"], "application_date": str(day)}
        for row in rows
    ]
    given = client.post("/v1/score/batch", json={"applications": asked})
    assert given.status_code == 200
    return given.json()["answers"]


def settled(client: Client, service: Service) -> str:
    """The service's figures once no answer waits for the shadow."""
    client.portal.call(service.shadows.drain)
    return client.get("/metrics").text


def outcomes(figures: str) -> dict[str, int]:
    """How many scores of the shadow came to what."""
    found = re.findall(r'^vintage_shadow_scores_total\{outcome="(.+)"\} (\d+)', figures, re.MULTILINE)
    return {outcome: int(n) for outcome, n in found}


def process_ends(figures: str) -> int:
    """How many processes of the shadow ended by themselves."""
    return int(re.findall(r"^vintage_shadow_process_ends_total (\d+)", figures, re.MULTILINE)[0])


def requests_scored(settings: Settings) -> Counter[str]:
    """How often the files of scores hold each request."""
    lines = [line for path in shadow_folder(settings).iterdir() for line in path.read_text().splitlines()]
    return Counter(json.loads(line)["request_id"] for line in lines)


def test_a_shadow_scores_online_what_it_would_have_scored_in_the_batch(own: Settings, shadow: str) -> None:
    from flows.engine import run_flow
    from flows.inference import inference

    with serving(own) as (client, service):
        ask(client, own, 20)
        assert 'vintage_shadow_scores_total{outcome="scored"} 20.0' in settled(client, service)
    assert {line["answer"]["model_id"] for line in read_log(own)} != {shadow}
    run_flow(inference, month(N_MONTHS - 1), own)
    batch = tables.scan("gold.shadow_predictions", own).select("loan_id", "pd", "grade").collect()
    online = read_scores(shadow, own).select("loan_id", "pd", "grade")
    both = online.join(batch, on="loan_id", suffix="_batch")
    assert both.height == 20
    assert both["pd"].to_list() == pytest.approx(both["pd_batch"].to_list(), abs=1e-12)
    assert both["grade"].to_list() == both["grade_batch"].to_list()


def test_what_was_answered_is_scored_once_and_compared_with_the_shadow_by_month(
    own: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(own) as (client, _):
        without = ask(client, own, 12)
    shadow = put_into_shadow(own)
    with serving(own) as (client, service):
        answers = ask(client, own, 12) + ask(client, own, 12) + ask(client, own, 1)
    assert [{**one, "request_id": ""} for one in answers[:12]] == [
        {**one, "request_id": ""} for one in without
    ]
    assert requests_scored(own) == Counter(one["request_id"] for one in answers)
    assert outcomes(service.figures.text().decode()) == {"scored": len(answers)}
    capsys.readouterr()
    assert exit_code(own, "models", "compare-shadow", shadow, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["month"], row["scored"]) == (f"{month(N_MONTHS - 1):%Y-%m} online", 12)
    path = next(shadow_folder(own).iterdir())
    path.write_text(path.read_text() + '{"at": "20')
    assert compare_shadow(shadow, own).height == 1
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.parent == decisions_folder(own)


def test_what_does_not_fit_or_takes_too_long_is_left_out_and_counted(
    own: Settings, shadow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "MAX_WAITING", 5)
    with serving(own) as (client, service):
        answers = ask(client, own, 12)
        assert outcomes(settled(client, service)) == {"scored": 5, "left out": 7}
        assert read_scores(shadow, own).height == 5
        pid = service.shadows.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(shadows, "MAX_WAITING", 200)
        answers += [one for _ in range(3) for one in ask(client, own, 60)]
        monkeypatch.setattr(shadows, "DRAINED_WITHIN", 0.1)
    found = outcomes(service.figures.text().decode())
    assert found["scored"] == requests_scored(own).total() == 5
    assert found["left out"] > 7
    assert sum(found.values()) == len(answers)


def test_a_shadow_that_cannot_be_used_stops_no_answer(
    own: Settings, shadow: str, caplog: pytest.LogCaptureFixture
) -> None:
    (own.model_store / shadow / ARTEFACT).write_bytes(b"spoiled")
    with serving(own) as (client, service):
        ask(client, own, 3)
        assert "vintage_shadow_scores_total{" not in settled(client, service)
    assert [one.message for one in caplog.records if "No shadow run" in one.message] != []
    assert len(read_log(own)) == 3


def test_another_process_takes_over_from_one_that_was_killed(
    own: Settings, shadow: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(own) as (client, service):
        answers = ask(client, own, 5)
        assert process_ends(settled(client, service)) == 0
        pid = service.shadows.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        answers += ask(client, own, 7)
        figures = settled(client, service)
        assert service.shadows.process.pid != pid
    assert outcomes(figures) == {"scored": 12}
    assert process_ends(figures) == 1
    assert "ended without a word; another takes over" in caplog.text
    assert requests_scored(own) == Counter(one["request_id"] for one in answers)


def test_a_process_that_always_ends_costs_scores_and_no_answer(
    own: Settings, shadow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "score_on", sys.exit)
    with serving(own) as (client, service):
        assert len(ask(client, own, 3)) == 3
        figures = settled(client, service)
        assert (outcomes(figures), process_ends(figures)) == ({"failed": 3}, shadows.TRIES)
        ask(client, own, 2)
        figures = settled(client, service)
        assert (outcomes(figures), process_ends(figures)) == ({"failed": 5}, shadows.TRIES)
        monkeypatch.setattr(shadows, "RESTS_FOR", 0)
        ask(client, own, 2)
        figures = settled(client, service)
    assert (outcomes(figures), process_ends(figures)) == ({"failed": 7}, 2 * shadows.TRIES)
    assert not shadow_folder(own).exists()
