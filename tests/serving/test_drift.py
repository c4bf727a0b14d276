"""How far the scores of answers lie from those that their model learned from."""

import json

import pytest

from serving.drift import DayScores, measure_weeks
from tasks.config import Settings
from tasks.registry.history import champion_on, load_registry
from tasks.registry.registered_files import read_reference
from tasks.store import tables
from tests.builders import exit_code, month
from tests.serving.client import TODAY, serving
from tests.serving.conftest import N_MONTHS


def test_the_day_and_its_week_show_a_score_that_moved(
    own: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tables.read("gold.predictions", own, on=month(N_MONTHS - 1)).sort("pd", descending=True)
    asked = [{"customer_id": customer} for customer in rows["customer_id"].head(20)]
    with serving(own) as (client, _):
        assert "vintage_score_psi NaN" in client.get("/metrics").text
        client.post("/v1/score/batch", json={"applications": asked})
        figures = client.get("/metrics").text
    assert "vintage_score_psi_answers 20.0" in figures
    psi = float(figures.partition("\nvintage_score_psi ")[2].partition("\n")[0])
    (week,) = measure_weeks(own).to_dicts()
    assert (week["n"], week["psi"]) == (20, pytest.approx(psi))
    assert psi > 1  # twenty of the worst are no sample of those that the model learned from
    capsys.readouterr()
    assert exit_code(own, "decisions", "drift", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [week]


def test_another_day_begins_anew_and_a_model_without_a_reference_has_no_psi(store: Settings) -> None:
    registry = load_registry(store)
    champion = champion_on(registry, TODAY)
    assert champion is not None
    reference = read_reference(registry, champion.model_id)
    answer = {"model_id": champion.model_id, "pd": 0.2, "score_path": "none"}
    scores = DayScores()
    for day in ("2024-01-01", "2024-01-01", "2024-01-02"):
        scores.add(answer, day)
    assert scores.psi(champion.model_id, reference)[0] == 1
    assert scores.psi("another", reference) == (0, None)
    assert scores.psi(champion.model_id, {**reference, "paths": {}}) == (0, None)


def test_a_log_without_answers_has_no_weeks(own: Settings) -> None:
    assert measure_weeks(own).is_empty()
