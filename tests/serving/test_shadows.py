"""Models in the shadow score what the service answered, and decide nothing."""

import json

import pytest

from serving import shadows
from serving.service import Service
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
    """The model that does not serve; it scores in the shadow from the last scored month on."""
    registry = load_registry(own)
    serving_now = champion_on(registry, TODAY)
    assert serving_now is not None
    other = next(e.model_id for e in registry.entries if e.model_id != serving_now.model_id)
    order_shadow(other, month(N_MONTHS - 1), None, own)
    return other


def ask(client: Client, settings: Settings, n: int) -> None:
    """Ask for the first `n` applications of the last scored month, as of their day."""
    day = month(N_MONTHS - 1)
    rows = tables.read("gold.predictions", settings, on=day).sort("loan_id").head(n).to_dicts()
    asked = [
        {"customer_id": row["customer_id"], "loan_id": row["loan_id"], "application_date": str(day)}
        for row in rows
    ]
    assert client.post("/v1/score/batch", json={"applications": asked}).status_code == 200


def settled(client: Client, service: Service) -> str:
    """The service's figures once no answer waits for the shadow."""
    client.portal.call(service.shadows.drain)
    return client.get("/metrics").text


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


def test_what_was_answered_is_compared_with_the_shadow_by_month(
    own: Settings, shadow: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(own) as (client, _):
        ask(client, own, 12)
        ask(client, own, 12)
    capsys.readouterr()
    assert exit_code(own, "models", "compare-shadow", shadow, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["month"], row["scored"]) == (f"{month(N_MONTHS - 1):%Y-%m} online", 12)
    path = next(shadow_folder(own).iterdir())
    path.write_text(path.read_text() + '{"at": "20')
    assert compare_shadow(shadow, own).height == 1
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.parent == decisions_folder(own)


def test_more_answers_than_the_shadow_holds_are_left_out_and_counted(
    own: Settings, shadow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "MAX_WAITING", 5)
    with serving(own) as (client, service):
        ask(client, own, 12)
        figures = settled(client, service)
    assert 'vintage_shadow_scores_total{outcome="scored"} 5.0' in figures
    assert 'vintage_shadow_scores_total{outcome="left out"} 7.0' in figures
    assert read_scores(shadow, own).height == 5


def test_a_shadow_that_cannot_be_used_stops_no_answer(
    own: Settings, shadow: str, caplog: pytest.LogCaptureFixture
) -> None:
    (own.model_store / shadow / ARTEFACT).write_bytes(b"spoiled")
    with serving(own) as (client, service):
        ask(client, own, 3)
        assert "vintage_shadow_scores_total{" not in settled(client, service)
    assert [one.message for one in caplog.records if "No shadow run" in one.message] != []
    assert len(read_log(own)) == 3
